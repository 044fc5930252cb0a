"""The panel of measures, each against another implementation, and its intervals and p against brute force."""

import numpy as np
import pytest
from rsatoolbox.rdm import RDMs, compare
from scipy.linalg import orthogonal_procrustes
from scipy.stats import spearmanr
from sklearn.neighbors import NearestNeighbors

from menagerie.brain.folds import even_odd
from menagerie.linking import score_layer
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.kernels import root_of, unbiased
from menagerie.linking.measures import measure
from menagerie.linking.measures.knn import neighbours
from menagerie.linking.measures.rsa_crossvalidated import crossvalidated_gram
from menagerie.linking.measures.table import PANEL
from menagerie.linking.permutations import image_permutations, permuted_products
from menagerie.linking.resampling import MOST_NUCLEAR, resampling
from menagerie.linking.rsm import UndefinedError

from .builders import features_of, layer_of, repeated_target_of, rsm_target_of, target_of

N = 90
K = 10  # nearest images, as the page of the measure says


def pair_of(n=N, noise=0.7, seed=0, **changes):
    features = features_of(n, p=60, seed=seed)
    target = repeated_target_of(features, noise=noise, seed=seed + 1, **changes)
    return Comparison(layer_of(features), Brain(target)), features, target


def halves(features, target, region="late"):
    """Standardised features, raw features, responses and single repeats of the test images."""
    scaled = (features - features[::2].mean(0)) / features[::2].std(0)
    units = target.regions[region]
    return scaled[1::2], features[1::2], target.responses[1::2][:, units], target.repeats[:, 1::2][:, :, units]


def scored(pair, metric, region="late", part="test"):
    return measure(metric).score(pair, region, part)[0]


def unbiased_hsic(k, m):
    """Song et al. 2012, eq. 5, as printed."""
    n, k, m = len(k), k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    one = np.ones(n)
    cross = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ m @ one)
    return (np.trace(k @ m) + cross) / (n * (n - 3))


def rdms(*matrices):
    return [RDMs(matrix[np.triu_indices(len(matrix), 1)][None]) for matrix in matrices]


def squared_distances(gram):
    return np.diag(gram)[:, None] + np.diag(gram)[None, :] - 2 * gram


def by_others(metric, features, target):
    """Score of the test images by another implementation."""
    scaled, raw, responses, repeats = halves(features, target)
    layer, brain = np.corrcoef(raw), np.corrcoef(responses)
    upper = np.triu_indices(len(raw), 1)
    if metric == "cka":
        k, m = scaled @ scaled.T, responses @ responses.T
        return unbiased_hsic(k, m) / np.sqrt(unbiased_hsic(k, k) * unbiased_hsic(m, m))
    if metric == "procrustes":
        x, y = (z - z.mean(0) for z in (scaled, responses.astype(float)))
        return np.linalg.svd(x.T @ y, compute_uv=False).sum() / np.linalg.norm(x) / np.linalg.norm(y)
    if metric == "knn":
        near = [
            NearestNeighbors(n_neighbors=K, metric="precomputed")
            .fit(np.maximum(1 - rsm, 0))
            .kneighbors(return_distance=False)
            for rsm in (layer, brain)
        ]
        return np.mean([len(set(a) & set(b)) / K for a, b in zip(*near, strict=True)])
    if metric == "rsa_spearman":
        return spearmanr(layer[upper], brain[upper]).statistic
    if metric == "rsa_crossvalidated":
        trials = repeats.astype(float) - repeats.mean(axis=(0, 1))
        others = [(trials.sum(0) - one) / (len(trials) - 1) for one in trials]
        crossed = np.mean([one @ other.T for one, other in zip(trials, others, strict=True)], axis=0)
        distances = squared_distances((crossed + crossed.T) / 2)
        return compare(*rdms(squared_distances(scaled @ scaled.T), distances), method="cosine_cov").item()
    method = {"rsa_cosine": "cosine", "rsa_whitened": "cosine_cov"}[metric]
    return compare(*rdms(1 - layer, 1 - brain), method=method).item()


@pytest.mark.parametrize("metric", PANEL)
def test_scores_are_those_of_another_implementation(metric):
    pair, features, target = pair_of()
    assert scored(pair, metric) == pytest.approx(by_others(metric, features, target), abs=2e-6)


@pytest.mark.parametrize("metric", ["cka", "procrustes", "rsa_crossvalidated"])
def test_a_region_of_one_unit_has_a_geometry_too(metric):
    pair, features, target = pair_of(regions={"late": np.arange(24) == 3})
    assert scored(pair, metric) == pytest.approx(by_others(metric, features, target), abs=2e-6)
    influence = measure(metric).influence(pair, "late")
    assert abs(influence.mean()) < 1e-9 and influence.std() > 0


def test_procrustes_is_what_the_best_rotation_reaches():
    features = features_of(N, p=24)
    target = repeated_target_of(features)
    assert scored(Comparison(layer_of(features), Brain(target)), "procrustes", "early") == pytest.approx(
        by_rotation(features, target), abs=2e-6
    )


