"""The self-contained HTML report of a run."""

from menagerie.report.experiment_section import ReportExperiment
from menagerie.report.figures import ReportFigure, figures_of
from menagerie.report.page import ReportView, render_report

__all__ = ["ReportExperiment", "ReportFigure", "ReportView", "figures_of", "render_report"]
