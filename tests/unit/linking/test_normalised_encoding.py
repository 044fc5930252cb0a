"""Encoding on the scale of each unit's noise ceiling."""

from types import SimpleNamespace

import numpy as np
import pytest

from menagerie.brain.repeats import count_repeats, estimate_ncsnr
from menagerie.linking import score_layer
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.evaluate import evaluate_layers
from menagerie.linking.explainable import MIN_NC, explainable_units
from menagerie.linking.measures import measure
from menagerie.linking.permutations import permuted_encoding
from menagerie.linking.resampling import resampling
from menagerie.linking.rsm import UndefinedError
from menagerie.linking.select import select_layers
from menagerie.linking.swaps import normalised_shares

from .builders import image_ids, layer_of, target_of

NORMALISED = ("encoding_r", "encoding_nr", "encoding_ev")


def noisy_target(n=400, v=60, repeats=3, seed=0, uneven=False):
    """A linear brain with noise of known size, and a layer that holds all of its signal."""
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((n, 8))
    signal = features @ generator.standard_normal((8, v))
    signal /= signal.std(axis=0)
    noise = np.exp(generator.uniform(-1, 1.5, v))
    trials = signal + noise * generator.standard_normal((repeats, n, v))
    if uneven:
        trials[1:, ::3] = np.nan
    regions = {"all": np.ones(v, dtype=bool)}
    units = {"ncsnr": estimate_ncsnr(trials)}
    target = target_of(
        features,
        responses=np.nanmean(trials, axis=0).astype(np.float32),
        regions=regions,
        units=units,
        n_repeats=count_repeats(trials),
        ceilings={},
    )
    return features, target, signal, noise


@pytest.mark.parametrize("uneven", [False, True])
def test_the_true_signal_scores_one(uneven):
    scores = []
    for seed in range(8):
        features, target, _, _ = noisy_target(seed=seed, uneven=uneven)
        rows = score_layer(layer_of(features), target, model="m", depth=1.0, metrics=NORMALISED, penalties=(0.01,))
        scores.append({r["metric"]: r["score"] for r in rows.to_pylist() if r["part"] == "test"})
    means = {metric: np.mean([one[metric] for one in scores]) for metric in NORMALISED}
    assert means["encoding_nr"] == pytest.approx(1, abs=0.03)
    assert means["encoding_ev"] == pytest.approx(1, abs=0.04)
    assert means["encoding_r"] < 0.9


def test_unit_ceilings_are_the_share_of_signal_in_mean_responses():
    _, target, _, noise = noisy_target(n=4000)
    found = target.noise_ceilings_of_units(slice(None))
    errors = found - 1 / (1 + noise**2 / 3)
    assert abs(errors.mean()) < 0.01 and np.abs(errors).max() < 0.07
    assert noisy_target(uneven=True)[1].noise_ceilings_of_units(slice(0, None, 3)) == pytest.approx(
        1 / (1 + 1 / np.square(noisy_target(uneven=True)[1].units["ncsnr"]))
    )


def test_units_without_signal_are_left_out_and_counted():
    features, target, _, _ = noisy_target(n=80)
    ceilings = target.noise_ceilings_of_units(slice(1, None, 2))
    lowest = np.sort(ceilings)[:5]
    target.units["ncsnr"][np.argsort(ceilings)[:5]] = 0.0
    table = score_layer(layer_of(features), target, model="m", depth=1.0, metrics=NORMALISED, penalties=(1.0,))
    rows = table.to_pylist()
    counts = {row["metric"]: row["n_units"] for row in rows if row["part"] == "test"}
    assert counts["encoding_r"] == 60
    left = int((ceilings >= MIN_NC).sum() - (lowest >= MIN_NC).sum())
    assert counts["encoding_nr"] == counts["encoding_ev"] == left


