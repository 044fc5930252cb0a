"""The few lines that a person reads when a run is done."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from menagerie.brain.target import read_region_names
from menagerie.brain.user_files.subjects import compare_regions
from menagerie.files.layer_counts import LayerCount, describe_counts


def top_of_leaderboard(path: str | Path, n: int = 3) -> str:
    """Best models of every dataset, region and metric, as plain text, from ``leaderboard.csv``."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    boards: dict[tuple[str, str, str], list[dict]] = {}
    for row in rows:
        boards.setdefault((row["dataset"], row["region"], row["metric"]), []).append(row)
    return "\n".join(_line(*board, members[:n]) for board, members in boards.items())


def closing_note(
    folder: str | Path, left_out: Mapping[str, str] | None = None, layers: Sequence[LayerCount] = ()
) -> str:
    """Top of the leaderboard, and where report and tables of a run lie; only what is there, after a partial run.

    ``left_out`` are models that the run went on without, and why; ``layers`` what is known of each model's layers.
    """
    folder = Path(folder)
    board, report = folder / "tables" / "leaderboard.csv", folder / "report.html"
    top = f"{top_of_leaderboard(board)}\n\n" if board.is_file() else ""
    place = f"Report: {report}\nTables: {board.parent}/" if report.is_file() else f"Results: {folder}/ (no report yet)"
    missing = "".join(f"Left out: {model}. {reason}\n" for model, reason in (left_out or {}).items())
    counted = "".join(f"{line}.\n" for line in describe_counts(layers))
    return f"\n{top}{place}\n{counted}{missing}{_region_remarks(folder / 'targets')}"


def _region_remarks(targets: Path) -> str:
    """Regions of a dataset whose names differ in case only between subjects, in the targets that are there."""
    lines = []
    for dataset in sorted(path for path in targets.glob("*") if path.is_dir()):
        regions = {path.stem: read_region_names(path) for path in sorted(dataset.glob("*.h5"))}
        lines += [f"Dataset {dataset.name}: {remark.text} {remark.advice}\n" for remark in compare_regions(regions)]
    return "".join(lines)


def _line(dataset: str, region: str, metric: str, best: list[dict]) -> str:
    names = ", ".join(f"{row['model']} {float(row['score']):.3f}" for row in best)
    return f"{dataset} / {region} / {metric}: {names}"
