"""Write a twin of LAION-fMRI from a spec file.

Command::

    python -m menagerie.twins.laion.twin_command --spec config/laion_twin.yaml --to resources/laion_twin
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from menagerie.errors import MenagerieError
from menagerie.provenance.jobs import command
from menagerie.twins.laion.twin import TwinSpec, encoded, write_twin
from menagerie.twins.laion.twin_geometry import synthetic_voxels
from menagerie.twins.pictures import textures
from menagerie.twins.twin_keys import LAION_TWIN, read_keys

_COUNTS = ("n_laion", "n_things", "n_nsd", "n_ood", "n_unique")


def read_spec(path: Path) -> tuple[TwinSpec, dict]:
    """A spec file as a :class:`TwinSpec`, and all its keys with the defaults filled in.

    Raises
    ------
    MenagerieError
        When the file cannot be read, a key is unknown or has a wrong value, or the voxels do not fit the volume.
    """
    keys = read_keys(path, LAION_TWIN)
    geometry = keys["voxels"]
    voxels = {
        subject: synthetic_voxels(
            subject,
            tuple(geometry["shape"]),
            geometry["n_otc"],
            geometry["n_evc"],
            n_decoys=geometry["decoys"],
            seed=1000 * keys["seed"] + int(subject[-2:]),
            ncsnr=geometry["ncsnr"],
        )
        for subject in keys["subjects"]
    }
    same = {name: keys[name] for name in ("sessions", "image_size", "drift", "seed", *_COUNTS)}
    note = {name: keys[name] or "statistics of the images" for name in ("planted", "planted_ood")}
    return TwinSpec(voxels=voxels, note=note | {"pictures": keys["pictures"]}, **same), keys


def make_images(spec: TwinSpec, kind: str) -> dict[str, bytes]:
    """Image files of a twin by name: drawn textures, or enlarged tiles of packaged photographs.

    Raises
    ------
    MenagerieError
        When there are fewer tiles than images.
    """
    return encoded(spec, picture_source(spec, kind))


def picture_source(spec: TwinSpec, kind: str) -> Callable[[int], np.ndarray]:
    """Number of an image -> uint8 ``(size, size, 3)``.

    Raises
    ------
    MenagerieError
        As :func:`make_images`.
    """
    if kind == "textures":
        return textures(spec.seed, spec.image_size)
    from menagerie.brain.readers.simulated import cut_tiles  # needs scikit-image's photographs

    tiles = list(cut_tiles(len(spec.images), 64).values())
    size = (spec.image_size, spec.image_size)
    return lambda number: np.array(Image.fromarray(tiles[number]).resize(size, Image.BICUBIC))


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command: plants statistics of the images; the rule plants layers of networks where the spec says so."""
    prog = "python -m menagerie.twins.laion.twin_command"
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.splitlines()[0])
    parser.add_argument("--spec", type=Path, default=Path("config/laion_twin.yaml"))
    parser.add_argument("--to", type=Path, default=Path("resources/laion_twin"))
    given = parser.parse_args(arguments)
    spec, keys = read_spec(given.spec)
    if keys["planted"] or keys["planted_ood"]:
        raise MenagerieError(
            f"Twin spec {given.spec} plants layers of networks: the rule write_laion_twin writes this twin."
        )
    write_twin(given.to, spec, contents=make_images(spec, keys["pictures"]))
    print(f"Written: {given.to} ({', '.join(f'{s}: {len(v)} voxels' for s, v in spec.voxels.items())})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
