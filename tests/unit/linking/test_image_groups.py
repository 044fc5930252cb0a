"""Images that belong together are drawn and permuted as wholes."""

import numpy as np
import pytest

from menagerie.errors import MenagerieError
from menagerie.linking.bootstrap import adjusted, bootstrap_similarity, excess_variance, image_counts, interval
from menagerie.linking.comparison import group_numbers
from menagerie.linking.rsm import rsm_similarity

GROUPS = np.repeat(np.arange(6), [1, 2, 3, 4, 1, 5])


def rsms(n, seed=0):
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((n, 20))
    return np.corrcoef(features), np.corrcoef(features + generator.standard_normal((n, 20)))


def test_images_of_a_group_are_drawn_equally_often():
    counts = image_counts(len(GROUPS), 50, 3, GROUPS)
    assert all((counts[:, g == GROUPS] == counts[:, g == GROUPS][:, :1]).all() for g in range(6))
    assert (counts[:, [0, 1, 3, 6, 10, 11]].sum(axis=1) == 6).all()


def copies(rsm, counts):
    """Pairs of a resample, one by one: no pair of a group's copy with another copy of the same group.

    Weights give pairs within and between groups the shares that they have without resampling.
    """
    drawn = [(g, copy) for g in range(6) for copy in range(int(counts[np.flatnonzero(g == GROUPS)[0]]))]
    images = [(i, which) for which in drawn for i in np.flatnonzero(which[0] == GROUPS)]
    pairs = [(a, b) for k, a in enumerate(images) for b in images[k + 1 :] if a[1] == b[1] or a[1][0] != b[1][0]]
    inside = np.array([a[1] == b[1] for a, b in pairs])
    same = (GROUPS[:, None] == GROUPS)[np.triu_indices(len(GROUPS), 1)]
    weights = np.where(inside, same.sum() / inside.sum(), (~same).sum() / (~inside).sum())
    return np.array([rsm[a[0], b[0]] for a, b in pairs]), weights


def weighted_correlation(x, y, weights):
    return np.divide(*(lambda c: (c[0, 1], np.sqrt(c[0, 0] * c[1, 1])))(np.cov(x, y, aweights=weights)))


def test_a_resample_of_groups_is_the_correlation_over_its_pairs():
    a, b = rsms(len(GROUPS))
    counts = image_counts(len(GROUPS), 20, 1, GROUPS)
    expected = [weighted_correlation(copies(a, row)[0], *copies(b, row)) for row in counts]
    assert bootstrap_similarity(a, b, counts, GROUPS) == pytest.approx(expected, abs=1e-10)


def test_groups_of_one_image_are_images():
    a, b = rsms(30)
    single = np.arange(30)
    counts = image_counts(30, 40, 2)
    assert np.array_equal(counts, image_counts(30, 40, 2, single))
    assert bootstrap_similarity(a, b, counts, single) == pytest.approx(bootstrap_similarity(a, b, counts), abs=1e-12)
    assert excess_variance(a, b, single) == pytest.approx(excess_variance(a, b), rel=1e-10)


@pytest.mark.parametrize(("n_groups", "size"), [(25, 4), (8, 12)], ids=["near-duplicates in fours", "eight categories"])
def test_intervals_hold_the_truth_where_images_come_in_groups(n_groups, size):
    """Without groups .73 to .86 of these intervals do."""

    def draw(seed, n_groups):
        generator = np.random.default_rng(seed)
        spread = np.arange(1, 41) ** -0.5
        groups = np.repeat(np.arange(n_groups), size)
        mixed = 0.9 * generator.standard_normal((n_groups, 40))[groups]
        features = (mixed + 0.4 * generator.standard_normal((len(groups), 40))) * spread
        weights = np.random.default_rng(99).standard_normal((40, 60))
        noise = 1.5 * generator.standard_normal((n_groups, 60))[groups] + generator.standard_normal((len(groups), 60))
        return np.corrcoef(features), np.corrcoef(features @ weights + noise), groups

    # Pairs within groups are a share of all pairs, so the truth is that of this number of groups.
    truth = np.mean([rsm_similarity(*draw([7, seed], n_groups)[:2]) for seed in range(400)])
    hits, alone = [], []
    for seed in range(300):
        a, b, groups = draw([8, seed], n_groups)
        counts = image_counts(len(groups), 400, seed, groups)
        plain = bootstrap_similarity(a, b, counts, groups)
        drawn = adjusted(plain, excess_variance(a, b, groups), groups, rsm_similarity(a, b))
        low, high = interval(drawn)
        hits.append(low <= truth <= high)
        plain = bootstrap_similarity(a, b, image_counts(len(groups), 400, seed))
        low, high = interval(adjusted(plain, excess_variance(a, b)))
        alone.append(low <= truth <= high)
    assert 0.92 <= np.mean(hits) <= 0.98
    assert np.mean(alone) < 0.9


def test_an_image_without_group_is_named():
    assert group_numbers(["a", "b", "c"], {"a": "x", "b": "w", "c": "x"}).tolist() == [1, 0, 1]
    with pytest.raises(MenagerieError, match="1 of 2 images have none"):
        group_numbers(["a", "b"], {"a": "x"})
