"""Planning at the paper's scale (224 models, second half of 42,192 layers, 4 subjects): seconds and memory of dry runs.

    python benchmarks/dag_scale.py <folder> [layers_per_job ...]

Nothing is scored: results are small files with the right names that say what they were made from; the target is the
run's tables. A dry run with ``--quiet rules progress`` ends where the first job would start. Cases: cold (inventories,
no scores); whole (everything is there, the graph is whole); finished (what Snakemake does next time); one model
added.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import yaml

from menagerie.files.inventory import InventoryHeader, LayerInfo, block_name, write_inventory
from menagerie.files.tables import write_table
from menagerie.provenance.recipe import write_recipe
from menagerie.survey.contents import Survey
from menagerie.survey.recipes import Recipes
from menagerie.survey.results import RESULTS

ROOT = Path(__file__).parents[1]
N_MODELS, N_LAYERS, SUBJECTS = 224, 42192, ("subj01", "subj02", "subj05", "subj07")
PACK = 200
TABLES = ("layer_scores", "model_scores", "unit_scores", "models")


def make_project(folder: Path, layers_per_job: int | str) -> None:
    """The workflow with a config and a model table of that size, and inventories."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "Snakefile", folder)
    shutil.copytree(ROOT / "config", folder / "config")
    data = folder / "data"
    for subject in SUBJECTS:
        (data / subject).mkdir(parents=True)
        np.save(data / subject / "responses.npy", np.zeros((8, 2)))
    (data / "images").mkdir()
    for number in range(8):
        (data / "images" / f"{number}.png").touch()
    names = [f"model{number:03d}" for number in range(N_MODELS + 1)]
    rows = ["id\tprovider\tbuilder\tweights\ttraining", *(f"{name}\ttimm\ttest_vit\trandom\trandom" for name in names)]
    (folder / "config" / "models.tsv").write_text("\n".join(rows) + "\n")
    config = {
        "run": "scale",
        "models": names[:N_MODELS],
        "layers": "second_half",
        "layers_per_job": layers_per_job,
        "datasets": {"big": {"reader": "own", "subjects": list(SUBJECTS), "options": {"folder": "data"}}},
    }
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    recipes = recipes_of(folder)
    for name, count in zip(names, layer_counts(), strict=True):
        path = folder / "results" / "scale" / "layers" / f"{name}.tsv"
        write_inventory(path, inventory(count), InventoryHeader(recipes.fingerprint("list_layers", model=name)))


def recipes_of(folder: Path) -> Recipes:
    """Recipes as the workflow computes them from this folder."""
    os.chdir(folder)
    config = yaml.safe_load((folder / "config" / "config.yaml").read_text())
    return Recipes(Survey.from_config(config), folder / "workflow" / "scripts")


def layer_counts() -> list[int]:
    """Layers per model: the paper's sum over 224 models, and one more model of middle size."""
    base, rest = divmod(N_LAYERS, N_MODELS)
    return [*(base + (number < rest) for number in range(N_MODELS)), base]


def inventory(count: int) -> list[LayerInfo]:
    return [LayerInfo(i, f"block.{i}", "Conv2d", (64, 8, 8), 4096, i / max(1, count - 1)) for i in range(count)]


def finish(folder: Path, layers_per_job: int | str) -> None:
    """Every result as a small file that says what it was made from, older ones first."""
    recipes = recipes_of(folder)
    recipes.of("collect_tables", {})
    recipes.of("models_table", {})
    size = PACK if layers_per_job == "auto" else int(layers_per_job)
    blocks = {f"model{number:03d}": block_names(count, size) for number, count in enumerate(layer_counts()[:N_MODELS])}
    for recipe in recipes.known():
        write_recipe(folder / recipes.path(recipe.rule, recipe.wildcards), recipe)
    for recipe in recipes.known():
        for pattern in RESULTS[recipe.rule]:
            path = folder / "results" / "scale" / pattern.format(**recipe.wildcards)
            if recipe.rule == "score":
                first, *others = (path.with_name(f"{name}.parquet") for name in blocks[recipe.wildcards["model"]])
                write_result(first, recipe.fingerprint)
                for other in others:
                    other.hardlink_to(first)
            elif recipe.rule != "list_layers":
                write_result(path, recipe.fingerprint)


def block_names(count: int, size: int) -> list[str]:
    return [block_name(range(first, min(first + size, count))) for first in range(count // 2, count, size)]


def write_result(path: Path, made_from: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.attrs["made_from"] = made_from
    else:
        write_table(path, pa.table({"score": []}), {"made_from": made_from})


def plan(folder: Path, *options: str) -> tuple[float, float, float]:
    """Wall seconds, processor seconds, and peak memory in GB of one start of Snakemake."""
    tables = [f"results/scale/tables/{name}.parquet" for name in TABLES]
    options = options or ("--dry-run", "--quiet", "rules", "progress")  # ends where the first job would start
    command = [sys.executable, "-m", "snakemake", *tables, *options]
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status:
        sys.exit(output[-3000:])
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    print("layers_per_job\tcase\twall s\tCPU s\tGB")
    for text in sys.argv[2:] or ["1", "auto"]:
        size = text if text == "auto" else int(text)
        make_project(folder, size)
        report(size, "cold", plan(folder))
        finish(folder, size)
        report(size, "whole", plan(folder, "--summary"))
        report(size, "finished", plan(folder))
        config = folder / "config" / "config.yaml"
        config.write_text(config.read_text().replace("models:\n", f"models:\n- model{N_MODELS:03d}\n", 1))
        report(size, "one model added", plan(folder))


def report(size: int | str, case: str, found: tuple[float, float, float]) -> None:
    wall, processor, memory = found
    print(f"{size}\t{case}\t{wall:.1f}\t{processor:.1f}\t{memory:.2f}", flush=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
