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
from menagerie.errors import MenagerieError
from menagerie.provenance.jobs import command
from menagerie.twins.nsd.twin import TwinSpec, make_design, photograph_ids, write_twin
from menagerie.twins.nsd.twin_geometry import Voxels, published_voxels, synthetic_voxels
from menagerie.twins.pictures import textures
from menagerie.twins.twin_keys import NSD_TWIN, read_keys


def read_spec(path: Path) -> tuple[TwinSpec, dict]:
    """A spec file as a :class:`TwinSpec`, and all its keys with the defaults filled in.

    Raises
    ------
    MenagerieError
        When the file cannot be read, a key is unknown or has a wrong value, or the voxels do not fit the volume.
    """
    keys = read_keys(path, NSD_TWIN)
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
        return textures(spec.seed, IMAGE_SIZE)
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
