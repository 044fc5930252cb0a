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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from menagerie.brain.fetch import to_download
from menagerie.brain.folds import Fold
from menagerie.brain.options import fill_options
from menagerie.brain.readers import kriegeskorte92
from menagerie.brain.remarks import Remark, plain
from menagerie.brain.simulation import SimulationSettings, simulate_target
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import Target
from menagerie.brain.tiles import PHOTOGRAPHS, cut_tiles, photograph_files
from menagerie.errors import MenagerieError, unknown
from menagerie.files.inventory import read_inventory

INPUTS = {"supplement": kriegeskorte92.INPUTS["supplement"]}
OPTIONS = {"n_images": 200, "tile": 96, "planted": {}, "archive": None, **vars(SimulationSettings())}
FETCH_OPTIONS = kriegeskorte92.FETCH_OPTIONS
DEFAULT_SUBJECTS = ("sim01", "sim02")


def default_subjects(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the simulated subjects."""
    return DEFAULT_SUBJECTS


def fetch(resources: str | Path, options: Mapping[str, Any] | None = None) -> None:
    """Download the 92 photographs (with the rest of their dataset)."""
    kriegeskorte92.fetch(resources, {"archive": fill_options("simulated", options, OPTIONS)["archive"]})


def inputs(
    options: Mapping[str, Any], resources: str = "resources", subject: str | None = None
) -> dict[str, Path | list[Path]]:
    """Files that the stimulus set is read from, by name; a subject is drawn from features alone."""
    if subject is not None:
        return {}
    return {name: Path(resources) / path for name, path in INPUTS.items()} | {"photographs": photograph_files()}


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


def region_names(options: Mapping[str, Any], resources: str, subject: str) -> list[str]:
    """Regions that option ``planted`` names."""
    return list(planted_layers(options))


def planted_depths(options: Mapping[str, Any], inventories: Iterable[str | Path]) -> dict[str, float]:
    """Region -> relative depth of the layer planted there, from the inventories ``<model>.tsv`` of the planted models.

    Raises
    ------
    MenagerieError
        When a planted layer is not in its model's inventory.
    """
    depths = {
        Path(path).stem: {name: info.depth for info in read_inventory(path) for name in info.names}
        for path in inventories
    }
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
    folds: Sequence[Fold] = (),
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
        folds=folds,
        planted={region: f"{model}: {layer}" for region, (model, layer) in planted.items()},
        settings=simulation_settings(options),
    )


def examine(options: Mapping[str, Any], resources: str, subjects: Sequence[str]) -> Iterator[Remark]:
    """Read the photographs.

    Raises
    ------
    MenagerieError
        When an option is out of range, or a photograph is missing or damaged.
    """
    planted_layers(options)
    simulation_settings(options)
    if missing := to_download(INPUTS, resources):
        yield from missing
        return
    images, _, _ = read_stimuli(options, inputs(options, resources))
    yield plain(f"{len(list(images))} images, {len(subjects)} simulated subjects")
