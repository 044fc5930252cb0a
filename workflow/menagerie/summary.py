"""The few lines that a person reads when a run is done."""

from __future__ import annotations

import csv
from pathlib import Path


def top_of_leaderboard(path: str | Path, n: int = 3) -> str:
    """Best models of every dataset, region and metric, as plain text, from ``leaderboard.csv``."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    boards: dict[tuple[str, str, str], list[dict]] = {}
    for row in rows:
        boards.setdefault((row["dataset"], row["region"], row["metric"]), []).append(row)
    return "\n".join(_line(*board, members[:n]) for board, members in boards.items())


def _line(dataset: str, region: str, metric: str, best: list[dict]) -> str:
    names = ", ".join(f"{row['model']} {float(row['score']):.3f}" for row in best)
    return f"{dataset} / {region} / {metric}: {names}"
