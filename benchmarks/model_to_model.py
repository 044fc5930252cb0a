"""Time and memory of comparing the selected layers of many models, as rule model_to_model does for one subject.

    python benchmarks/model_to_model.py [--models 224] [--images 1000] [--units 8000]

Synthetic geometries: each model sees a mixture of shared and own features, and the brain responds to the shared ones.
One geometry is made when it is asked for, as one is read from its file in a run; making them is timed apart.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import pandas as pd

from menagerie.brain.target import Target
from menagerie.files.geometry import LayerGeometry, fold
from menagerie.linking.comparison import Brain
from menagerie.statistics.representations import METRICS, compare_models

N_SHARED, N_OWN = 40, 80


class Zoo:
    """Models whose layers mix shared features with features of their own."""

    def __init__(self, images: int):
        self.shared = np.random.default_rng(0).standard_normal((images, N_SHARED))
        self.seconds = 0.0

    def layer(self, model: str, index: int) -> LayerGeometry:
        """Geometry of a model's only layer."""
        start = time.perf_counter()
        generator = np.random.default_rng(int(model[1:]))
        own = generator.standard_normal((len(self.shared), N_OWN))
        features = np.hstack([self.shared * generator.uniform(0.2, 2, N_SHARED), own])
        train = features[::2]
        scaled = (features - train.mean(0)) / train.std(0)
        found = LayerGeometry(
            layer="layer",
            index=index,
            n_features=features.shape[1],
            rdm_triu=fold(1 - np.corrcoef(features), with_diagonal=False).astype(np.float32),
            gram_triu=fold(scaled @ scaled.T, with_diagonal=True).astype(np.float32),
        )
        self.seconds += time.perf_counter() - start
        return found


def main() -> None:
    """Run once and print wall seconds and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in (("models", 224), ("images", 1000), ("units", 8000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    zoo, generator = Zoo(given.images), np.random.default_rng(1)
    signal = zoo.shared @ generator.standard_normal((N_SHARED, given.units))
    responses = (signal + 6 * generator.standard_normal(signal.shape)).astype(np.float32)
    ids = np.array([f"image{i:04d}" for i in range(given.images)], dtype=object)
    regions = {"OTC": np.ones(given.units, dtype=bool)}
    brain = Brain(Target("synthetic", "one", "images", ids, responses, regions), ids)
    models = [f"m{number}" for number in range(given.models)]
    scores = pd.DataFrame([{"metric": metric, "model": model} for metric in METRICS for model in models])
    scores = scores.assign(dataset="synthetic", subject="one", region="OTC", layer_index=0, status="ok")
    start = time.perf_counter()
    pairs, places = compare_models(scores, zoo.layer, brain)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{given.models} models, {given.images} images, {given.units} units, {len(METRICS)} kinds of RSM")
    print(f"wall {seconds:.1f} s, of which making geometries {zoo.seconds:.1f} s; peak memory {peak:.2f} GB")
    print(f"{len(pairs)} similarities, mean r {pairs['r'].mean():.2f}; {places['x'].notna().sum()} places on maps")


if __name__ == "__main__":
    main()
