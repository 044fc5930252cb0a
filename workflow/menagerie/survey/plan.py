"""What a run will cost, before anything runs: ``python -m menagerie.survey.plan [config]``.

Jobs by rule, core-hours, GPU-hours, peak memory and disk, in all and by model. Reads the config, the layer inventories
(``snakemake inventories`` takes them) and, as calibration, the times that Snakemake noted for finished jobs of
any run; without them the constants of :mod:`menagerie.survey.costs` hold.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from menagerie.brain.readers import reader_module
from menagerie.errors import MenagerieError, on_screen
from menagerie.files.inventory import LayerInfo, block_range, read_header, read_inventory
from menagerie.provenance.jobs import command
from menagerie.survey import costs
from menagerie.survey.config import read_config
from menagerie.survey.contents import Survey
from menagerie.survey.datasets import Dataset

ASSUMED_IMAGES, ASSUMED_UNITS = 1000, 5000
# Core seconds and MB of the rules whose work hardly depends on the config; finished jobs replace them.
FLAT = {
    "list_layers": (5.0, 800),
    "select_layers": (1.0, 300),
    "collect_model": (0.3, 100),
    "build_target": (5.0, 500),
    "figures and report": (30.0, 400),
}


COLUMNS = ("jobs", "core h", "GPU h", "peak GB", "disk GB", "GPU GB")


@dataclass
class Estimate:
    """Jobs of one rule (of one model, or in all)."""

    jobs: int = 0
    core_seconds: float = 0.0
    gpu_seconds: float = 0.0
    peak_mb: float = 0.0
    disk_bytes: float = 0.0
    gpu_mb: float = 0.0

    def add(self, other: Estimate) -> None:
        """Add jobs; memory is that of the largest."""
        self.jobs += other.jobs
        self.core_seconds += other.core_seconds
        self.gpu_seconds += other.gpu_seconds
        self.peak_mb = max(self.peak_mb, other.peak_mb)
        self.disk_bytes += other.disk_bytes
        self.gpu_mb = max(self.gpu_mb, other.gpu_mb)


def size_of(survey: Survey, dataset: Dataset, subject: str) -> tuple[int, int]:
    """Images and units of a subject: from its target where there is one, else assumed."""
    import h5py

    path = Path(survey.folder) / "targets" / dataset.name / f"{subject}.h5"
    if not path.is_file():
        return _images_of(dataset), ASSUMED_UNITS
    with h5py.File(path, "r") as file:
        return len(file["image_ids"]), file["responses"].shape[1] if "responses" in file else 0


def _images_of(dataset: Dataset) -> int:
    """Images of a dataset that is not built yet: as published, as in its folder, as its options say, or assumed."""
    reader = reader_module(dataset.reader)
    if hasattr(reader, "image_ids"):
        return len(reader.image_ids())
    if hasattr(reader, "count_images"):
        return reader.count_images(dataset.options)
    files = dataset.inputs("").get("images")
    if isinstance(files, list):
        return len(files)
    return int({**reader.OPTIONS, **dataset.options}.get("n_images", ASSUMED_IMAGES))


@dataclass(frozen=True)
class Network:
    """What a plan needs of a model: the chosen layers, the seconds of one image through it, its inventory and size."""

    layers: list[LayerInfo]
    forward: float
    inventory: list[LayerInfo]
    parameters: int


def read_network(survey: Survey, model: str) -> Network | None:
    """The network as its inventory has it; None where there is none yet."""
    path = Path(survey.folder) / "layers" / f"{model}.tsv"
    if not path.is_file():
        return None
    inventory = read_inventory(path)
    forward = costs.forward_seconds(read_header(path).multiply_adds, inventory)
    parameters = int(survey.spec(model).metadata["parameters"] or 0)
    return Network(survey.layers(inventory, model), forward, inventory, parameters)


def plan_model(survey: Survey, network: Network, sizes: Mapping, factors: Mapping[str, float]) -> dict:
    """Rule -> Estimate of one model; ``sizes`` is (dataset, subject) -> (images, units)."""
    config, layers = survey.config, network.layers
    budget, batch = config["memory_budget_mb"], config["images"]["batch_size"]
    images = {d.stimuli: max(sizes[d.name, s][0] for s in d.subjects) for d in survey.datasets.values()}
    found = {rule: Estimate(1, *_flat(rule, factors)) for rule in ("list_layers", "collect_model", "select_layers")}
    extraction = found["extract_geometry"] = Estimate()
    for n in images.values():
        seconds = costs.extraction_seconds(layers, n, budget, network.forward)
        seconds *= factors.get("extract_geometry", 1)
        memory = costs.extraction_memory_mb(layers, n, budget)
        on_gpu = costs.gpu_memory_mb(layers, network.inventory, n, budget, batch, network.parameters)
        on_gpu = 0 if config["device"] == "cpu" else on_gpu
        extraction.add(Estimate(1, seconds, seconds, memory, costs.geometry_bytes(n, len(layers)), on_gpu))
    score = found["score"] = Estimate()
    chosen = {layer.index for layer in layers}
    for (dataset, _), (n, units) in sizes.items():
        shares = survey.datasets[dataset].train_shares
        for block in survey.packs(layers):
            first, last = block_range(block)
            count = sum(first <= index <= last for index in chosen)
            seconds = costs.scoring_seconds(count, n, units, survey.n_penalties, shares)
            memory = costs.scoring_memory_mb(n, units)
            score.add(Estimate(1, factors.get("score", 1) * seconds, 0.0, memory, 12e3 + 500 * count))
    return found


def _flat(rule: str, factors: Mapping[str, float]) -> tuple[float, float, float]:
    seconds, memory = FLAT[rule]
    return factors.get(rule, 1) * seconds, 0.0, memory


def finished_times(survey: Survey) -> Iterable[tuple[str, str, str, str, float]]:
    """Rule, model, dataset or stimulus set, block, and seconds of every finished job of this run.

    Seconds that a job held its core: Snakemake's processor time is a sample that misses the end of a job.
    """
    folder = Path(survey.folder) / "benchmarks"
    for path in folder.rglob("*.tsv"):
        with path.open(newline="") as file:
            times = [row["s"] for row in csv.DictReader(file, delimiter="\t")]
        parts = path.relative_to(folder).with_suffix("").parts
        if times and times[0] not in ("NA", "-"):
            rule, model, data, block = _job_of(parts)
            yield rule, model, data, block, float(times[0])


def _job_of(parts: tuple[str, ...]) -> tuple[str, str, str, str]:
    if parts[0] == "scores" and len(parts) == 5:
        return "score", parts[1], f"{parts[2]}/{parts[3]}", parts[4]
    if parts[0] == "scores":
        return parts[-1], parts[1], "", ""
    if parts[0] == "geometry":
        return "extract_geometry", parts[2], parts[1], ""
    return {"layers": "list_layers", "targets": "build_target"}.get(parts[0], parts[0]), parts[-1], "", ""


def calibrate(survey: Survey, networks: Mapping[str, Network], sizes: Mapping) -> dict[str, float]:
    """Rule -> measured over estimated core seconds, the ratio of sums over finished jobs of these networks."""
    images = {d.stimuli: max(sizes[d.name, s][0] for s in d.subjects) for d in survey.datasets.values()}
    sums: dict[str, list[float]] = {}
    for rule, model, data, block, seconds in finished_times(survey):
        network = networks.get(model)
        layers = network.layers if network else []
        if rule == "score" and tuple(data.split("/")) in sizes:
            first, last = block_range(block)
            count = sum(first <= layer.index <= last for layer in layers)
            n, units = sizes[tuple(data.split("/"))]
            shares = survey.datasets[data.split("/")[0]].train_shares
            expected = costs.scoring_seconds(count, n, units, survey.n_penalties, shares) if count else 0
        elif rule == "extract_geometry" and layers and data in images:
            budget = survey.config["memory_budget_mb"]
            expected = costs.extraction_seconds(layers, images[data], budget, network.forward)
        else:
            expected = FLAT[rule][0] if rule in FLAT and (network or rule == "build_target") else 0
        if expected:
            pair = sums.setdefault(rule, [0.0, 0.0])
            pair[0] += seconds
            pair[1] += expected
    return {rule: measured / expected for rule, (measured, expected) in sums.items() if expected}


def sizes_of(survey: Survey) -> dict[tuple[str, str], tuple[int, int]]:
    """(dataset, subject) -> images and units."""
    return {(d.name, s): size_of(survey, d, s) for d in survey.datasets.values() for s in d.subjects}


def make_plan(survey: Survey) -> tuple[dict[str, Estimate], dict[str, Estimate], list[str]]:
    """Estimates by rule and by model, and notes on what was assumed.

    Raises
    ------
    MenagerieError
        When there is no layer inventory at all.
    """
    sizes = sizes_of(survey)
    networks = {model: network for model in survey.models if (network := read_network(survey, model))}
    if not networks:
        raise MenagerieError(
            f"No layer inventory in {survey.folder}/layers. First run `snakemake inventories`: "
            "it builds every network once, without weights."
        )
    typical = sorted(networks.values(), key=lambda network: len(network.layers))[len(networks) // 2]
    factors = calibrate(survey, networks, sizes)
    by_rule, by_model = {}, {}
    for model in survey.models:
        total = by_model[model] = Estimate()
        for rule, estimate in plan_model(survey, networks.get(model, typical), sizes, factors).items():
            by_rule.setdefault(rule, Estimate()).add(estimate)
            total.add(estimate)
    by_rule["build_target"] = Estimate(len(sizes), len(sizes) * _flat("build_target", factors)[0], 0, 500)
    by_rule["figures and report"] = Estimate(2 * len(survey.datasets) + 4, *_flat("figures and report", factors))
    missing = len(survey.models) - len(networks)
    notes = [f"{missing} models have no inventory yet: counted as {len(typical.layers)} layers each"] if missing else []
    if any(units == ASSUMED_UNITS for _, units in sizes.values()):
        notes.append(f"some targets are not built yet: {ASSUMED_IMAGES} images and {ASSUMED_UNITS} units assumed")
    notes.append(
        "calibrated by finished jobs of: " + ", ".join(sorted(factors))
        if factors
        else "not calibrated: no finished job"
    )
    return by_rule, by_model, notes


def render(by_rule: Mapping[str, Estimate], by_model: Mapping[str, Estimate], notes: Iterable[str]) -> str:
    """The plan as plain text."""
    total = Estimate()
    for estimate in by_rule.values():
        total.add(estimate)
    lines = [_line("", *COLUMNS)]
    lines += [_row(name, estimate) for name, estimate in [*by_rule.items(), ("total", total)]]
    lines += ["", _line("model", *COLUMNS)]
    lines += [_row(name, estimate) for name, estimate in by_model.items()]
    note = (
        "GPU h: core hours of extraction, as if on a GPU job's own core; a GPU is several times faster.\n"
        "GPU GB: memory of the largest extraction on a GPU, an upper bound."
    )
    return "\n".join([*lines, "", note, *notes])


def _row(name: str, e: Estimate) -> str:
    hours = (f"{seconds / 3600:.3f}" for seconds in (e.core_seconds, e.gpu_seconds))
    peak, on_gpu = (f"{megabytes / 1e3:.1f}" for megabytes in (e.peak_mb, e.gpu_mb))
    return _line(name, str(e.jobs), *hours, peak, f"{e.disk_bytes / 1e9:.3f}", on_gpu)


def _line(name: str, *cells: str) -> str:
    return name.ljust(28) + "".join(cell.rjust(10) for cell in cells)


@command
def main(arguments: list[str] | None = None) -> int:
    """Print the plan of a config."""
    parser = argparse.ArgumentParser(prog="python -m menagerie.survey.plan", description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="?", default="config/config.yaml")
    given = parser.parse_args(arguments)
    print(on_screen(render(*make_plan(Survey.from_config(read_config(given.config)))), longest=1_000_000))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
