"""Floors, ties and sizes of linking: what is rounding and what is signal, and slices that read in place."""

import numpy as np
import pytest

from menagerie.brain.folds import Fold
from menagerie.errors import MenagerieError
from menagerie.files.geometry import LayerGeometry
from menagerie.linking.comparison import (
    Brain,
    Comparison,
    _as_slice,
    centred_rows,
    group_numbers,
    match_images,
    row_correlation,
)
from menagerie.linking.fold_means import Samples, mean_samples
from menagerie.linking.permutations import TIE, image_permutations, p_above, permuted_encoding, permuted_similarity
from menagerie.linking.rsm import BLOCK, UndefinedError, pattern_rsm, rsm, rsm_similarity, triangle
from menagerie.linking.swaps import Patterns, image_shares, image_signs, p_swapped, swapped_encoding, swapped_similarity

from .builders import features_of, image_ids, layer_of, target_of


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([0, 1, 2], slice(0, 3, 1)),
        ([1, 3, 5, 7], slice(1, 8, 2)),
        ([4, 7], slice(4, 8, 3)),
        ([5], None),
        ([], None),
        ([0, 1, 3], None),
        ([3, 2, 1], None),
        ([2, 2], None),
    ],
)
def test_evenly_spaced_rows_are_a_slice(rows, expected):
    found = _as_slice(np.array(rows, dtype=int))
    if expected is None:
        assert isinstance(found, np.ndarray) and found.tolist() == rows
    else:
        assert found == expected
        assert np.arange(20)[found].tolist() == rows


def test_images_of_both_sides_meet_in_the_layers_order():
    target = target_of(features_of(n=12))
    order = np.random.default_rng(0).permutation(12)
    ids = image_ids(12)[order]
    fold = Fold("two", 0, tuple(image_ids(12)[:7]), tuple(image_ids(12)[7:]))
    for part, (layer_rows, brain_rows) in match_images(target, ids, fold).items():
        mine = [ids[row] for row in np.arange(12)[layer_rows]]
        theirs = [target.image_ids[row] for row in np.arange(12)[brain_rows]]
        assert mine == theirs and set(mine) == set(fold.train if part == "train" else fold.test)


def test_images_without_a_group_are_counted_and_five_of_them_named():
    assert group_numbers(["a", "b", "c"], {"a": "y", "b": "x", "c": "y"}).tolist() == [1, 0, 1]
    with pytest.raises(MenagerieError, match=r"6 of 7 images have none \(b, c, d, e, f\)"):
        group_numbers(list("abcdefg"), {"a": "x"})


