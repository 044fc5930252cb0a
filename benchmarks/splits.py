"""Splits: the leak of training scores before and after, what standardisation changes, and what folds cost.

    python benchmarks/splits.py leak
    python benchmarks/splits.py v4 [--v4 FOLDER] [--weights FILE]
    python benchmarks/splits.py cost [--images 1000] [--units 4000]

``leak`` draws small datasets and counts how often veRSA selects a layer of unrelated features. ``v4`` compares scores
of one network on the V4 session under each standardisation of the projection, and with either kind of predictions of
training images. ``cost`` times five folds against one split, in turns in the same process.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from menagerie.brain.folds import Fold
from menagerie.brain.readers import v4
from menagerie.brain.split_definitions import make_folds
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import Target
from menagerie.features.extract import extract_geometry
from menagerie.features.image_loader import ImageLoader
from menagerie.features.projection import STANDARDISE
from menagerie.files.geometry import LayerGeometry, fold
from menagerie.linking.ridge import PENALTIES, SLOPE, WHOLE
from menagerie.linking.rsm import rsm
from menagerie.linking.score import brains_of, score_layer
from menagerie.models.build import build_model
from menagerie.models.registry import read_registry

LAYERS = ["conv_stem", *(f"blocks.{block}" for block in range(1, 7))]
DRAWS = 40


def make_layer(features: np.ndarray, index: int) -> LayerGeometry:
    """A layer whose projection is the features themselves."""
    train = features[::2]
    scaled = (features - train.mean(0)) / train.std(0)
    triangles = fold(rsm(features), with_diagonal=False), fold(scaled @ scaled.T, with_diagonal=True)
    return LayerGeometry(f"layer{index}", index, features.shape[1], *triangles)


def scores_of(layer: LayerGeometry, target: Target, **options: object) -> pd.DataFrame:
    return score_layer(layer, target, model="m", depth=0.0, **options).to_pandas()


def draw(seed: int, images: int, units: int = 100) -> tuple[LayerGeometry, LayerGeometry, Target]:
    """A layer that the units read from, one of three unrelated features, and the units."""
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((images, 50)) * np.arange(1, 51) ** -0.5
    responses = features @ generator.standard_normal((50, units)) + 2 * generator.standard_normal((images, units))
    ids = np.array([f"image{i}" for i in range(images)], dtype=object)
    target = Target("d", "s", "d", ids, responses.astype(np.float32), {"all": np.ones(units, dtype=bool)})
    return make_layer(features, 0), make_layer(generator.standard_normal((images, 3)), 1), target


def leak(given: argparse.Namespace) -> None:
    """How often the unrelated layer is selected, and mean scores."""
    print("| images | penalties | training predictions | unrelated selected | true layer | unrelated layer | test |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    grids = {"1e3 to 1e5": (1e3, 1e4, 1e5), "default": PENALTIES, "auto": "auto"}
    for images, grid in ((100, "1e3 to 1e5"), (36, "default"), (100, "default"), (1000, "default"), (100, "auto")):
        for training in (WHOLE, SLOPE):
            rows = []
            for seed in range(DRAWS if images < 1000 else 10):
                *layers, target = draw(seed, images)
                options = {"penalties": grids[grid], "training": training, "metrics": ["versa"]}
                tables = [scores_of(layer, target, **options).set_index("part")["score"] for layer in layers]
                rows.append([tables[0]["train"], tables[1]["train"], tables[0]["test"], tables[1]["test"]])
            found = np.array(rows)
            wrong = int((found[:, 1] > found[:, 0]).sum())
            true, other, test, other_test = found.mean(0)
            print(
                f"| {images} | {grid} | {training} | {wrong} of {len(found)} | {true:.2f} | {other:.2f} | "
                f"{test:.2f} and {other_test:.2f} |",
                flush=True,
            )


def measure_v4(given: argparse.Namespace) -> None:
    """Scores of one network on real neurons: which standardisation, which predictions of training images."""
    inputs = {
        "responses": given.v4 / Path(v4.INPUTS["responses"]).name,
        "images": given.v4 / Path(v4.INPUTS["images"]).name,
    }
    loaded = build_model(read_registry("config/models.tsv")[given.model], given.weights)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v4.h5"
        write_stimuli(path, *v4.read_stimuli({}, inputs))
        stimuli = Stimuli(path)
        target = v4.read_target("v4", v4.DEFAULT_SUBJECTS[0], options={}, inputs=inputs, stimuli=stimuli)
        tables = {}
        for name, mask in STANDARDISE.items():
            images = ImageLoader(stimuli, loaded.transform)
            geometries = extract_geometry(loaded.module, images, LAYERS, train=mask(len(stimuli)))
            layers = [geometry for _, geometry in geometries]
            for training in (WHOLE, SLOPE):
                tables[name, training] = pd.concat([scores_of(layer, target, training=training) for layer in layers])
    keys = ["layer", "metric", "part"]
    base = tables["even", WHOLE].set_index(keys)["score"]
    print("| standardised with | training predictions | metric | part | largest change | mean change | best layer |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for (name, training), table in tables.items():
        scores = table.set_index(keys)["score"]
        change = (scores - base).dropna()
        for (metric, part), here in change.groupby(["metric", "part"]):
            own = scores.xs((metric, part), level=("metric", "part"))
            print(
                f"| {name} | {training} | {metric} | {part} | {here.abs().max():.4f} | {here.mean():+.4f} | "
                f"{own.idxmax()} ({own.max():.3f}) |"
            )


def folds_of(definition: dict, ids: list[str]) -> list[Fold]:
    return make_folds("timed", definition, ids, "benchmark", groups=lambda column: [], offered=lambda name: [])


def cost(given: argparse.Namespace) -> None:
    """Seconds of one layer with two, five and ten folds, in units of one fold that trains on the same share."""
    generator = np.random.default_rng(0)
    features = generator.standard_normal((given.images, 600)) * np.arange(1, 601) ** -0.6
    responses = features @ generator.standard_normal((600, given.units)) + generator.standard_normal(given.units)
    responses += 2 * generator.standard_normal(responses.shape)
    ids = [f"image{i}" for i in range(given.images)]
    regions = {"all": np.ones(given.units, dtype=bool)}
    target = Target("d", "s", "d", np.array(ids, dtype=object), responses.astype(np.float32), regions)
    layer = make_layer(features, 0)
    works = {"even_odd": [None]} | {f"{k} folds": folds_of({"folds": k}, ids) for k in (2, 5, 10)}
    works["1 of 5 folds"] = works["5 folds"][:1]
    works["4 of 5 folds"] = works["5 folds"][:4]
    prepared = {name: brains_of(target, None, [f for f in folds if f]) for name, folds in works.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(given.repeats):
        for name, brains in prepared.items():
            fresh = replace(layer)  # as a job reads it: its matrices are unfolded once for all folds
            started = time.perf_counter()
            score_layer(fresh, brains, model="m", depth=0.0)
            times[name].append(time.perf_counter() - started)
    print("| splits | seconds a layer | over even_odd | over one of five folds |\n| --- | --- | --- | --- |")
    best = {name: min(found) for name, found in times.items()}
    for name, seconds in best.items():
        ratios = f"{seconds / best['even_odd']:.2f} | {seconds / best['1 of 5 folds']:.2f}"
        print(f"| {name} | {seconds:.3f} | {ratios} |")


def main() -> None:
    """Read arguments and print one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["leak", "v4", "cost"])
    parser.add_argument("--v4", type=Path, default=Path("../shared/data/v4_210325"))
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--weights", type=Path, default=Path("resources/weights/efficientnet_lite0.safetensors"))
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--units", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    {"leak": leak, "v4": measure_v4, "cost": cost}[given.what](given)


if __name__ == "__main__":
    main()
