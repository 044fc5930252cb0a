"""How often is the planted layer found again? Twins of NSD with the published reliabilities, through the whole chain.

One trained network sees photographs; in each twin another of its layers is planted in OTC, with noise from the
published ncsnr of randomly drawn OTC voxels. The tree is written, read, scored and the layer selected as in a run.

    python benchmarks/nsd_recovery.py --published ../shared/published/source_data --twins 20
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from menagerie.brain.nsd.layout import image_id
from menagerie.brain.readers import nsd
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.features.collect import layer_features
from menagerie.features.extract import extract_geometry
from menagerie.features.image_loader import ImageLoader
from menagerie.linking.score import score_layer
from menagerie.linking.select import select_layers
from menagerie.models.build import build_model
from menagerie.models.registry import read_registry
from menagerie.twins.nsd.twin import TwinSpec, make_design, photograph_ids, write_twin
from menagerie.twins.nsd.twin_command import photograph_source
from menagerie.twins.nsd.twin_geometry import Voxels, published_voxels
from menagerie.twins.signals import compact_features

SUBJECT = "subj01"
# The output of every block of EfficientNet-Lite0.
LAYERS = [
    *("conv_stem", "blocks.1.0.bn3.drop", "blocks.1.1", "blocks.2.0.bn3.drop", "blocks.2.1", "blocks.3.0.bn3.drop"),
    *("blocks.3.1", "blocks.3.2", "blocks.4.0.bn3.drop", "blocks.4.1", "blocks.4.2", "blocks.5.0.bn3.drop"),
    *("blocks.5.1", "blocks.5.2", "blocks.5.3", "blocks.6.0.bn3.drop", "conv_head"),
]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--published", type=Path, required=True, help="folder of voxel_metadata_OTC.csv")
    parser.add_argument("--twins", type=int, default=20)
    parser.add_argument("--voxels", type=int, default=500)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--weights", type=Path, default=Path("resources/weights/efficientnet_lite0.safetensors"))
    parser.add_argument("--layers", default=",".join(LAYERS), help="planted in turn, in network order")
    return parser.parse_args()


def make_spec(given: argparse.Namespace, every: Voxels, seed: int) -> TwinSpec:
    voxels = draw_voxels(every, "OTC", given.voxels, seed)
    return TwinSpec({SUBJECT: voxels}, sessions=1, n_shared=given.images, seed=seed)


def draw_voxels(voxels: Voxels, region: str, count: int, seed: int) -> Voxels:
    """A random part of the voxels of one region, with all that belongs to them; no decoys."""
    members = np.flatnonzero(voxels.plant == region)
    part = np.sort(np.random.default_rng(seed).choice(members, size=count, replace=False))
    return Voxels(
        shape=voxels.shape,
        xyz=voxels.xyz[part],
        ncsnr=voxels.ncsnr[part],
        labels={name: codes[part] for name, codes in voxels.labels.items()},
        nsdgeneral=voxels.nsdgeneral[part],
        t={name: values[part] for name, values in voxels.t.items()},
        plant=voxels.plant[part],
    )


def recover(given, every, seed, folder, features, geometries, names, pixels) -> dict:
    """One twin: plant, write, read, score, select."""
    planted = names[seed % len(names)]
    spec = make_spec(given, every, seed)
    ids = photograph_ids(spec, make_design(spec)).tolist()
    by_id = dict(zip(ids, pixels, strict=True))  # the same photographs under the ids of this twin
    root = Path(folder) / f"twin{seed}"
    write_twin(root, spec, {"OTC": features[planted]}, by_id.__getitem__)
    options = {"nsd_root": str(root), "regions": ["OTC"], "keep_repeats": False}
    path = Path(folder) / f"stimuli{seed}.h5"
    write_stimuli(path, *nsd.read_stimuli(options))
    target = nsd.read_target("twin", SUBJECT, options=options, stimuli=Stimuli(path))
    tables = [score_layer(g, target, model=given.model, depth=0.0, metrics=("crsa", "versa")) for g in geometries]
    rows = select_layers(pa.concat_tables(tables)).to_pylist()
    return {"planted": planted} | {row["metric"]: row["layer"] for row in rows}


def main() -> None:
    given = read_arguments()
    names = given.layers.split(",")
    loaded = build_model(read_registry("config/models.tsv")[given.model], given.weights)
    every = published_voxels(given.published, SUBJECT, decoys=0)
    with tempfile.TemporaryDirectory() as folder:
        spec = make_spec(given, every, 0)
        ids = photograph_ids(spec, make_design(spec)).tolist()
        pixels = list(map(photograph_source(spec, "tiles"), ids))
        path = Path(folder) / "photographs.h5"
        write_stimuli(path, pixels, map(image_id, ids), {})
        images = ImageLoader(Stimuli(path), loaded.transform)
        found = layer_features(loaded.module, images, names)
        features = {name: compact_features(found.pop(name)) for name in names}
        geometries = [geometry for _, geometry in extract_geometry(loaded.module, images, names, n_projections=1000)]
        found, started = [], time.perf_counter()
        for seed in range(given.twins):
            found.append(recover(given, every, seed, folder, features, geometries, names, pixels))
            print(f"{time.perf_counter() - started:6.0f} s", json.dumps(found[-1]), flush=True)
    for metric in ("crsa", "versa"):
        steps = np.array([abs(names.index(one[metric]) - names.index(one["planted"])) for one in found])
        print(f"{metric}: exact {np.sum(steps == 0)}, neighbour {np.sum(steps == 1)}, further {np.sum(steps > 1)}")


if __name__ == "__main__":
    main()
