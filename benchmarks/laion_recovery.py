"""Are planted layers found again, split by split? Twins of LAION-fMRI through reader, scores and selection.

One trained network sees a twin's images; in each twin one of its layers is planted in OTC, and another for the images
out of distribution. The tree is written, read, scored on the dataset's splits and the layer selected as in a run.

    python benchmarks/laion_recovery.py --twins 10 --weights resources/weights/efficientnet_lite0.safetensors
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa

from menagerie.brain.laion.images import read_images
from menagerie.brain.readers import laion
from menagerie.brain.split_definitions import dataset_folds
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.features.collect import layer_features
from menagerie.features.extract import extract_geometry
from menagerie.features.image_loader import ImageLoader
from menagerie.linking.score import score_layer
from menagerie.models.build import build_model
from menagerie.models.registry import read_registry
from menagerie.twins.laion.twin import TwinSpec, write_twin
from menagerie.twins.laion.twin_command import make_images
from menagerie.twins.laion.twin_files import write_images
from menagerie.twins.laion.twin_geometry import synthetic_voxels
from menagerie.twins.signals import compact_features

SUBJECT = "sub-01"
SPLITS = ("replication", "tau", "cluster_k5", "random_k5", "ood")
# Every second block output of EfficientNet-Lite0.
LAYERS = ("conv_stem", "blocks.1.1", "blocks.2.1", "blocks.3.2", "blocks.4.2", "blocks.5.3", "conv_head")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--twins", type=int, default=10)
    parser.add_argument("--voxels", type=int, default=400)
    parser.add_argument("--images", type=int, default=200, help="images that are not out of distribution")
    parser.add_argument("--ncsnr", type=float, default=None, help="of every voxel; by default drawn from 0.25 to 0.9")
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--weights", type=Path, default=Path("resources/weights/efficientnet_lite0.safetensors"))
    parser.add_argument("--layers", default=",".join(LAYERS), help="planted in turn, in network order")
    parser.add_argument("--metrics", default="crsa,versa")
    return parser.parse_args()


def make_spec(given: argparse.Namespace, seed: int) -> TwinSpec:
    shape = (16, 16, 12)
    voxels = {SUBJECT: synthetic_voxels(SUBJECT, shape, given.voxels, 40, seed=seed, ncsnr=given.ncsnr)}
    n_things, n_nsd = given.images // 5, given.images // 5
    n_laion = given.images - n_things - n_nsd
    same = {"n_ood": max(given.images // 3, 45), "n_unique": 0, "image_size": 96, "n_incomplete": 0}
    return TwinSpec(voxels, n_laion=n_laion, n_things=n_things, n_nsd=n_nsd, seed=seed, **same)


def network(given: argparse.Namespace, spec: TwinSpec, contents: dict, folder: Path, names: list[str]) -> tuple:
    """Features of the layers over a twin's images, and their geometries."""
    write_images(folder, contents)
    labels = sorted(spec.shared)
    rows = {label: row for row, label in enumerate(contents)}
    path = folder / "all.h5"
    write_stimuli(path, read_images(folder, labels, rows), labels, {})
    loaded = build_model(read_registry("config/models.tsv")[given.model], given.weights)
    images = ImageLoader(Stimuli(path), loaded.transform)
    features = layer_features(loaded.module, images, names)
    geometries = [geometry for _, geometry in extract_geometry(loaded.module, images, names, n_projections=1000)]
    return labels, features, geometries


def scores(given: argparse.Namespace, root: Path, geometries: list, folder: Path) -> list[dict]:
    """Scores of every layer on every fold of a twin's splits."""
    options = {"laion_root": str(root), "images": "shared+ood", "regions": ["OTC"]}
    path = folder / "stimuli.h5"
    write_stimuli(path, *laion.read_stimuli(options))
    stimuli = Stimuli(path)
    ids = list(stimuli.image_ids)
    target = laion.read_target("laion", SUBJECT, options=options, stimuli=stimuli)
    folds = dataset_folds("laion", {name: {} for name in SPLITS}, ids, [SUBJECT], laion, options)[SUBJECT]
    metrics = given.metrics.split(",")
    same = {"model": given.model, "image_ids": ids, "folds": folds, "metrics": metrics}
    tables = [score_layer(geometry, target, depth=0.0, **same) for geometry in geometries]
    return pa.concat_tables(tables).to_pylist()


def found_where(rows: list[dict], names: list[str], planted: str, planted_ood: str) -> Counter:
    """Per metric, split and part: is the planted layer best, a neighbour of it, or another?"""
    found: Counter = Counter()
    for key in {(row["metric"], row["split"], row["fold"], row["part"]) for row in rows}:
        metric, split, _, part = key
        here = [row for row in rows if (row["metric"], row["split"], row["fold"], row["part"]) == key]
        best = max(here, key=lambda row: -np.inf if row["score"] is None else row["score"])["layer"]
        of_ood = (split, part) == ("ood", "test")
        steps = abs(names.index(best) - names.index(planted_ood if of_ood else planted))
        found[metric, split, part, ("exact", "neighbour", "further")[min(steps, 2)]] += 1
        if of_ood:
            found[metric, "ood", part, "the other planted layer"] += best == planted
    return found


def main() -> None:
    given = read_arguments()
    names, total, started = given.layers.split(","), Counter(), time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        contents = make_images(make_spec(given, 0), "tiles")
        labels, features, geometries = network(given, make_spec(given, 0), contents, folder, names)
        at = {label: row for row, label in enumerate(labels)}
        for seed in range(given.twins):
            spec = make_spec(given, seed)
            planted, planted_ood = names[seed % len(names)], names[(seed + len(names) // 2) % len(names)]
            common, ood = (
                {region: compact_features(features[layer][[at[label] for label in part]]) for region in ("OTC", "EVC")}
                for layer, part in ((planted, spec.common), (planted_ood, spec.ood))
            )
            write_twin(folder / f"twin{seed}", spec, common, ood, contents)
            rows = scores(given, folder / f"twin{seed}", geometries, folder)
            total += found_where(rows, names, planted, planted_ood)
            print(f"{time.perf_counter() - started:6.0f} s, twin {seed}: {planted}, {planted_ood}", flush=True)
    print("| metric | split | part | exact | neighbour | further | the other planted layer |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for metric in given.metrics.split(","):
        for split in SPLITS:
            for part in ("train", "test"):
                counts = [total[metric, split, part, kind] for kind in ("exact", "neighbour", "further")]
                other = (
                    total[metric, split, part, "the other planted layer"] if (split, part) == ("ood", "test") else ""
                )
                print("|", " | ".join(map(str, [metric, split, part, *counts, other])), "|")


if __name__ == "__main__":
    main()
