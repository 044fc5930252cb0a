"""Random sequences of edits: after each run, the tables equal those of a run from an empty folder, byte for byte.

    python benchmarks/edits.py [--sequences 200] [--edits 3] [--seed 0] [--folder DIR]

The project is the tests' small one with its analyses. An edit changes the config, a source, a result or Snakemake's
records; some are taken back. Runs from an empty folder are kept by what they depend on, so that each state is run once.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "workflow"))
from conftest import Project, make_project  # the tests' small project

TABLES = ("layer_scores", "model_scores", "unit_scores", "models")
TARGETS = [f"results/tiny/tables/{name}.parquet" for name in TABLES]
CONFIGS = {
    "penalties": [[10.0, 1000.0], [10, 1000], [1000.0, 10.0], [100.0]],
    "metrics": [["crsa"], ["versa", "crsa"], ["crsa", "versa", "encoding_r"]],
    "layers": [["blocks.[02]", "layer[24].0.act2"], ["layer[24].0.act2", "blocks.0"], ["blocks.?", "layer?.0.act2"]],
    "models": [["test_vit_random"], ["test_vit_random", "tiny_trained"], ["tiny_trained"]],
    "projection": [{"n_components": 100}, {"n_components": 100, "seed": 1}],
    "bootstrap": [{"n_resamples": 100}, {"n_resamples": 100, "seed": 1}],
    "layers_per_job": [1, "auto"],
}


def small(folder: Path) -> Project:
    """One dataset, two subjects, two networks."""
    project = make_project(folder)
    project.configure(
        datasets={"animals": {"reader": "own", "options": {"folder": "data/animals"}}}, layers_per_job="auto"
    )
    shutil.rmtree(folder / "data" / "animals" / "dora")
    shutil.rmtree(folder / "data" / "animals" / "ben")
    return project


def edit_config(project: Project, draw: random.Random) -> str:
    key = draw.choice(sorted(CONFIGS))
    value = draw.choice(CONFIGS[key])
    project.configure(**{key: value})
    return f"{key}: {value}"


def edit_responses(project: Project, draw: random.Random) -> str:
    path, factor = data(project) / "anna" / "responses.npy", draw.choice([-1.0, 2.0])
    return keeping_time(path, lambda: np.save(path, np.load(path) * factor + draw.choice([0.0, 1.0])))


def edit_image(project: Project, draw: random.Random) -> str:
    path = draw.choice(sorted((data(project) / "images").glob("*.png")))
    return keeping_time(path, lambda: Image.fromarray(255 - np.asarray(Image.open(path))).save(path))


def edit_checkpoint(project: Project, draw: random.Random) -> str:
    from safetensors.numpy import load_file, save_file

    path, factor = project.folder / "data" / "tiny_trained.safetensors", draw.choice([0.5, 2.0])
    scaled = {name: np.asarray(value * factor, value.dtype) for name, value in load_file(path).items()}
    return keeping_time(path, lambda: save_file(scaled, path))


def add_or_remove_subject(project: Project, draw: random.Random) -> str:
    folder = data(project) / "eve"
    if folder.exists():
        shutil.rmtree(folder)
    else:
        shutil.copytree(data(project) / "anna", folder)
    return "subject eve comes or goes"


def add_or_remove_units(project: Project, draw: random.Random) -> str:
    path = data(project) / "anna" / "units.csv"
    if path.exists():
        path.unlink()
    else:
        path.write_text("regions\n" + "V1\n" * 3 + "IT\n" * 3)
    return "unit table comes or goes"


def touch_everything(project: Project, draw: random.Random) -> str:
    for path in [*(project.folder / "data").rglob("*"), *project.results.rglob("*")]:
        os.utime(path)
    return "every file touched"


def lose_records(project: Project, draw: random.Random) -> str:
    shutil.rmtree(project.folder / ".snakemake", ignore_errors=True)
    return "records lost"


def lose_results(project: Project, draw: random.Random) -> str:
    files = sorted(path for path in project.results.rglob("*") if path.is_file())
    for path in draw.sample(files, k=min(3, len(files))):
        path.unlink()
    return "three results deleted"


def save_or_restore(project: Project, draw: random.Random) -> str:
    saved = project.folder / "saved"
    if not saved.exists():
        shutil.copytree(project.folder / "results", saved)
        return "results saved"
    shutil.rmtree(project.folder / "results")
    saved.rename(project.folder / "results")
    return "results restored"


def restore_some(project: Project, draw: random.Random) -> str:
    """Single files of an earlier state, with their times, in place of those of now."""
    saved = project.folder / "saved"
    files = sorted(path for path in saved.rglob("*") if path.is_file()) if saved.exists() else []
    for path in draw.sample(files, k=min(5, len(files))):
        place = project.folder / "results" / path.relative_to(saved)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    return f"{min(5, len(files))} results restored"


def run_otherwise(project: Project, draw: random.Random) -> str:
    options = draw.choice([["--rerun-triggers", "mtime"], ["--touch"], ["--until", "score"], ["--dry-run"]])
    project.snakemake(*TARGETS, *options)
    return " ".join(options)


EDITS: list[Callable[[Project, random.Random], str]] = [
    edit_config,
    edit_config,
    edit_config,
    edit_responses,
    edit_image,
    edit_checkpoint,
    add_or_remove_subject,
    add_or_remove_units,
    touch_everything,
    lose_records,
    lose_results,
    save_or_restore,
    restore_some,
    run_otherwise,
]


def data(project: Project) -> Path:
    return project.folder / "data" / "animals"


def keeping_time(path: Path, change: Callable[[], object]) -> str:
    """Change a file and give it the time of modification that it had."""
    before = path.stat().st_mtime_ns
    change()
    os.utime(path, ns=(before, before))
    return f"{path.name} changed under its old time"


def tables(project: Project) -> dict[str, bytes]:
    return {name: (project.folder / name).read_bytes() for name in TARGETS}


def from_scratch(project: Project, folder: Path) -> dict[str, bytes]:
    """Tables of a run of the same config and sources that starts with nothing."""
    kept = shutil.ignore_patterns("results", "resources", ".snakemake", "saved", "__pycache__")
    shutil.copytree(project.folder, folder, ignore=kept)
    fresh = Project(folder, dict(project.environment))
    fresh.run(*TARGETS)
    found = tables(fresh)
    shutil.rmtree(folder)
    return found


def sequence(start: Project, folder: Path, draw: random.Random, n_edits: int) -> list[str]:
    """Edits of one sequence, each followed by a run; raises where tables are not those of a run from nothing."""
    project, done = start.copy(folder / "project"), []
    for number in range(n_edits):
        done += [edit(project, draw) for edit in draw.sample(EDITS, k=draw.choice([1, 2]))]
        project.run(*TARGETS)
        if number == n_edits - 1 and tables(project) != from_scratch(project, folder / "fresh"):
            raise AssertionError(f"tables differ from those of a run from an empty folder after: {'; '.join(done)}")
    shutil.rmtree(folder)
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--edits", type=int, default=3, help="runs of one sequence")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp())
    (folder / "start").mkdir(parents=True)
    start = small(folder / "start")
    start.run(*TARGETS)
    began = time.monotonic()
    for number in range(given.sequences):
        done = sequence(start, folder / str(number), random.Random(1000 * given.seed + number), given.edits)
        print(f"{number + 1}\t{time.monotonic() - began:.0f} s\t{'; '.join(done)}", flush=True)
    print(f"{given.sequences} sequences: tables equal, byte for byte")


if __name__ == "__main__":
    main()
