"""How often do intervals hold the true score where images come in groups (near-duplicates, categories)?

    PYTHONPATH=workflow python benchmarks/image_groups.py [--repeats 1000]

Prints, for numbers and sizes of groups, the share of 95 % intervals that hold the expected score of such a sample: with
groups drawn as wholes, and with images drawn one by one; for RSA and for encoding, and the shares of p below .05 of an
unrelated layer.
"""

from __future__ import annotations

import argparse

import numpy as np

from menagerie.linking.bootstrap import (
    adjusted,
    bootstrap_encoding,
    bootstrap_similarity,
    excess_variance,
    image_counts,
    interval,
)
from menagerie.linking.permutations import p_above, permuted_encoding, permuted_similarity
from menagerie.linking.rsm import rsm, rsm_similarity

N_FEATURES, N_UNITS = 40, 60
DESIGNS = ((100, 1), (25, 4), (50, 4), (125, 4), (8, 12), (8, 60), (20, 5))
RESAMPLES = 400
WEIGHTS = (
    np.random.default_rng(99).standard_normal((N_FEATURES, N_UNITS)) * np.arange(1, N_FEATURES + 1)[:, None] ** -0.5
)


def draw(seed: list[int], groups: np.ndarray, related: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Features of a layer and responses of a brain: images of a group share most of both, noise too."""
    generator = np.random.default_rng(seed)

    def shared(width: int, own: float) -> np.ndarray:
        common = generator.standard_normal((groups.max() + 1, width))[groups]
        return common + own * generator.standard_normal((len(groups), width))

    features = shared(N_FEATURES, 0.4)
    seen = features if related else shared(N_FEATURES, 0.4)
    return features, seen @ WEIGHTS + 1.5 * shared(N_UNITS, 0.6)


def predictions(features: np.ndarray) -> np.ndarray:
    """``(units, images)``: what a true model would predict."""
    return (features @ WEIGHTS).T


def encoding(features: np.ndarray, responses: np.ndarray) -> float:
    """Mean over units of the correlation of prediction and response."""
    pairs = zip(predictions(features), responses.T, strict=True)
    return float(np.mean([np.corrcoef(x, y)[0, 1] for x, y in pairs]))


def shares(groups: np.ndarray, repeats: int) -> list[float]:
    """Shares of intervals that hold the truth (RSA, encoding; groups, images), and of p below .05 (RSA, encoding)."""
    truths = [[], []]
    for repeat in range(repeats):
        features, responses = draw([1, repeat], groups)
        truths[0].append(rsm_similarity(rsm(features), rsm(responses)))
        truths[1].append(encoding(features, responses))
    hits: list[list[bool]] = [[] for _ in range(6)]
    for repeat in range(repeats):
        features, responses = draw([2, repeat], groups)
        a, b = rsm(features), rsm(responses)
        for place, of in enumerate((groups, None)):
            counts = image_counts(len(groups), RESAMPLES, repeat, of)
            scores = rsm_similarity(a, b), encoding(features, responses)
            drawn = adjusted(bootstrap_similarity(a, b, counts, of), excess_variance(a, b, of), of, scores[0])
            encoded = bootstrap_encoding(predictions(features), responses.T, counts)
            encoded = adjusted(encoded, groups=of, score=scores[1])
            for kind, samples in enumerate((drawn, encoded)):
                low, high = interval(samples)
                hits[2 * kind + place].append(low <= np.mean(truths[kind]) <= high)
        features, responses = draw([3, repeat], groups, related=False)
        a, b = rsm(features), rsm(responses)
        hits[4].append(p_above(rsm_similarity(a, b), permuted_similarity(a, b, 400, repeat, groups)) <= 0.05)
        permuted = permuted_encoding(predictions(features), responses.T, 400, repeat, groups)
        hits[5].append(p_above(encoding(features, responses), permuted) <= 0.05)
    return [float(np.mean(found)) for found in hits]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args().repeats
    print("| groups x images | RSA | as single images | encoding | as single images | p < .05: RSA | encoding |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for n_groups, size in DESIGNS:
        found = shares(np.repeat(np.arange(n_groups), size), repeats)
        print(f"| {n_groups} x {size} | " + " | ".join(f"{share:.3f}" for share in found) + " |", flush=True)


if __name__ == "__main__":
    main()
