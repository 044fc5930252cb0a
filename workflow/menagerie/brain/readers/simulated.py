"""A simulated dataset: real photographs, units that read out planted layers of a network.

The stimulus set is the 92 photographs of objects (reader kriegeskorte92) and tiles of the colour photographs that
scikit-learn and scikit-image carry inside their packages, so that nothing else needs downloading.

Options
-------
n_images : int
    Photographs and tiles in all.
tile : int
    Side of a tile, pixels.
planted : {region: {model: ..., layer: ...}}
    The layer that each region reads out.
n_units, n_repeats, ncsnr_median, ncsnr_spread, mean_share, seed
    See :class:`menagerie.brain.simulation.SimulationSettings`.
archive : path, optional
    As in reader kriegeskorte92.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from menagerie.brain.options import fill_options
from menagerie.brain.readers import kriegeskorte92
from menagerie.brain.simulation import SimulationSettings, simulate_target
from menagerie.brain.stimuli import Stimuli, train_mask
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError, unknown
from menagerie.files.inventory import read_inventory

INPUTS = {"supplement": kriegeskorte92.INPUTS["supplement"]}
OPTIONS = {"n_images": 200, "tile": 96, "planted": {}, "archive": None, **vars(SimulationSettings())}
FETCH_OPTIONS = kriegeskorte92.FETCH_OPTIONS
DEFAULT_SUBJECTS = ("sim01", "sim02")

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


def default_subjects(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the simulated subjects."""
    return DEFAULT_SUBJECTS


def fetch(resources: str | Path, options: Mapping[str, Any] | None = None) -> None:
    """Download the 92 photographs (with the rest of their dataset)."""
    kriegeskorte92.fetch(resources, {"archive": fill_options("simulated", options, OPTIONS)["archive"]})


def planted_layers(options: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Region -> (model, layer) whose features the region reads out.

    Raises
    ------
    MenagerieError
        When no layer is planted, or an entry lacks its model or layer.
    """
    planted = fill_options("simulated", options, OPTIONS)["planted"] or {}
    for region, entry in planted.items():
        if not isinstance(entry, Mapping) or set(entry) != {"model", "layer"}:
            raise MenagerieError(
                f"Option 'planted' of the simulated dataset, region {region}: "
                f"expected {{model: ..., layer: ...}}, found {entry!r}. Give both."
            )
    if not planted:
        raise MenagerieError(
            "Option 'planted' of the simulated dataset is empty. Plant a layer: {region: {model: ..., layer: ...}}."
        )
    return {region: (str(entry["model"]), str(entry["layer"])) for region, entry in planted.items()}


def planted_depths(options: Mapping[str, Any], inventories: Iterable[str | Path]) -> dict[str, float]:
    """Region -> relative depth of the layer planted there, from the inventories ``<model>.tsv`` of the planted models.

    Raises
    ------
    MenagerieError
        When a planted layer is not in its model's inventory.
    """
    depths = {Path(path).stem: {info.layer: info.depth for info in read_inventory(path)} for path in inventories}
    for region, (model, layer) in planted_layers(options).items():
        if layer not in depths[model]:
            raise unknown(f"layer planted in region {region} (model {model})", layer, depths[model])
    return {region: depths[model][layer] for region, (model, layer) in planted_layers(options).items()}


def read_stimuli(
    options: Mapping[str, Any], inputs: Mapping[str, Path]
) -> tuple[Iterable[np.ndarray], list[str], dict[str, str]]:
    """The 92 photographs, then tiles, uint8 ``(h, w, 3)``.

    Raises
    ------
    MenagerieError
        When more images are asked for than there are.
    """
    settings = fill_options("simulated", options, OPTIONS)
    objects, ids, provenance = kriegeskorte92.read_stimuli({}, inputs)
    images = list(objects)
    n_tiles = int(settings["n_images"]) - len(images)
    if n_tiles > 0:
        tiles = cut_tiles(n_tiles, int(settings["tile"]))
        ids, images = [*ids, *tiles], [*images, *tiles.values()]
    elif n_tiles < 0:
        raise MenagerieError(
            f"Option n_images of the simulated dataset: at least {len(images)} (the photographs of objects), "
            f"found {settings['n_images']}."
        )
    names = ", ".join(Path(name).stem for _, name in PHOTOGRAPHS)
    return images, ids, {**provenance, "tiles": f"{max(n_tiles, 0)} of {settings['tile']} pixels from {names}"}


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

    spec = find_spec(package)
    path = Path(spec.submodule_search_locations[0]) / name if spec else Path(package) / name
    if not path.is_file():
        raise MenagerieError(
            f"Photograph {path} is missing: the installed {package} does not carry it. "
            "Install the version that the lock file names."
        )
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def simulation_settings(options: Mapping[str, Any]) -> SimulationSettings:
    """The options that describe the simulated units."""
    names = {field.name for field in fields(SimulationSettings)}
    given = fill_options("simulated", options, OPTIONS)
    return SimulationSettings(**{name: value for name, value in given.items() if name in names})


def read_target(
    dataset: str,
    subject: str,
    *,
    options: Mapping[str, Any],
    inputs: Mapping[str, Path],
    stimuli: Stimuli,
    features: Mapping[str, np.ndarray],
) -> Target:
    """Draw one subject.

    Unlike other readers this one takes ``features``: region -> ``(n, p)`` features of :func:`planted_layers` for all
    images of ``stimuli``. The rule's script extracts them, so that nothing in brain/ needs a network.

    Raises
    ------
    MenagerieError
        When an option or the features are out of range.
    """
    planted = planted_layers(options)
    missing = [region for region in planted if region not in features]
    if missing:
        raise MenagerieError(
            f"Simulated dataset {dataset}: no features for region {missing[0]} (layer {planted[missing[0]]})."
        )
    return simulate_target(
        dataset,
        subject,
        {region: features[region] for region in planted},
        stimuli=stimuli.path.stem,
        image_ids=stimuli.image_ids,
        test=~train_mask(len(stimuli)),
        planted={region: f"{model}: {layer}" for region, (model, layer) in planted.items()},
        settings=simulation_settings(options),
    )
