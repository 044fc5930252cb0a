"""Figures of the page: embedded as data, so that the page needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from menagerie.errors import MenagerieError

LARGEST_SVG = 600_000  # bytes; beyond this a PNG is smaller and quicker to show
LARGEST_PAGE = 12_000_000  # bytes of figures; beyond this phones get the wide ones, which scroll sideways


@dataclass(frozen=True)
class ReportFigure:
    """One figure of the page.

    Attributes
    ----------
    title
        Heading, and (with the dataset) what is said to those who cannot see the figure.
    svg
        Figure file; a PNG of the same name must lie beside it.
    caption
        Caption file (reStructuredText: paragraphs, emphasis, code).
    dataset
        Dataset that it shows; empty where it shows several.
    narrow
        The same figure for phones, if there is one.
    """

    title: str
    svg: Path
    caption: Path
    dataset: str = ""
    narrow: Path | None = None


def figures_of(
    paths: Iterable[str | Path], family: str, title: str, datasets: Iterable[str], captions: Path, name: str = ""
) -> list[ReportFigure]:
    """Figures of one family among the files of a run, one per dataset that has one.

    Parameters
    ----------
    paths
        All figures: ``<folder>/<family>_<dataset>.svg``, with the same for phones in ``<folder>/narrow``.
    family, name
        What it draws, and (for experiments) which.
    title
        Heading.
    datasets
        Datasets of the run.
    captions
        Folder with ``<family>.rst``.
    """
    by_name = {Path(path).stem: Path(path) for path in paths}
    stems = {dataset: "_".join(filter(None, (family, name, dataset))) for dataset in datasets}
    found = {dataset: by_name[stem] for dataset, stem in stems.items() if stem in by_name}
    caption = captions / f"{family}.rst"
    return [
        ReportFigure(title, path, caption, dataset, path.parent / "narrow" / path.name)
        for dataset, path in found.items()
    ]


def narrow_fits(figures: Iterable[ReportFigure]) -> bool:
    """Whether a page can hold the figures for phones next to the others."""
    files = [path for figure in figures for path in (figure.svg, figure.narrow) if path]
    return sum(min(path.stat().st_size, LARGEST_SVG) for path in files if path.is_file()) <= LARGEST_PAGE * 3 / 4


def data_uri(svg: Path) -> str:
    """Figure as a data address: the SVG, or its PNG where the SVG is large.

    Raises
    ------
    MenagerieError
        When a file is missing.
    """
    svg = Path(svg)
    try:
        small = svg.stat().st_size <= LARGEST_SVG
        path, kind = (svg, "image/svg+xml") if small else (svg.with_suffix(".png"), "image/png")
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    except OSError as error:
        raise MenagerieError(f"Figure {svg} cannot be read ({error}). Run the workflow again to draw it.") from error
