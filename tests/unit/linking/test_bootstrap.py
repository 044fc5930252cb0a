"""The closed form against a loop that really resamples."""

import time

import numpy as np
import pytest

from menagerie.linking.bootstrap import (
    adjusted,
    bootstrap_encoding,
    bootstrap_similarity,
    excess_variance,
    image_counts,
    interval,
)
from menagerie.linking.rsm import UndefinedError, rsm_similarity


def draws_of(counts):
    return [np.repeat(np.arange(len(w)), w.astype(int)) for w in counts]


def test_similarity_equals_brute_force_without_self_pairs():
    generator = np.random.default_rng(0)
    a = np.corrcoef(generator.standard_normal((15, 8)))
    b = np.corrcoef(generator.standard_normal((15, 8))) + a + 5
    counts = image_counts(15, 60, seed=1)
    expected = []
    for images in draws_of(counts):
        pairs = [(i, j) for k, i in enumerate(images) for j in images[k + 1 :] if i != j]
        i, j = np.array(pairs).T
        expected.append(np.corrcoef(a[i, j], b[i, j])[0, 1])
    np.testing.assert_allclose(bootstrap_similarity(a, b, counts), expected, atol=1e-12)


def test_encoding_equals_brute_force():
    generator = np.random.default_rng(2)
    x = generator.standard_normal((9, 20)) + 7
    y = 0.5 * x + generator.standard_normal((9, 20))
    counts = image_counts(20, 50, seed=3)
    expected = [np.mean([np.corrcoef(p[i], q[i])[0, 1] for p, q in zip(x, y, strict=True)]) for i in draws_of(counts)]
    np.testing.assert_allclose(bootstrap_encoding(x, y, counts, block=4), expected, atol=1e-10)
    single = bootstrap_encoding(x.astype(np.float32), y.astype(np.float32), counts)
    np.testing.assert_allclose(single, expected, atol=1e-5)


def test_resample_without_two_pairs_is_marked_and_many_make_the_interval_undefined():
    a, b = (np.corrcoef(np.random.default_rng(seed).standard_normal((4, 9))) for seed in (4, 5))
    counts = np.array([[4.0, 0, 0, 0], [2, 2, 0, 0], [1, 1, 1, 1]])
    samples = bootstrap_similarity(a, b, counts)
    assert np.isnan(samples).tolist() == [True, True, False]
    with pytest.raises(UndefinedError, match="1 of 3 resamples"):
        interval(samples)


def test_interval_is_the_percentile_interval():
    assert interval(np.arange(1001.0)) == pytest.approx((25, 975))
    assert interval(np.arange(1001.0), level=0.5) == pytest.approx((250, 750))


def test_same_seed_same_resamples_and_every_draw_is_full():
    assert np.array_equal(image_counts(12, 5, seed=7), image_counts(12, 5, seed=7))
    assert (image_counts(12, 500, seed=8).sum(axis=1) == 12).all()


def test_thousand_resamples_of_five_hundred_images_take_seconds_at_most():
    a, b = (np.corrcoef(np.random.default_rng(seed).standard_normal((500, 40))) for seed in (9, 10))
    start = time.process_time()
    assert np.isfinite(bootstrap_similarity(a, b, image_counts(500))).all()
    assert time.process_time() - start < 10  # measured: 0.2 s of one quiet core; a loop takes minutes


def similar_rsms(generator, n, noise=4.0):
    """RSMs of n images from a fixed population of layers and noisy brains."""
    weights = np.random.default_rng(99).standard_normal((40, 60))
    features = generator.standard_normal((n, 40)) * np.arange(1, 41) ** -0.5
    return np.corrcoef(features), np.corrcoef(features @ weights + noise * generator.standard_normal((n, 60)))


def test_intervals_cover_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(1)
    truth = np.mean([rsm_similarity(*similar_rsms(generator, 1000)) for _ in range(24)])
    n, repeats, hits = 80, 300, 0
    for seed in range(repeats):
        a, b = similar_rsms(generator, n)
        low, high = interval(adjusted(bootstrap_similarity(a, b, image_counts(n, 400, seed)), excess_variance(a, b)))
        hits += low <= truth <= high
    assert 0.925 <= hits / repeats <= 0.98  # 95 % give or take twice the error of 300 repeats


def test_corrected_variance_is_the_jackknifes():
    generator = np.random.default_rng(2)
    a, b = (np.corrcoef(generator.standard_normal((30, 12))) for _ in range(2))
    left_out = [rsm_similarity(*(np.delete(np.delete(m, i, 0), i, 1) for m in (a, b))) for i in range(30)]
    jackknife = 29 / 30 * np.sum(np.square(left_out - np.mean(left_out)))
    drawn = bootstrap_similarity(a, b, image_counts(30, 4000)).var()
    assert drawn > 1.3 * jackknife
    assert drawn - excess_variance(a, b) == pytest.approx(jackknife, rel=0.2)
