"""The self-contained HTML report of a run."""

from menagerie.report.page import ReportExperiment, ReportFigure, render_report

__all__ = ["ReportExperiment", "ReportFigure", "render_report"]
