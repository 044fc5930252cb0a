"""How often do the tests call nothing something, and something something?

    PYTHONPATH=workflow python benchmarks/false_positives.py [--datasets 1000]

Draws data sets under each null hypothesis and prints the share of p below .05 (with the Monte Carlo error), and under
planted differences the power, next to rsatoolbox's paired test over resamples of images. Null data sets: a layer that
has nothing to do with the brain (p against chance), two models that are equally good (model against model), and groups
of models without a difference (experiments in one person); with images independent or in groups of four, units with
equal or unequal noise.
"""

from __future__ import annotations

import argparse
import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr

import numpy as np
import pandas as pd

from menagerie.linking.bootstrap import adjusted, bootstrap_similarity, excess_variance, image_counts, p_drawn
from menagerie.linking.permutations import p_above, permuted_encoding, permuted_similarity
from menagerie.linking.rsm import pattern_rsm, rsm, rsm_similarity, triangle
from menagerie.linking.swaps import Patterns, image_shares, image_signs, p_swapped, swapped_encoding, swapped_similarity
from menagerie.statistics.experiments import Analysis, Experiment
from menagerie.statistics.persons import draws_of, person_effects

N_IMAGES, N_UNITS, N_FEATURES = 60, 40, 30
DRAWS = 400  # permutations and resamples
SETTINGS = {
    "independent images": (None, False),
    "unequal noise": (None, True),
    "images in fours": (np.repeat(np.arange(N_IMAGES // 4), 4), False),
}
Generator = np.random.Generator


def images(generator: Generator, width: int, groups: np.ndarray | None) -> np.ndarray:
    """``(images, width)`` standard normal; images of a group share most of it."""
    own = generator.standard_normal((N_IMAGES, width))
    return own if groups is None else generator.standard_normal((groups.max() + 1, width))[groups] + 0.4 * own


def noise_of(generator: Generator, unequal: bool) -> np.ndarray:
    """``(units,)`` SD of each unit's noise."""
    return np.exp(0.8 * generator.standard_normal(N_UNITS)) if unequal else np.ones(N_UNITS)


def brain(generator: Generator, groups: np.ndarray | None, unequal: bool) -> tuple[np.ndarray, np.ndarray]:
    """Signal and responses, ``(units, images)``."""
    signal = images(generator, N_FEATURES, groups) @ generator.standard_normal((N_FEATURES, N_UNITS)) / N_FEATURES**0.5
    return signal.T, (signal + noise_of(generator, unequal) * images(generator, N_UNITS, groups)).T


def against_chance(generator: Generator, groups: np.ndarray | None, unequal: bool, gap: float) -> dict[str, float]:
    """p of a layer that shares ``gap`` of its features with the brain."""
    signal, responses = brain(generator, groups, unequal)
    layer = gap * signal + (1 - gap) * images(generator, N_UNITS, groups).T
    seed = int(generator.integers(2**31))
    a, b = rsm(layer.T), rsm(responses.T)
    correlations = [np.corrcoef(x, y)[0, 1] for x, y in zip(layer, responses, strict=True)]
    return {
        "chance, RSA": p_above(rsm_similarity(a, b), permuted_similarity(a, b, DRAWS, seed, groups)),
        "chance, encoding": p_above(
            float(np.mean(correlations)), permuted_encoding(layer, responses, DRAWS, seed, groups)
        ),
    }


def between_models(generator: Generator, groups: np.ndarray | None, unequal: bool, gap: float) -> dict[str, float]:
    """p of the difference of two models; the second has ``gap`` more noise."""
    signal, responses = brain(generator, groups, unequal)
    means = generator.standard_normal(N_UNITS)
    models = [signal + (1 + extra) * images(generator, N_UNITS, groups).T for extra in (0, gap)]
    measured, seed = rsm(responses.T + means), int(generator.integers(2**31))
    signs = image_signs(N_IMAGES, DRAWS, seed, groups)
    patterns = [Patterns.of(model, means) for model in models]
    scores = [rsm_similarity(pattern_rsm(model, means), measured) for model in models]
    found = {
        "models, veRSA (swap)": p_swapped(
            scores[0] - scores[1], swapped_similarity(*patterns, triangle(measured), signs)
        )
    }
    shares = [image_shares(model, responses) for model in models]
    found["models, encoding (swap)"] = p_swapped(
        float(shares[0].sum() - shares[1].sum()), swapped_encoding(*shares, signs)
    )
    counts = image_counts(N_IMAGES, DRAWS, seed, groups)
    raw = [rsm(model.T + means) for model in models]
    drawn = [
        adjusted(
            bootstrap_similarity(one, measured, counts, groups),
            excess_variance(one, measured, groups),
            groups,
            rsm_similarity(one, measured),
        )
        for one in raw
    ]
    return found | {"models, cRSA (bootstrap)": p_drawn(drawn[0] - drawn[1])}


def rsatoolbox_pair(generator: Generator, groups: np.ndarray | None, unequal: bool, gap: float) -> dict[str, float]:
    """rsatoolbox's pairwise test of the same two models: bootstrap over images, t test of the difference."""
    import rsatoolbox

    signal, responses = brain(generator, groups, unequal)
    means = generator.standard_normal(N_UNITS)
    models = [signal + (1 + extra) * images(generator, N_UNITS, groups).T for extra in (0, gap)]

    def rdms(rows: np.ndarray) -> object:
        descriptors = {"index": np.arange(N_IMAGES)}
        return rsatoolbox.rdm.RDMs((1 - rsm(rows.T + means))[None], pattern_descriptors=descriptors)

    given = [rsatoolbox.model.ModelFixed(str(number), rdms(model)) for number, model in enumerate(models)]
    np.random.seed(int(generator.integers(2**31)))  # noqa: NPY002 - rsatoolbox draws from numpy's own generator
    with redirect_stderr(io.StringIO()):  # it prints a progress bar
        result = rsatoolbox.inference.eval_bootstrap_pattern(given, rdms(responses), method="corr", N=DRAWS)
    return {"models, cRSA (rsatoolbox)": float(result.test_pairwise()[0, 1])}


def within_person(generator: Generator, groups: np.ndarray | None, unequal: bool, gap: float) -> dict[str, float]:
    """p of an experiment with five models a level in one person; ``gap`` more noise in one level.

    Models of a level differ in the test over models, which takes them as a sample. In that over images they are equally
    good: where they are not, these very models do differ.
    """
    own = 1 + 0.2 * generator.standard_normal(10)
    over_models = _person(generator, groups, unequal, gap, own)["models"]
    over_images = _person(generator, groups, unequal, gap, np.ones(10))["images"]
    return {"experiment, over models": over_models, "experiment, over images": over_images}


def _person(
    generator: Generator, groups: np.ndarray | None, unequal: bool, gap: float, own: np.ndarray
) -> dict[str, float]:
    """Sample -> p of such an experiment; ``own`` are the models' amounts of noise."""
    signal, responses = brain(generator, groups, unequal)
    measured, counts = rsm(responses.T), image_counts(N_IMAGES, DRAWS, int(generator.integers(2**31)), groups)
    rows = []
    for number in range(10):
        kind = ("plain", "noisy")[number % 2]
        noise = own[number] + gap * (kind == "noisy")
        model = rsm((signal + noise * images(generator, N_UNITS, groups).T).T)
        score = rsm_similarity(model, measured)
        plain, excess = bootstrap_similarity(model, measured, counts, groups), excess_variance(model, measured, groups)
        place = {"dataset": "d", "subject": "s", "region": "r", "metric": "crsa", "model": f"m{number}"}
        rows.append(place | {"kind": kind, "score": score, "drawn": adjusted(plain, excess, groups, score)})
    data = pd.DataFrame(rows)
    data["kind"] = pd.Categorical(data["kind"], ["plain", "noisy"])
    experiment = Experiment("kind", "Kind", "kind", "plain", (Analysis("sound", formula="score ~ kind"),), {})
    return person_effects(experiment, data, draws_of(data)).set_index("sample")["p"].to_dict()


def shares(test: Callable, n: int, setting: str, gap: float) -> dict[str, float]:
    """Name of a test -> share of p at or below .05 over ``n`` data sets."""
    draws = (np.random.default_rng([seed, int(1000 * gap)]) for seed in range(n))
    found = pd.DataFrame([test(generator, *SETTINGS[setting], gap) for generator in draws])
    return (found <= 0.05).mean().to_dict()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=1000)
    n = parser.parse_args().datasets
    warnings.filterwarnings("ignore")
    print(f"share of p <= .05 over {n} data sets (Monte Carlo error {np.sqrt(0.05 * 0.95 / n):.4f} at .05)")
    print("| test | " + " | ".join(SETTINGS) + " | power, small | power, large |")
    print("| --- |" + " --- |" * (len(SETTINGS) + 2))
    first = next(iter(SETTINGS))
    for test, gaps in (
        (against_chance, (0.1, 0.2)),
        (between_models, (0.25, 0.5)),
        (rsatoolbox_pair, (0.25, 0.5)),
        (within_person, (0.25, 0.5)),
    ):
        size = n if test is not rsatoolbox_pair else n // 10  # its bootstrap is a loop
        columns = [shares(test, size, setting, 0.0) for setting in SETTINGS]
        columns += [shares(test, size, first, gap) for gap in gaps]
        for name in columns[0]:
            print(f"| {name} | " + " | ".join(f"{column[name]:.3f}" for column in columns) + " |", flush=True)


if __name__ == "__main__":
    main()
