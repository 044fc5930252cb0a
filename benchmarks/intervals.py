"""How often do the bootstrap intervals of scores hold the true score?

    PYTHONPATH=workflow python benchmarks/intervals.py [--images 100 500] [--repeats 400] [--seed 1000]

Layers and noisy brains are drawn from a known population, again and again; the true score is that of very many images.
Prints, for each number of images and each amount of noise in the brain, the true score, how many of the 95 % intervals
hold it, and the standard error of that share. Seeds are not those of the tests.
"""

from __future__ import annotations

import argparse

import numpy as np

from menagerie.linking.bootstrap import adjusted, bootstrap_similarity, excess_variance, image_counts, interval
from menagerie.linking.rsm import rsm, rsm_similarity

N_FEATURES, N_UNITS, N_TRUTH = 200, 300, 2000
NOISES = (0.5, 2.0, 8.0)


def draw(
    generator: np.random.Generator, images: int, noise: float, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """RSMs of a layer with a power-law spectrum, and of units that read from it, with noise."""
    features = generator.standard_normal((images, N_FEATURES)) * np.arange(1, N_FEATURES + 1) ** -0.5
    signal = features @ weights  # its scale is the population's: a draw's own would tie the images together
    return [rsm(features), rsm(signal + noise * generator.standard_normal(signal.shape))]


def coverage(images: int, noise: float, repeats: int, seed: int) -> tuple[float, float, float]:
    """True score, share of intervals that hold it, mean width of the intervals."""
    generator = np.random.default_rng([seed, images, int(10 * noise)])
    powers = 1 / np.arange(1, N_FEATURES + 1)
    weights = generator.standard_normal((N_FEATURES, N_UNITS)) / np.sqrt(powers.sum())
    truth = np.mean([rsm_similarity(*draw(generator, N_TRUTH, noise, weights)) for _ in range(12)])
    found = []
    for repeat in range(repeats):
        a, b = draw(generator, images, noise, weights)
        counts = image_counts(images, seed=seed + repeat)
        found.append(interval(adjusted(bootstrap_similarity(a, b, counts), excess_variance(a, b))))
    low, high = np.array(found).T
    return float(truth), float(np.mean((low <= truth) & (truth <= high))), float(np.mean(high - low))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[100, 500])
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1000)
    given = parser.parse_args()
    print("| images | noise SD | true score | intervals that hold it | standard error | mean width |")
    print("| --- | --- | --- | --- | --- | --- |")
    for images in given.images:
        for noise in NOISES:
            truth, share, width = coverage(images, noise, given.repeats, given.seed)
            error = np.sqrt(share * (1 - share) / given.repeats)
            print(f"| {images} | {noise} | {truth:.3f} | {share:.1%} | {error:.1%} | {width:.3f} |", flush=True)


if __name__ == "__main__":
    main()