def by_rotation(features, target):
    """Units padded with silent ones, so that features can be turned into them; cosine after the best turn."""
    scaled, _, responses, _ = halves(features, target, "early")
    x, y = scaled - scaled.mean(0), np.zeros_like(scaled)
    y[:, : responses.shape[1]] = responses - responses.mean(0)
    turn, _ = orthogonal_procrustes(x, y)
    return float(((x @ turn) * y).sum() / np.linalg.norm(x) / np.linalg.norm(y))


def test_crossvalidation_is_the_mean_over_pairs_of_repeats_where_some_are_missing():
    repeats = np.random.default_rng(0).standard_normal((4, 9, 5)) + 3
    repeats[3, ::2] = np.nan
    repeats[2, 4] = np.nan
    found = crossvalidated_gram(repeats)
    centred = repeats - np.nanmean(repeats.reshape(-1, 5), axis=0)
    for i in range(9):
        for j in range(9):
            products = [centred[t, i] @ centred[s, j] for t in range(4) for s in range(4) if t != s]
            assert found[i, j] == pytest.approx(np.nanmean(products))
    repeats[1:, 0] = np.nan
    with pytest.raises(UndefinedError, match="two repeats"):
        crossvalidated_gram(repeats)


ZERO = ("cka", "rsa_spearman")  # on average, for what is unrelated


@pytest.mark.parametrize("metric", PANEL)
def test_unrelated_layers(metric):
    scores = []
    for seed in range(30):
        features = features_of(60, p=200, seed=seed)
        target = repeated_target_of(features_of(60, p=200, seed=seed + 100), v=40, noise=1.0)
        scores.append(scored(Comparison(layer_of(features), Brain(target)), metric))
    error = np.std(scores) / np.sqrt(len(scores))
    chance = {"knn": K / (30 - 1)}.get(metric, 0.0)
    if metric in (*ZERO, "knn"):
        assert abs(np.mean(scores) - chance) < 4 * error
    else:
        assert np.mean(scores) > 0.1, "its page says that it is above 0"


def test_pure_noise_in_every_repeat_scores_zero_where_it_is_crossvalidated():
    scores = {"rsa_crossvalidated": [], "rsa_whitened": []}
    for seed in range(40):
        features = features_of(60, seed=seed)
        target = repeated_target_of(features * 1e-3, noise=1.0, seed=seed)
        for metric, found in scores.items():
            found.append(scored(Comparison(layer_of(features), Brain(target)), metric))
    crossed = np.array(scores["rsa_crossvalidated"])
    assert abs(crossed.mean()) < 4 * crossed.std() / np.sqrt(40) and np.mean(scores["rsa_whitened"]) > 0.1


@pytest.mark.parametrize("metric", PANEL)
def test_a_layer_that_is_the_region(metric):
    """Units are features of the layer: 1 without noise, for all that compare what both have."""
    features = features_of(N, p=24)
    scaled = (features - features[::2].mean(0)) / features[::2].std(0)
    everything = {"all": np.ones(24, dtype=bool)}
    own = scaled if metric in ("cka", "procrustes", "rsa_crossvalidated") else features
    target = target_of(features, responses=own.astype(np.float32), regions=everything, repeats=np.stack([own] * 2))
    assert scored(Comparison(layer_of(features), Brain(target)), metric, "all") == pytest.approx(1, abs=1e-5)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((24, 24)))[0]
    turned = target_of(
        features, responses=(own @ turn).astype(np.float32), regions=everything, repeats=np.stack([own @ turn] * 2)
    )
    rotated = scored(Comparison(layer_of(features), Brain(turned)), metric, "all")
    if metric in ("cka", "procrustes", "rsa_crossvalidated"):
        assert rotated == pytest.approx(1, abs=1e-5)
    else:
        assert rotated < 0.99999, "its RSMs take the mean over features from each image, which a rotation moves"


def subset(features, target, rows):
    """The same layer and region over some images; parts stay what they are."""
    responses, repeats = target.responses[rows], target.repeats[:, rows]
    return features[rows], target_of(
        features[rows], responses=responses, repeats=repeats, regions=target.regions, image_ids=target.image_ids[rows]
    )


@pytest.mark.parametrize("metric", PANEL)
def test_influences_are_those_of_leaving_an_image_out(metric):
    """The jackknife: what the score loses with an image, times the others, up to a bias that all share."""
    pair, features, target = pair_of(n=600)
    found, whole = measure(metric).influence(pair, "late"), scored(pair, metric)
    assert found.shape == (300,) and abs(found.mean()) < 1e-9
    fold, left = even_odd(target.image_ids), []
    for image in range(40):
        rows = np.delete(np.arange(600), 2 * image + 1)
        brain = Brain(subset(features, target, rows)[1], target.image_ids, fold)
        left.append(scored(Comparison(layer_of(features), brain), metric))
    expected = 299 * (whole - np.array(left))
    assert np.corrcoef(found[:40], expected)[0, 1] > 0.98
    # What is not of first order, of many directions or of noise, makes intervals wider, not narrower.
    assert 0.98 < found[:40].std() / expected.std() < 1.25


