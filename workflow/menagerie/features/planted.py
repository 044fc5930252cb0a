"""Features of the layers that a simulation plants, from the networks as the workflow builds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from menagerie.brain.stimuli import Stimuli
from menagerie.features.collect import layer_features
from menagerie.features.image_loader import ImageLoader
from menagerie.models.build import build_model
from menagerie.models.registry import ModelSpec


def planted_features(
    stimuli: Stimuli,
    planted: Mapping[str, tuple[str, str]],
    models: Sequence[Mapping],
    weights: Iterable[str | Path],
) -> dict[str, np.ndarray]:
    """Features that each region of a simulated brain reads out.

    Parameters
    ----------
    stimuli
        ``n`` images.
    planted
        Region -> (model id, layer).
    models
        What each planted model is built from: ``spec`` (as from :meth:`ModelSpec.build_row`) and ``transform``.
    weights
        Weights files of the trained ones among ``models``, in their order.

    Returns
    -------
    dict
        Region -> float32 ``(n, p)``.

    Raises
    ------
    MenagerieError
        As :func:`~menagerie.models.build.build_model` and :func:`~menagerie.features.collect.layer_features`.
    """
    files = iter(weights)
    features = {}
    for entry in models:
        spec = ModelSpec.from_row(entry["spec"])
        file = next(files) if spec.training == "trained" else None
        loaded = build_model(spec, file, transform=entry["transform"])
        regions = {region: layer for region, (model, layer) in planted.items() if model == spec.id}
        found = layer_features(loaded.module, ImageLoader(stimuli, loaded.transform), list(regions.values()))
        features |= {region: found[layer] for region, layer in regions.items()}
    return features