@pytest.mark.parametrize(("roundings", "varies"), [(0, False), (1, False), (8, True), (1000, True)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sign", [1, -1])
def test_rows_that_vary_by_a_rounding_error_are_constant(roundings, varies, dtype, sign):
    rows = np.random.default_rng(0).standard_normal((3, 8)).astype(dtype)
    rows[1] = sign * (1 + np.finfo(dtype).eps * roundings * (np.arange(8) % 2)).astype(dtype)
    centred, power = centred_rows(rows)
    assert np.isfinite(power).tolist() == [True, varies, True]
    assert np.isfinite(centred[1]).all() == varies
    np.testing.assert_allclose(np.abs(centred[[0, 2]]).max(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(power[0], (centred[0].astype(float) ** 2).sum(), rtol=1e-5)


def test_correlations_of_rows_are_numpys_and_empty_for_constants():
    x, y = np.random.default_rng(0).standard_normal((2, 4, 9))
    y[2] = -3.0
    found = row_correlation(centred_rows(x), centred_rows(y))
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, np.where(y == -3, x, y), strict=True)]
    assert np.isnan(found[2])
    np.testing.assert_allclose(np.delete(found, 2), np.delete(expected, 2), atol=1e-12)


def test_the_ends_of_a_grid_are_its_smallest_and_largest_penalty_in_any_order():
    features = features_of()
    brain = Brain(target_of(features), image_ids(40))
    for penalties in ([1e-3, 10.0, 1e5], [1e5, 1e-3, 10.0]):
        pair = Comparison(layer_of(features), brain, penalties)
        chosen = pair.ridge.penalty[pair.defined_units("late", "train")]
        assert pair.edge_shares("late") == (np.mean(chosen == 1e-3), np.mean(chosen == 1e5))
    assert Comparison(layer_of(features), brain, [1.0, 10.0]).edge_shares("late") != (None, None)
    assert Comparison(layer_of(features), brain, [1.0]).edge_shares("late") == (None, None)


@pytest.mark.parametrize("cut", ["rdm_triu", "gram_triu"])
def test_either_matrix_of_other_images_is_refused(cut):
    features = features_of()
    layer = layer_of(features)
    changed = LayerGeometry(**{**vars(layer), cut: getattr(layer, cut)[:-1]})
    with pytest.raises(MenagerieError, match="do not fit 40 images"):
        Comparison(changed, Brain(target_of(features), image_ids(40)))


# ---- RSMs


@pytest.mark.parametrize(("roundings", "varies"), [(1, False), (4, True)])
def test_features_that_vary_by_a_rounding_error_have_no_correlation(roundings, varies):
    features = np.random.default_rng(0).standard_normal((4, 10)).astype(np.float32)
    features[2] = 1 + np.finfo(np.float32).eps * roundings * (np.arange(10) % 2)
    if varies:
        assert np.isfinite(rsm(features)).all()
    else:
        with pytest.raises(UndefinedError, match="row 2"):
            rsm(features)


@pytest.mark.parametrize("units", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_patterns_of_any_number_of_units_are_whole(units):
    generator = np.random.default_rng(4)
    deviations = generator.standard_normal((units, 6)) + 2
    means = generator.standard_normal(units) * 3 + 1
    np.testing.assert_allclose(pattern_rsm(deviations, means), np.corrcoef(deviations.T + means), atol=1e-12)
    a, b = (Patterns.of(x, means) for x in (deviations, 0.1 * deviations[:, ::-1] ** 3))
    both = np.vstack([deviations.T + means, (0.1 * deviations[:, ::-1] ** 3).T + means])
    np.testing.assert_allclose(a.correlations(b), np.corrcoef(both)[:6, 6:], atol=1e-12)


def test_patterns_without_means_are_correlated_by_their_deviations():
    x, y = np.random.default_rng(0).standard_normal((2, 20, 5))
    a, b = (Patterns.of(side, np.full(20, 2.0)) for side in (x, y))
    np.testing.assert_allclose(a.correlations(b), np.corrcoef(x.T, y.T)[:5, 5:], atol=1e-12)
    np.testing.assert_allclose(pattern_rsm(x, np.zeros(20)), np.corrcoef(x.T), atol=1e-12)


@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e25])
def test_patterns_of_any_size_are_correlated(scale):
    """Squares of 1e25 overflow in single precision, those of 1e-25 vanish."""
    x, y = np.random.default_rng(0).standard_normal((2, 20, 5)).astype(np.float32)
    means = np.random.default_rng(1).standard_normal(20)
    a, b = (Patterns.of((scale * side).astype(np.float32), scale * means) for side in (x, y))
    expected = np.corrcoef(x.T + means, y.T + means)[:5, 5:]
    np.testing.assert_allclose(a.correlations(b), expected, atol=1e-5)
    found = pattern_rsm((scale * x).astype(np.float32), scale * means)
    np.testing.assert_allclose(found, np.corrcoef(x.T + means), atol=1e-5)


@pytest.mark.parametrize("seed", range(8))  # rounding leaves now more than nothing, now less
@pytest.mark.parametrize("of", [pattern_rsm, Patterns.of])
def test_a_pattern_that_its_means_undo_is_constant(of, seed):
    means = np.random.default_rng(5 + seed).standard_normal(200)
    deviations = np.random.default_rng(60 + seed).standard_normal((200, 6)).astype(np.float32)
    of(deviations, means)
    deviations[:, 2] = (3.0 - means).astype(np.float32)
    with pytest.raises(UndefinedError, match="constant"):
        of(deviations, means)
    # A hundredth of the means left is a pattern.
    deviations[:, 2] = (0.99 * (3.0 - means)).astype(np.float32)
    of(deviations, means)


def test_a_pattern_that_is_an_offset_is_constant():
    """An offset over all units is none of a pattern, whatever its size, where units have no means."""
    deviations = np.random.default_rng(6).standard_normal((50, 4)).astype(np.float32)
    deviations[:, 1] = 1 / 3
    with pytest.raises(UndefinedError, match="row 1"):
        pattern_rsm(deviations, np.zeros(50))


def test_no_pattern_at_all_is_constant():
    with pytest.raises(UndefinedError, match="6 of 6 images"):
        pattern_rsm(np.zeros((9, 6)), np.zeros(9))


def test_similarities_that_hardly_differ_are_still_similarities():
    base = np.corrcoef(np.random.default_rng(0).standard_normal((9, 20)))
    other = np.corrcoef(np.random.default_rng(1).standard_normal((9, 20)))
    faint = 0.5 + 1e-12 * (base - np.eye(9))
    assert rsm_similarity(faint, other) == pytest.approx(rsm_similarity(base, other), abs=1e-3)
    with pytest.raises(UndefinedError, match="equally similar"):
        triangle(0.5 + 1e-17 * base)
    assert np.linalg.norm(triangle(base)) == pytest.approx(1) and triangle(base).mean() == pytest.approx(0, abs=1e-15)
    with pytest.raises(ValueError, match="different shapes"):
        rsm_similarity(base, other[:8, :8])


# ---- permutations and swaps


@pytest.mark.parametrize("n_permutations", [1, 4, 5, 10, 16, 17])
def test_as_many_permutations_as_asked_for(n_permutations):
    a, b = (np.corrcoef(np.random.default_rng(seed).standard_normal((8, 20))) for seed in (0, 1))
    found = permuted_similarity(a, b, n_permutations, seed=2)
    assert len(found) == n_permutations and found.dtype == np.float64
    assert image_permutations(8, n_permutations).shape == (n_permutations, 8)


def test_permutations_of_other_seeds_and_sizes_differ():
    base = image_permutations(10, 20, seed=1)
    assert not np.array_equal(base, image_permutations(10, 20, seed=2))
    assert not np.array_equal(base, image_permutations(10, 20, seed=[1, 1]))
    signs = image_signs(10, 50, 1)
    assert (
        set(np.unique(signs)) == {-1, 1}
        and abs(signs.mean()) < 0.2
        and not np.array_equal(signs, image_signs(10, 50, 2))
    )


def test_ties_of_permuted_scores_reach_a_millionth():
    assert TIE == 1e-6
    for gap, counts in ((0.5e-6, True), (2e-6, False)):
        assert p_above(0.5, np.array([0.5 - gap])) == (1.0 if counts else 0.5)
        assert (
            p_swapped(0.5, np.array([0.5 - gap])) == p_swapped(-0.5, np.array([0.5 - gap])) == (1.0 if counts else 0.5)
        )
    assert p_swapped(0.3, np.array([-0.4, 0.1, 0.5, -0.1])) == 3 / 5, "of both sides"
    assert p_above(0.3, np.array([-0.4, 0.1, 0.5, -0.1])) == 2 / 5, "of one side"


def test_weights_of_units_weigh_their_correlations():
    x, y = np.random.default_rng(0).standard_normal((2, 5, 12))
    weights = np.array([1.0, 2.0, 0.5, 3.0, 1.0])
    found = permuted_encoding(x, y, 6, seed=1, weights=weights)
    expected = [
        np.mean([w * np.corrcoef(x[u, order], y[u])[0, 1] for u, w in enumerate(weights)])
        for order in image_permutations(12, 6, seed=1)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    shares = image_shares(x, y, weights)
    assert shares.sum() == pytest.approx(
        np.mean([w * np.corrcoef(a, b)[0, 1] for w, a, b in zip(weights, x, y, strict=True)])
    )
    other = image_shares(y, x + y)
    signs = image_signs(12, 4, 3)
    np.testing.assert_allclose(swapped_encoding(shares, other, signs), [(s * (shares - other)).sum() for s in signs])


def test_swapping_all_images_turns_the_difference_round():
    generator = np.random.default_rng(0)
    means = generator.standard_normal(30)
    a, b = (Patterns.of(generator.standard_normal((30, 7)), means) for _ in range(2))
    measured = triangle(np.corrcoef(generator.standard_normal((7, 20))))
    one, other = swapped_similarity(a, b, measured, np.vstack([np.ones(7), -np.ones(7)]))
    assert one == pytest.approx(-other) and abs(one) > 1e-3
    assert swapped_similarity(a, a, measured, image_signs(7, 5)) == pytest.approx(0, abs=1e-9)


# ---- folds


def test_samples_of_folds_are_averaged_draw_by_draw_and_by_rank_where_images_are_shared():
    folds = [
        Samples(np.array([1.0, 2, 3]), np.array([3.0, 1, 2])),
        Samples(np.array([5.0, 6, 10]), np.array([0.0, 5, 4])),
    ]
    plain, shared = mean_samples(folds, False), mean_samples(folds, True)
    assert plain.drawn.tolist() == shared.drawn.tolist() == [3.0, 4.0, 6.5]
    assert plain.permuted.tolist() == [1.5, 3.0, 3.0] and shared.permuted.tolist() == [0.5, 3.0, 4.0]
    partly = mean_samples([*folds, Samples(np.zeros(3))], True)
    assert partly.permuted is None and partly.drawn.tolist() == [2.0, 8 / 3, 13 / 3]
    assert mean_samples([Samples(), *folds], False) == Samples()
    assert folds[0].inference(2.0) == {"ci_low": 1.05, "ci_high": 2.95, "p": 3 / 4}
    assert Samples(np.array([np.nan] * 3), np.zeros(3)).inference(1.0) == {"p": 1 / 4}
    assert Samples(np.arange(101.0)).inference(2.0, level=0.5) == {"ci_low": 25.0, "ci_high": 75.0}
