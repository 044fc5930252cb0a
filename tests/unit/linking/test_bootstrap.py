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
    p_drawn,
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


def hoeffding_variance(influence):
    """Variance of the pair parts: least squares on one part for each item, over pairs less items."""
    n = len(influence)
    i, j = np.triu_indices(n, 1)
    design = np.zeros((len(i), n))
    design[np.arange(len(i)), i] = design[np.arange(len(i)), j] = 1
    rest = influence[i, j] - design @ np.linalg.lstsq(design, influence[i, j], rcond=None)[0]
    return rest @ rest / (len(i) - n)


def influence_of(a, b):
    """To first order, what a pair adds to r: xy - r (x^2 + y^2) / 2 of similarities standardised over pairs."""
    off = ~np.eye(len(a), dtype=bool)
    x, y = (np.where(off, (m - m[off].mean()) / m[off].std(), 0) for m in (a, b))
    return x * y - np.corrcoef(a[off], b[off])[0, 1] / 2 * (x * x + y * y)


@pytest.mark.parametrize("n", [4, 5, 12])
def test_excess_variance_is_that_of_pairs_beyond_images(n):
    generator = np.random.default_rng(n)
    a = np.corrcoef(generator.standard_normal((n, 12)))
    b = np.corrcoef(generator.standard_normal((n, 12))) + a
    expected = 2 * hoeffding_variance(influence_of(a, b)) / n**2
    assert excess_variance(a, b) == pytest.approx(expected, rel=1e-9)
    assert expected > 0


def test_excess_variance_of_groups_is_that_of_pairs_of_groups():
    generator = np.random.default_rng(3)
    a, b = (np.corrcoef(generator.standard_normal((20, 9))) for _ in range(2))
    groups = np.repeat(np.arange(5), 4)
    influence = influence_of(a, b)
    between = np.array([[influence[np.ix_(groups == g, groups == h)].sum() for h in range(5)] for g in range(5)])
    off = ~np.eye(5, dtype=bool)
    between = np.where(off, between - between[off].mean(), 0) * (5 / 20) ** 2
    expected = 2 * hoeffding_variance(between) / 5**2
    assert excess_variance(a, b, groups) == pytest.approx(expected, rel=1e-9)
    assert excess_variance(a, b, np.repeat(np.arange(4), 5)) > 0
    assert excess_variance(a, b, np.arange(20) % 3) == 0  # three groups have three pairs, and as many parts


def test_rsms_too_small_or_constant_have_no_excess():
    a = np.corrcoef(np.random.default_rng(5).standard_normal((6, 9)))
    assert excess_variance(a, np.ones((6, 6))) == excess_variance(np.ones((6, 6)), a) == 0
    assert excess_variance(a[:3, :3], 2 * a[:3, :3]) == 0


def test_samples_are_drawn_to_their_mean_and_no_further():
    samples = np.array([0.1, 0.2, 0.6, np.nan])
    less = adjusted(samples, np.nanvar(samples) / 4)
    assert np.nanvar(less) == pytest.approx(0.75 * np.nanvar(samples)) and np.isnan(less[3])
    assert np.nanmean(less) == pytest.approx(0.3)
    np.testing.assert_allclose(adjusted(samples, 5.0)[:3], 0.3)  # more than there is: nothing is left, and no NaN
    np.testing.assert_array_equal(adjusted(samples), samples)
    np.testing.assert_array_equal(adjusted(np.full(3, 0.5), 0.1), np.full(3, 0.5))
    np.testing.assert_array_equal(adjusted(np.full(3, np.nan), 0.1), np.full(3, np.nan))


def test_few_groups_widen_by_student_around_the_score():
    """Of encoding scores with five groups: sqrt(5 / 4) times the ratio of the 97.5 % quantiles, 2.7764 / 1.9600."""
    samples = np.random.default_rng(0).normal(0.4, 0.01, 500)
    groups = np.arange(30) % 5
    plain = adjusted(samples, groups=groups, score=0.45, fisher=False)
    assert plain.mean() == pytest.approx(0.45)
    assert plain.std() / samples.std() == pytest.approx(np.sqrt(5 / 4) * 2.776445 / 1.959964, rel=1e-6)
    z = np.arctanh(adjusted(samples, groups=groups, score=0.45))
    assert z.mean() == pytest.approx(np.arctanh(0.45))
    assert z.std() / np.arctanh(samples).std() == pytest.approx(np.sqrt(5 / 4) * 2.776445 / 1.959964, rel=1e-6)


