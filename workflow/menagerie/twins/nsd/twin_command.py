"""Write a twin from a spec file.

Command::

    python -m menagerie.twins.nsd.twin_command --spec config/nsd_twin.yaml --to resources/nsd_twin
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from menagerie.brain.nsd.layout import FUNC1PT8MM_SHAPES, IMAGE_SIZE, subject_number
from menagerie.errors import MenagerieError, unknown
from menagerie.files.yaml_text import read_yaml
from menagerie.provenance.jobs import command
from menagerie.twins.nsd.twin import TwinSpec, make_design, photograph_ids, write_twin
from menagerie.twins.nsd.twin_geometry import Voxels, published_voxels, synthetic_voxels
from menagerie.twins.nsd.twin_images import textures

# Every key of a spec file; docs/nsd.md says what each means.
KEYS: Mapping[str, object] = {
    "subjects": ["subj01", "subj02"],
    "sessions": 2,
    "n_shared": 200,
    "betas": "hdf5",
    "photographs": "textures",
    "drift": 0.3,
    "seed": 0,
    "voxels": {},
    "planted": {},
}
VOXEL_KEYS: Mapping[str, object] = {
    "published": None,
    "shape": [30, 30, 20],
    "n_otc": 400,
    "n_evc": 200,
    "ncsnr": None,
    "decoys": 5,
}
PHOTOGRAPHS = ("textures", "tiles")


def read_spec(path: Path) -> tuple[TwinSpec, dict]:
    """A spec file as a :class:`TwinSpec`, and all its keys with the defaults filled in.

    Raises
    ------
    MenagerieError
        When the file is missing, is not YAML, or has an unknown key.
    """
    given = read_yaml(path, f"Twin spec {path}", "Correct it; docs/nsd.md describes every key.") or {}
    if not isinstance(given, Mapping):
        raise MenagerieError(f"Twin spec {path}: expected keys and values, found {type(given).__name__}.")
    keys = _fill(given, KEYS, f"key of twin spec {path}")
    keys["voxels"] = _fill(keys["voxels"], VOXEL_KEYS, f"key under voxels of twin spec {path}")
    if keys["photographs"] not in PHOTOGRAPHS:
        raise unknown(f"photographs of twin spec {path}", str(keys["photographs"]), PHOTOGRAPHS)
    spec = TwinSpec(
        voxels={subject: _voxels(subject, keys) for subject in keys["subjects"]},
        sessions=keys["sessions"],
        n_shared=keys["n_shared"],
        ending=keys["betas"],
        drift=keys["drift"],
        seed=keys["seed"],
        note={"planted": keys["planted"] or "statistics of the photographs", "photographs": keys["photographs"]},
    )
    return spec, keys


def _fill(given: Mapping, known: Mapping[str, object], what: str) -> dict:
    for name in given:
        if name not in known:
            raise unknown(what, name, known)
    return {**known, **given}


def _voxels(subject: str, keys: Mapping) -> Voxels:
    settings, number = keys["voxels"], subject_number(subject)
    if settings["published"]:
        return published_voxels(Path(settings["published"]), subject, decoys=settings["decoys"], seed=keys["seed"])
    shape = FUNC1PT8MM_SHAPES.get(subject) if settings["shape"] == "real" else tuple(settings["shape"])
    if shape is None:
        raise MenagerieError(f"Twin spec: the real volume size of {subject} is not known; give shape: [x, y, z].")
    return synthetic_voxels(
        shape,
        settings["n_otc"],
        settings["n_evc"],
        decoys=settings["decoys"],
        seed=1000 * keys["seed"] + number,
        ncsnr=settings["ncsnr"],
    )


def photograph_source(spec: TwinSpec, kind: str) -> Callable[[int], np.ndarray]:
    """0-based 73k id -> uint8 ``(425, 425, 3)``: drawn textures, or enlarged tiles of packaged photographs.

    Raises
    ------
    MenagerieError
        When there are fewer tiles than images.
    """
    if kind == "textures":
        return textures(spec.seed)
    from menagerie.brain.readers.simulated import cut_tiles  # needs scikit-image's photographs

    ids = photograph_ids(spec, make_design(spec)).tolist()
    tiles = dict(zip(ids, cut_tiles(len(ids), 64).values(), strict=True))
    size = (IMAGE_SIZE, IMAGE_SIZE)
    return lambda nsd_id: np.maximum(np.array(Image.fromarray(tiles[nsd_id]).resize(size, Image.BICUBIC)), 1)


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command: plants statistics of the photographs; the rule plants layers of networks where the spec says so."""
    prog = "python -m menagerie.twins.nsd.twin_command"
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.splitlines()[0])
    parser.add_argument("--spec", type=Path, default=Path("config/nsd_twin.yaml"))
    parser.add_argument("--to", type=Path, default=Path("resources/nsd_twin"))
    given = parser.parse_args(arguments)
    spec, keys = read_spec(given.spec)
    if keys["planted"]:
        raise MenagerieError(
            f"Twin spec {given.spec} plants layers of networks: the rule write_nsd_twin writes this twin."
        )
    write_twin(given.to, spec, photographs=photograph_source(spec, keys["photographs"]))
    print(f"Written: {given.to} ({', '.join(f'{s}: {len(v)} voxels' for s, v in spec.voxels.items())})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
