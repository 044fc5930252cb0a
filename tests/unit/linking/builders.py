"""Small layers and targets for the tests of linking."""

import numpy as np

from menagerie.brain.target import Target
from menagerie.files.geometry import LayerGeometry, fold


def image_ids(n):
    return np.array([f"image{i:03d}" for i in range(n)], dtype=object)


def features_of(n=40, p=30, seed=0):
    return np.random.default_rng(seed).standard_normal((n, p)) * np.arange(1, p + 1) ** -0.3


def layer_of(features, index=0):
    """Geometry of a layer whose SRP is the features themselves."""
    train = features[::2]
    scaled = (features - train.mean(0)) / train.std(0)
    return LayerGeometry(
        layer=f"block{index}",
        index=index,
        n_features=features.shape[1],
        rdm_triu=fold(1 - np.corrcoef(features), with_diagonal=False),
        gram_triu=fold(scaled @ scaled.T, with_diagonal=True),
    )


def target_of(features, v=24, noise=0.5, seed=1, **changes):
    """Responses that are linear in the features, with two overlapping regions."""
    generator = np.random.default_rng(seed)
    n, p = features.shape
    responses = features @ generator.standard_normal((p, v)) / np.sqrt(p)
    responses += noise * generator.standard_normal((n, v)) + generator.standard_normal(v)
    fields = {
        "dataset": "toy",
        "subject": "s1",
        "stimuli": "toyset",
        "image_ids": image_ids(n),
        "responses": responses.astype(np.float32),
        "regions": {"late": np.arange(v) >= v // 3, "early": np.arange(v) < v // 2},
        "ceilings": {"even_odd/0": {"late": 0.8}},
        "ceiling_intervals": {"even_odd/0": {"late": (0.7, 0.85)}},
    }
    return Target(**(fields | changes))


def rsm_target_of(features):
    """A target with RSMs only."""
    return target_of(features, responses=None, regions={}, rsms={"it": np.corrcoef(target_of(features).responses)})


def repeated_target_of(features, repeats=3, v=24, noise=0.7, seed=1, **changes):
    """A target whose single repeats and noise are known."""
    generator = np.random.default_rng(seed)
    signal = features @ generator.standard_normal((features.shape[1], v)) / np.sqrt(features.shape[1])
    trials = signal + noise * generator.standard_normal((repeats, *signal.shape))
    fields = {
        "responses": trials.mean(axis=0).astype(np.float32),
        "repeats": trials.astype(np.float32),
        "n_repeats": np.full(len(signal), repeats),
        "units": {"ncsnr": signal.std(axis=0) / noise},
    }
    return target_of(features, v=v, **(fields | changes))