@pytest.mark.parametrize("missing", ["ncsnr", "n_repeats"])
def test_without_repeats_the_reason_is_the_status(missing):
    features, target, _, _ = noisy_target(n=60)
    changes = {"units": {}} if missing == "ncsnr" else {"n_repeats": None}
    target = target_of(features, **{**vars(target), **changes})
    rows = score_layer(layer_of(features), target, model="m", depth=1.0, metrics=["encoding_nr"]).to_pylist()
    assert {row["score"] for row in rows} == {None}
    assert all("noise of single units is unknown" in row["status"] for row in rows)


def pair_of(n=60):
    features, target, _, _ = noisy_target(n=n)
    return Comparison(layer_of(features), Brain(target, image_ids(n)), (1.0,))


@pytest.mark.parametrize("metric", ["encoding_nr", "encoding_ev"])
def test_resamples_are_scores_of_resampled_images(metric):
    pair = pair_of()
    counts = np.random.default_rng(1).multinomial(30, np.full(30, 1 / 30), size=4).astype(float)
    drawn = resampling(metric).drawn(pair, "all", counts)
    score, _ = measure(metric).score(pair, "all", "test")
    assert drawn.mean() == pytest.approx(score)
    expected = []
    nc = pair.brain.unit_ceilings["test"]
    units = pair.defined_units("all", "test")
    units = units[nc[units] >= MIN_NC]
    for row in counts:
        rows = np.repeat(np.arange(30), row.astype(int))
        r = np.array(
            [np.corrcoef(pair.predicted["test"][u][rows], pair.brain.centred["test"][0][u][rows])[0, 1] for u in units]
        )
        of = (r / np.sqrt(nc[units])) if metric == "encoding_nr" else np.maximum(r, 0) ** 2 / nc[units]
        expected.append(of.mean())
    assert drawn - score == pytest.approx(np.subtract(expected, np.mean(expected)), abs=1e-5)


def test_shares_and_permutations_weigh_units_alike():
    pair = pair_of()
    score, _ = measure("encoding_nr").score(pair, "all", "test")
    assert normalised_shares(pair, "all").sum() == pytest.approx(score, abs=1e-6)
    permuted = resampling("encoding_nr").permuted(pair, "all", 200, 0)
    assert abs(permuted.mean()) < 0.05 and permuted.max() < score
    x, y = np.random.default_rng(2).standard_normal((2, 5, 12))
    weights = np.arange(1.0, 6.0)
    single = np.mean([w * permuted_encoding(x[[u]], y[[u]], 20, 3) for u, w in enumerate(weights)], axis=0)
    assert permuted_encoding(x, y, 20, 3, weights=weights) == pytest.approx(single)


def test_unit_scores_hold_the_ceilings_and_scores_have_intervals():
    features, target, _, _ = noisy_target(n=80)
    layer = layer_of(features)
    rows = score_layer(layer, target, model="m", depth=1.0, metrics=NORMALISED, penalties=(1.0,))
    evaluated = evaluate_layers(
        select_layers(rows), lambda index: layer, target, penalties=(1.0,), n_resamples=200, n_permutations=100
    )
    for row in evaluated.folds.to_pylist():
        assert row["ci_low"] < row["score"] < row["ci_high"]
        assert (row["p"] is None) == (row["metric"] == "encoding_ev")
    ceilings = target.noise_ceilings_of_units(slice(1, None, 2))
    assert evaluated.units["nc"].to_pylist() == pytest.approx(ceilings.tolist())


def test_units_are_divided_by_a_ceiling_of_a_twentieth_and_more():
    ceilings = np.array([0.05, np.nextafter(0.05, 0), 0.3, 0.9, np.nan])
    pair = SimpleNamespace(
        brain=SimpleNamespace(unit_ceilings={"test": ceilings, "train": None}),
        defined_units=lambda region, part: np.array({"it": [0, 1, 2, 4], "v1": [1, 4]}[region]),
    )
    units, known = explainable_units(pair, "it", "test")
    assert units.tolist() == [0, 2] and known.tolist() == [0.05, 0.3]
    with pytest.raises(UndefinedError, match=r"no unit of the region has a noise ceiling of 0\.05 or more"):
        explainable_units(pair, "v1", "test")
    with pytest.raises(UndefinedError, match="noise of single units is unknown"):
        explainable_units(pair, "it", "train")
