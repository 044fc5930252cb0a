"""Tiles of the colour photographs that scikit-learn and scikit-image carry inside their packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from menagerie.errors import MenagerieError

# Colour photographs inside the packages (package, file), and none that is drawn, grey or medical.
PHOTOGRAPHS = (
    ("sklearn", "datasets/images/china.jpg"),
    ("sklearn", "datasets/images/flower.jpg"),
    ("skimage", "data/astronaut.png"),
    ("skimage", "data/chelsea.png"),
    ("skimage", "data/coffee.png"),
    ("skimage", "data/rocket.jpg"),
    ("skimage", "data/motorcycle_left.png"),
)
_FLAT = 12.0  # grey-level SD below which a tile shows nothing (plain sky or wall), and resembles other such tiles


def photograph_files() -> list[Path]:
    """The photographs that the installed packages carry."""
    return [path for package, name in PHOTOGRAPHS if (path := _path(package, name)).is_file()]


def _path(package: str, name: str) -> Path:
    spec = find_spec(package)
    return Path(spec.submodule_search_locations[0]) / name if spec else Path(package) / name


def cut_tiles(n_tiles: int, side: int) -> dict[str, np.ndarray]:
    """Non-overlapping square tiles of the packaged photographs, uint8 ``(side, side, 3)`` by id.

    Photographs give their tiles of highest contrast in turn, so that each is represented; the order is then photograph
    by photograph, row by row. Tiles that show nothing are left out, since they resemble one another.

    Raises
    ------
    MenagerieError
        When a photograph is missing from its package or there are fewer tiles.
    """
    by_photograph = [_rank_tiles(package, name, side) for package, name in PHOTOGRAPHS]
    depth = max(map(len, by_photograph))
    turns = [tiles[turn] for turn in range(depth) for tiles in by_photograph if turn < len(tiles)]
    if len(turns) < n_tiles:
        raise MenagerieError(
            f"{n_tiles} tiles of {side} pixels asked for, {len(turns)} available. "
            "Lower the simulated dataset's option n_images or tile."
        )
    order = {Path(name).stem: number for number, (_, name) in enumerate(PHOTOGRAPHS)}
    chosen = sorted(turns[:n_tiles], key=lambda tile: (order[tile[0]], tile[1], tile[2]))
    return {f"{stem}_{row:02d}_{column:02d}": pixels for stem, row, column, pixels in chosen}


def _rank_tiles(package: str, name: str, side: int) -> list[tuple[str, int, int, np.ndarray]]:
    """All tiles of a photograph that show something, highest contrast first."""
    pixels = _load_photograph(package, name)
    tiles = []
    for row in range(pixels.shape[0] // side):
        for column in range(pixels.shape[1] // side):
            tile = pixels[row * side : (row + 1) * side, column * side : (column + 1) * side]
            tiles.append((float(tile.mean(axis=2).std()), (Path(name).stem, row, column, tile)))
    tiles = [item for item in tiles if item[0] >= _FLAT]
    return [tile for _, tile in sorted(tiles, key=lambda item: -item[0])]


def _load_photograph(package: str, name: str) -> np.ndarray:
    from PIL import Image  # here, because planning the workflow imports readers and must start fast

    path = _path(package, name)
    if not path.is_file():
        raise MenagerieError(
            f"Photograph {path} is missing: the installed {package} does not carry it. "
            "Install the version that the lock file names."
        )
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
