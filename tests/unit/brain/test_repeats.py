"""Uneven repeats: means, reliability and ceilings agree with what was put in."""

import numpy as np
import pytest

from menagerie.brain.repeats import estimate_ncsnr, mean_over_repeats, measured_ceilings, split_half_reliability
from menagerie.errors import MenagerieError


def make_repeats(n=400, v=30, t=10, noise_sd=2.0, fewest=4, seed=0):
    """Signal of SD 1, noise of a known SD, and between ``fewest`` and ``t`` repeats an image."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((n, v))
    repeats = signal + noise_sd * rng.standard_normal((t, n, v))
    for image, count in enumerate(rng.integers(fewest, t + 1, size=n)):
        repeats[rng.permutation(t)[count:], image] = np.nan
    return repeats, signal


def test_mean_ignores_missing_repeats():
    repeats, _ = make_repeats()
    np.testing.assert_allclose(mean_over_repeats(repeats, "x"), np.nanmean(repeats, axis=0))


def test_ncsnr_is_signal_over_noise_with_uneven_repeats():
    repeats, _ = make_repeats(n=3000)
    assert np.median(estimate_ncsnr(repeats)) == pytest.approx(0.5, abs=0.02)
    assert np.median(estimate_ncsnr(make_repeats(n=3000, noise_sd=1e6)[0])) < 0.15


def test_ncsnr_agrees_with_the_plain_formula_for_even_repeats():
    repeats, _ = make_repeats(fewest=10)
    noise = repeats.var(axis=0, ddof=1).mean(axis=0)
    signal = repeats.mean(axis=0).var(axis=0, ddof=1) - noise / 10
    np.testing.assert_allclose(estimate_ncsnr(repeats), np.sqrt(signal / noise))


def test_reliability_is_the_correlation_of_two_means():
    repeats, _ = make_repeats(n=3000, fewest=10)
    # A mean of 10 trials has signal variance 1 and noise variance 4 / 10, so two such means correlate 1 / 1.4.
    assert split_half_reliability(repeats).mean() == pytest.approx(1 / 1.4, abs=0.02)


def test_reliability_with_uneven_repeats_lies_between_those_of_fewest_and_most():
    found = split_half_reliability(make_repeats(n=3000)[0]).mean()
    assert 1 / (1 + 4 / 4) < found < 1 / (1 + 4 / 10)


@pytest.mark.parametrize(
    ("place", "message"),
    [((2, 5, 7), "NaN in 1 of 30 units at image 5, repeat 2.*first unit 7"), ((slice(None), 5), "image 5")],
)
def test_stray_nan_and_images_without_data_are_told(place, message):
    repeats, _ = make_repeats(fewest=10)
    repeats[place] = np.nan
    with pytest.raises(MenagerieError, match=message):
        mean_over_repeats(repeats, "file.npy")


def test_ceilings_rest_on_training_images_and_absence_has_a_reason():
    repeats, _ = make_repeats(n=120, v=20, noise_sd=1.0)
    regions = {"a": np.arange(20) < 10, "b": np.arange(20) >= 10}
    train = np.arange(120) % 2 == 0
    spoiled = repeats.copy()
    spoiled[:, ~train] = 0.0  # test images
    ceilings, _, _ = measured_ceilings(repeats, regions, train)
    assert ceilings == measured_ceilings(spoiled, regions, train)[0]
    assert set(ceilings) == {"a", "b"} and all(0 < value < 1 for value in ceilings.values())
    ceilings, _, reasons = measured_ceilings(repeats[:1], regions, train)
    assert ceilings == {} and reasons["ceiling_a"].startswith("absent: ")
