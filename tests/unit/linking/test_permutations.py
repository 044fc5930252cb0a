"""Permutation tests against their definitions, and their error rates."""

import numpy as np
import pytest

from menagerie.errors import MenagerieError
from menagerie.linking.permutations import (
    group_blocks,
    image_permutations,
    p_above,
    permuted_encoding,
    permuted_similarity,
)
from menagerie.linking.rsm import UndefinedError, rsm, rsm_similarity


def rsms(n=20, seed=0, shared=0.0):
    generator = np.random.default_rng(seed)
    a, b = generator.standard_normal((2, n, 30))
    return rsm(a), rsm(b + shared * a)


def test_every_permuted_score_is_one_of_a_permuted_rsm():
    a, b = rsms(shared=1.0)
    found = permuted_similarity(a, b, 10, seed=3)
    orders = image_permutations(20, 8, seed=3)
    expected = [rsm_similarity(a[left][:, left], b[right][:, right]) for left in orders[:4] for right in orders[4:]]
    np.testing.assert_allclose(found, expected[:10], atol=1e-6)
    assert np.array_equal(found, permuted_similarity(a, b, 10, seed=3))


def test_permuted_predictions_equal_a_loop():
    generator = np.random.default_rng(0)
    measured = generator.standard_normal((7, 15))
    predicted = measured + generator.standard_normal((7, 15))
    found = permuted_encoding(predicted, measured, 30, seed=1)
    expected = [
        np.mean([np.corrcoef(predicted[u, order], measured[u])[0, 1] for u in range(7)])
        for order in image_permutations(15, 30, seed=1)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_groups_stay_together_and_change_places_with_those_of_their_size():
    groups = ["a", "b", "a", "c", "b", "d", "d", "d"]
    orders = image_permutations(8, 200, groups=groups)
    labels = np.array(groups)[orders]
    for block in group_blocks(groups, 8):
        assert all(len(set(row)) == 1 for row in labels[:, block])
    assert (np.sort(orders, axis=1) == np.arange(8)).all()
    assert {"".join(row[[0, 1]]) for row in labels} == {"ab", "ba"}, "two groups of two"
    assert (labels[:, 3] == "c").all() and (labels[:, 5] == "d").all(), "no other group of their size"
    with pytest.raises(MenagerieError, match="found 3 labels, expected one for each of 8 images"):
        image_permutations(8, 2, groups=["a", "b", "c"])


def test_p_counts_the_observed_score():
    assert p_above(0.5, np.array([0.1, 0.6, 0.5, 0.2])) == 3 / 5
    assert p_above(0.5, np.zeros(999)) == 1 / 1000
    assert p_above(0.5, np.full(9, 0.5 - 1e-8)) == 1.0, "ties"


def test_a_related_rsm_is_above_chance():
    a, b = rsms(shared=1.0)
    assert p_above(rsm_similarity(a, b), permuted_similarity(a, b, 1000)) == pytest.approx(1 / 1001)


def test_an_rsm_without_differences_is_undefined():
    with pytest.raises(UndefinedError):
        permuted_similarity(np.ones((6, 6)), rsms(6)[0])


@pytest.mark.parametrize("kind", ["independent", "correlated images"])
def test_unrelated_scores_are_called_above_chance_at_the_stated_rate(kind):
    """Images that resemble their neighbours, in one of both sides, leave the null hypothesis true."""
    ps = []
    for seed in range(400):
        generator = np.random.default_rng(seed)
        a, b = generator.standard_normal((2, 16, 12))
        if kind == "correlated images":
            a = a + np.roll(a, 1, axis=0) + np.roll(a, 2, axis=0)
        a, b = rsm(a), rsm(b)
        ps.append(p_above(rsm_similarity(a, b), permuted_similarity(a, b, 100, seed=seed)))
    for level in (0.05, 0.2):
        error = np.sqrt(level * (1 - level) / len(ps))
        assert abs(np.mean(np.array(ps) <= level) - level) < 3.5 * error
