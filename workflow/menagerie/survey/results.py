"""Results of every recipe, below the folder of a run: what planning compares with the recipe."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from menagerie.errors import MenagerieError
from menagerie.files.made_from import made_from
from menagerie.files.paths import SKEW
from menagerie.provenance.recipe import Recipe, is_current, keep_recipe, write_recipe

# Rule -> results that say what they were made from. Stars stand for parts that differ between jobs of one recipe.
RESULTS = {
    "list_layers": ["layers/{model}.tsv"],
    "extract_geometry": ["geometry/{stimuli}/{model}.h5"],
    "build_stimuli": ["stimuli/{stimuli}.h5"],
    "define_splits": ["splits/{dataset}.parquet"],
    "define_groups": ["groups/{dataset}.parquet"],
    "build_target": ["targets/{dataset}/{subject}.h5"],
    "simulate_target": ["targets/{dataset}/{subject}.h5"],
    "estimate_ceilings": ["ceilings/{dataset}/{subject}.parquet"],
    "score": ["scores/{model}/{dataset}/{subject}/*.parquet"],
    "collect_model": ["scores/{model}/layers.parquet"],
    "select_layers": [
        "scores/{model}/folds.parquet",
        "scores/{model}/selected.parquet",
        "scores/{model}/units.parquet",
        "scores/{model}/resamples.parquet",
    ],
    "collect_tables": [
        "tables/layer_scores.parquet",
        "tables/fold_scores.parquet",
        "tables/model_scores.parquet",
        "tables/unit_scores.parquet",
    ],
    "models_table": ["tables/models.parquet"],
    "score_tables": ["tables/model_scores.parquet", "tables/models.parquet"],
    "published_similarity": ["experiments/model_to_model/{dataset}/*/*.parquet"],
    "reproduce": ["tables/reproduction.parquet"],
    "experiment": ["experiments/{experiment}/data.parquet", "experiments/{experiment}/effects.parquet"],
    "overall": ["experiments/overall/data.parquet", "experiments/overall/effects.parquet"],
    "model_to_model": ["experiments/model_to_model/{dataset}/{subject}/*.parquet"],
    "compare_pairs": ["experiments/pairwise/{dataset}/{subject}.parquet"],
    "pairwise": ["tables/pairwise.parquet"],
    "standing": ["tables/standing.parquet", "tables/neighbours.parquet"],
    "build_new_images": ["predictions/{images}/images.h5"],
    "predict": ["predictions/{images}/{dataset}/{model}.parquet"],
    "replication": ["tables/replication.parquet"],
}
# Rule -> results without room for a note, and the log that says what they were made from.
LOGGED = {
    "leaderboard": (["tables/leaderboard.csv"], "logs/leaderboard.log"),
    "plot_leaderboard": (["figures/leaderboard_{dataset}.svg"], "logs/figures/leaderboard_{dataset}.log"),
    "plot_depth": (["figures/depth_{dataset}.svg"], "logs/figures/depth_{dataset}.log"),
    "plot_experiment": (["figures/experiment_{experiment}_*.svg"], "logs/figures/experiment_{experiment}.log"),
    "plot_people": (["figures/people_{experiment}_*.svg"], "logs/figures/people_{experiment}.log"),
    "plot_overall": (["figures/overall_*.svg"], "logs/figures/overall.log"),
    "plot_supplement": (["figures/supplement_*.svg"], "logs/figures/supplement.log"),
    "plot_model_to_model": (["figures/model_to_model_{dataset}.svg"], "logs/figures/model_to_model_{dataset}.log"),
    "plot_overview": (["figures/overview_{dataset}.svg"], "logs/figures/overview_{dataset}.log"),
    "plot_replication": (["figures/replication.svg"], "logs/figures/replication.log"),
    "replication_page": (["replication.html"], "logs/replication_page.log"),
    "report": (["report.html"], "logs/report.log"),
}


_NO_INPUTS = ("logs", "benchmarks")


class Results:
    """Results of a run on disk.

    Parameters
    ----------
    folder
        Of the run.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def date_back(self) -> None:
        """Give files dated in the future, by a clock or a copy, the time of now.

        Snakemake refuses an output that is older than its input. All get one time, so that none becomes newer.
        """
        now = time.time_ns()
        for place in self.folder.glob("*"):
            for path in _files(place) if place.name not in _NO_INPUTS else ():
                with suppress(OSError):
                    if os.stat(path).st_mtime_ns > now + SKEW * 10**9:  # noqa: PTH116 - see _files
                        os.utime(path, ns=(now, now))

    def of(self, recipe: Recipe) -> list[Path]:
        """Files that exist and are made from recipes of this rule and these wildcards."""
        return sorted(self._existing(recipe))

    def keep(self, path: str, recipe: Recipe) -> None:
        """Bring the recipe file up to date, as :func:`menagerie.provenance.recipe.keep_recipe`.

        Raises
        ------
        MenagerieError
            When the results cannot be written.
        """
        try:
            keep_recipe(Path(path), recipe, self.of(recipe), self._reader(recipe))
        except OSError as error:
            raise MenagerieError(
                f"Results cannot be written: found {error.strerror or error} at {path}, expected a folder that this "
                "run may change. Correct its permissions or free space, or choose another: config key results."
            ) from None

    def preview(self, path: str, recipe: Recipe, scratch: Path) -> str:
        """The recipe file where it is current, else a copy elsewhere that is: for runs that must not write results."""
        if is_current(Path(path), recipe, self.of(recipe), self._reader(recipe)):
            return path
        copy = scratch / path
        write_recipe(copy, recipe)
        return str(copy)

    def made_otherwise(self, recipe: Recipe) -> list[Path]:
        """Results that were made from another recipe."""
        read = self._reader(recipe)
        return [path for path in self.of(recipe) if read(path) != recipe.fingerprint]

    def _reader(self, recipe: Recipe):
        log = LOGGED.get(recipe.rule, (None, None))[1]
        place = self.folder / _filled(log, recipe.wildcards) if log else None
        return lambda path: made_from(path, place)

    def _existing(self, recipe: Recipe) -> Iterator[Path]:
        logged, _ = LOGGED.get(recipe.rule, ([], ""))
        for pattern in RESULTS.get(recipe.rule, logged):
            yield from self.folder.glob(_filled(pattern, recipe.wildcards))


def _files(place: Path) -> Iterator[str]:
    """A file, or every file below a folder; as text: 84,000 objects would triple the time of a start."""
    if place.is_file():
        yield str(place)
    for folder, _, names in os.walk(place):
        yield from (os.path.join(folder, name) for name in names)  # noqa: PTH118 - see above


def _filled(pattern: str, wildcards: Mapping[str, str]) -> str:
    return pattern.format(**wildcards)