def test_excess_is_taken_off_on_the_scale_of_z():
    """A variance of r is that of z times (1 - r^2)^2."""
    samples = np.tanh(np.random.default_rng(0).normal(np.arctanh(0.6), 0.05, 4000))
    groups = np.arange(400)
    whole, less = (np.arctanh(adjusted(samples, excess, groups, 0.6)).var() for excess in (0.0, 0.0004))
    z = np.arctanh(samples)
    slope = 1 - np.tanh(z.mean()) ** 2
    assert less / whole == pytest.approx(1 - 0.0004 / slope**2 / z.var(), rel=1e-6)


def test_perfect_scores_stay_finite_with_groups():
    groups = np.arange(12) % 4
    found = adjusted(np.array([1.0, 0.9, 1.0, 0.95]), groups=groups, score=0.97)
    assert np.isfinite(found).all() and (found <= 1).all()
    assert found[1] < 0.5 and found[0] > 0.99  # on the scale of z a perfect score is far from any other
    assert np.isnan(adjusted(np.full(4, np.nan), groups=groups, score=0.97)).all()


@pytest.mark.parametrize(("defined", "is_enough"), [(90, True), (89, False), (0, False)])
def test_nine_resamples_in_ten_must_be_defined(defined, is_enough):
    samples = np.where(np.arange(100) < defined, np.arange(100.0), np.nan)
    if is_enough:
        assert interval(samples) == pytest.approx((0.025 * 89, 0.975 * 89))
    else:
        with pytest.raises(UndefinedError, match=f"{defined} of 100 resamples"):
            interval(samples)


def test_no_resample_at_all_is_no_interval():
    with pytest.raises(UndefinedError, match="0 of 0"):
        interval(np.array([]))


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1.0] * 19, 2 / 20),  # none on the other side: the least of 19 resamples
        ([1.0] * 18 + [-1.0], 4 / 20),
        ([-1.0] * 17 + [1.0, 0.0], 6 / 20),  # zero counts for both sides
        ([1.0, -1.0], 1.0),
        ([0.0] * 5, 1.0),
        ([1.0] * 19 + [np.nan] * 3, 2 / 20),
    ],
)
def test_p_of_drawn_differences(differences, p):
    assert p_drawn(np.array(differences)) == pytest.approx(p)
    assert p_drawn(-np.array(differences)) == pytest.approx(p)


def test_p_of_no_difference_is_unknown():
    assert np.isnan(p_drawn(np.array([np.nan, np.nan])))


def test_a_resample_of_equal_similarities_has_no_score():
    """Its variance is rounding error of the others' size, and its correlation would be noise."""
    generator = np.random.default_rng(6)
    a, b = (np.corrcoef(generator.standard_normal((30, 9))) for _ in range(2))
    a[:10, :10] = 1 / 3 + 1e-17
    counts = np.zeros((3, 30))
    counts[0, :10], counts[1, 20:], counts[2, [0, 1, 2, 25]] = 3, 3, 5
    for first, second in ((a, b), (b, a)):
        assert np.isnan(bootstrap_similarity(first, second, counts)).tolist() == [True, False, False]


def test_a_unit_that_is_constant_in_a_resample_is_left_out_of_its_mean():
    generator = np.random.default_rng(7)
    x, y = generator.standard_normal((2, 3, 8))
    y[1, :4] = 0.1  # constant over the first four images
    counts = np.array([[2.0, 2, 2, 2, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1]])
    expected = [
        np.mean([np.corrcoef(x[u, :4], y[u, :4])[0, 1] for u in (0, 2)]),
        np.mean([np.corrcoef(x[u], y[u])[0, 1] for u in range(3)]),
    ]
    np.testing.assert_allclose(bootstrap_encoding(x, y, counts, block=2), expected, atol=1e-12)
    assert np.isnan(bootstrap_encoding(x[1:2], y[1:2], counts)[0])


def test_images_of_a_group_are_drawn_together_and_every_group_as_often():
    groups = np.array([0, 1, 2, 2, 1, 0, 2])
    counts = image_counts(7, 4000, seed=2, groups=groups)
    for g in range(3):
        assert (counts[:, groups == g] == counts[:, groups == g][:, :1]).all()
    assert (counts[:, [0, 1, 2]].sum(axis=1) == 3).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.06)
    assert not np.array_equal(image_counts(12, 5, seed=7), image_counts(12, 5, seed=8))