def test_influences_on_neighbourhoods_are_the_jackknife_itself():
    pair, _, _ = pair_of()
    rsms, kept = (pair.layer_rsm("test"), pair.brain.rsm("late", "test")), []
    for image in range(45):
        a, b = (neighbours(np.delete(np.delete(rsm, image, axis=0), image, axis=1))[0] for rsm in rsms)
        kept.append((a & b).sum() / (44 * K))
    np.testing.assert_allclose(measure("knn").influence(pair, "late"), 44 * (np.mean(kept) - kept), atol=1e-9)


WIDE = ("knn", "rsa_crossvalidated")


@pytest.mark.parametrize("metric", PANEL)
def test_intervals_hold_the_mean_score_of_draws_of_images(metric):
    rng = np.random.default_rng(5)
    features = features_of(1600, p=60, seed=0)
    target = repeated_target_of(features, noise=0.7, seed=1)
    found = []
    for _ in range(40):
        layer, brain = subset(features, target, np.sort(rng.choice(1600, 160, replace=False)))
        pair = Comparison(layer_of(layer), Brain(brain))
        counts = rng.multinomial(80, np.full(80, 1 / 80), size=400).astype(float)
        drawn = resampling(metric).drawn(pair, "late", counts)
        found.append([*np.quantile(drawn, [0.025, 0.975]), scored(pair, metric)])
    low, high, scores = np.array(found).T
    assert np.mean((low <= scores.mean()) & (scores.mean() <= high)) >= 0.85
    # Four where it holds 95 % of normal scores. Neighbours change in steps, and repeats are noisy: both conservative.
    assert np.mean(high - low) < (8 if metric in WIDE else 6) * scores.std(), (
        "an interval that is always wide holds everything"
    )


def test_products_of_permuted_matrices():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 12, 12))
    side, orders = 4, image_permutations(12, 8, 3)
    expected = [(a[r][:, r] * b[t][:, t]).sum() for r in orders[:side] for t in orders[side:]]
    np.testing.assert_allclose(permuted_products(a, b, 16, 3), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("metric", PANEL)
def test_permuted_scores_are_scores_of_permuted_images(metric):
    """Their mean and spread; and a related layer is beyond all of them."""
    pair, features, target = pair_of(n=60)
    permuted = resampling(metric).permuted(pair, "late", 300, 0)
    assert len(permuted) == (MOST_NUCLEAR if metric == "procrustes" else 300)
    rng, plain = np.random.default_rng(1), []
    for _ in range(60):
        order = np.arange(60)
        order[1::2] = rng.permutation(order[1::2])
        turned = target_of(
            features, responses=target.responses[order], repeats=target.repeats[:, order], regions=target.regions
        )
        plain.append(scored(Comparison(layer_of(features), Brain(turned)), metric))
    error = np.std(plain) / np.sqrt(60) + np.std(permuted) / np.sqrt(len(permuted))
    assert abs(np.mean(plain) - permuted.mean()) < 4 * error
    assert 0.6 < np.std(plain) / permuted.std() < 1.6
    assert scored(pair, metric) > permuted.max()


def test_what_a_dataset_cannot_answer_is_a_row_with_the_reason():
    features = features_of(40)
    rows = score_layer(layer_of(features), rsm_target_of(features), model="m", depth=0.0, metrics=PANEL).to_pylist()
    with_units = {"cka", "procrustes", "rsa_crossvalidated"}
    assert {r["metric"] for r in rows if r["status"] == "ok"} == set(PANEL) - with_units
    assert all("unit responses" in r["status"] for r in rows if r["metric"] in with_units)
    without = score_layer(layer_of(features), target_of(features), model="m", depth=0.0, metrics=PANEL).to_pylist()
    assert {r["metric"] for r in without if r["status"] != "ok"} == {"rsa_crossvalidated"}
    few = score_layer(layer_of(features[:12]), target_of(features[:12]), model="m", depth=0.0, metrics=["knn"])
    assert all("12" in status or "6 images" in status for status in few["status"].to_pylist())


def test_four_images_have_an_unbiased_gram_and_three_have_none():
    patterns = np.random.default_rng(0).standard_normal((4, 6))
    centred = unbiased(patterns @ patterns.T)
    np.testing.assert_allclose(centred.sum(axis=0), 0, atol=1e-12)
    assert (centred**2).sum() / (4 * 1) == pytest.approx(unbiased_hsic(*[patterns @ patterns.T] * 2))
    with pytest.raises(UndefinedError, match="3 images, where 4 are needed"):
        unbiased(np.eye(3))


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_a_root_has_as_many_columns_as_the_rank(rank):
    patterns = np.random.default_rng(0).standard_normal((30, rank))
    root = root_of(patterns @ patterns.T)
    assert root.shape == (30, rank)
    np.testing.assert_allclose(root @ root.T, patterns @ patterns.T, atol=1e-12)


def test_constant_responses_have_no_score():
    features = features_of(40)
    target = target_of(features, responses=np.ones((40, 24), dtype=np.float32))
    rows = score_layer(layer_of(features), target, model="m", depth=0.0, metrics=PANEL).to_pylist()
    assert all(r["score"] is None and r["status"] != "ok" for r in rows)
