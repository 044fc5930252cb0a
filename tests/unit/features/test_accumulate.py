"""Properties of the accumulated matrices, whatever the features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from menagerie.features import accumulate
from menagerie.features.accumulate import RawGram, effective_dimensionality, standardised_gram

seeds = st.integers(0, 10_000)
offsets = st.sampled_from([0.0, 1.0, -30.0, 1000.0])


def random_features(seed: int, n_images: int, n_features: int, offset: float = 0.0) -> torch.Tensor:
    """Sparse positive features with a common pattern, as layers after a ReLU have."""
    rng = np.random.default_rng(seed)
    common = rng.gamma(1, 2, n_features)
    values = np.maximum(rng.standard_normal((n_images, n_features)) + common * 0.3, 0)
    return torch.from_numpy(values + offset).float()


def ill_conditioning(exact: np.ndarray) -> float:
    """How much rounding grows: few features may leave an image almost constant, and its correlations as inexact."""
    contrast = exact.std(axis=1).min() / (exact - np.median(exact, axis=0)).std()
    return 1 / min(1, contrast) ** 2


def accumulated(features: torch.Tensor, *widths: int) -> RawGram:
    gram = RawGram(len(features))
    for part in features.split(list(widths) or features.shape[1], dim=1):
        gram.add(part)
    return gram


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(3, 12), st.integers(2, 300), offsets)
def test_equals_double_precision(seed, n_images, n_features, offset):
    features = random_features(seed, n_images, n_features, offset)
    gram = accumulated(features)
    if gram.flaw():
        return
    exact = features.double().numpy()
    np.testing.assert_allclose(1 - gram.rdm().numpy(), np.corrcoef(exact), atol=1e-6 * ill_conditioning(exact))
    centred = exact - exact.mean(axis=0)
    products = centred @ centred.T
    np.testing.assert_allclose(gram.centred().numpy(), products, atol=2e-6 * products.trace())
    assert effective_dimensionality(gram.centred()) == pytest.approx(
        products.trace() ** 2 / (products**2).sum(), rel=1e-5
    )


@settings(deadline=None, max_examples=25)
@given(seeds, st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(1, 700))
@example(1, [2, 1, 1, 1, 9, 60], 1)
def test_slicing_does_not_matter(seed, widths, chunk):
    features = random_features(seed, 7, sum(widths) + 1, offset=5)
    whole = accumulated(features)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accumulate, "CHUNK_VALUES", chunk)
        sliced = accumulated(features, *widths, 1)
    np.testing.assert_allclose(sliced.centred(), whole.centred(), atol=1e-5 * float(whole.centred().trace()))
    if not whole.flaw():
        np.testing.assert_allclose(sliced.rdm(), whole.rdm(), atol=2e-6 * ill_conditioning(features.double().numpy()))


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 50))
def test_rsm_ignores_order_of_features_and_scale_and_offset_of_images(seed, n_columns):
    features = random_features(seed, 6, 20 + n_columns)
    rng = np.random.default_rng(seed)
    changed = features[:, torch.from_numpy(rng.permutation(features.shape[1]))]
    changed = changed * torch.from_numpy(rng.uniform(0.5, 4, (6, 1))).float() + torch.randn(6, 1)
    np.testing.assert_allclose(accumulated(changed).rdm(), accumulated(features).rdm(), atol=1e-5)


def test_one_wild_image_does_not_spoil_the_others():
    features = random_features(0, 8, 500)
    features[3] *= 1e6
    np.testing.assert_allclose(1 - accumulated(features).rdm(), np.corrcoef(features.double().numpy()), atol=1e-5)


def test_offsets_between_images_do_no_harm():
    features = random_features(1, 8, 5000) + 300 * torch.randn(8, 1)
    gram = accumulated(features, 1000, 4000)
    exact = features.double().numpy()
    np.testing.assert_allclose(1 - gram.rdm(), np.corrcoef(exact), atol=1e-6)
    exact -= exact.mean(axis=0)
    np.testing.assert_allclose(gram.centred(), exact @ exact.T, rtol=1e-9, atol=1e-9 * (exact**2).sum())


@pytest.mark.parametrize(
    ("strengths", "noise"),
    [(np.logspace(-3, 3, 12), 1e-3), (np.logspace(-6, 6, 12), 1e-5), (np.tile([1, -1], 6), 1e-2)],
    ids=["a million times", "a trillion times", "opposite"],
)
def test_one_pattern_at_any_strength(strengths, noise):
    """Images of other contrast: correlations close to 1 or -1."""
    rng = np.random.default_rng(0)
    features = rng.random(5000) * strengths[:, None] * (1 + noise * rng.standard_normal((12, 5000)))
    exact = torch.from_numpy(features).float().double().numpy()
    patterns = exact - exact.mean(axis=1, keepdims=True)
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    expected = ((patterns[:, None] - patterns[None]) ** 2).sum(axis=2) / 2
    gram = accumulated(torch.from_numpy(features).float(), 2000, 3000)
    np.testing.assert_allclose(gram.rdm(), expected, atol=1e-6 * expected.max())
    centred = exact - exact.mean(axis=0)
    products = centred @ centred.T
    np.testing.assert_allclose(gram.centred(), products, atol=1e-6 * np.abs(products).max())


def test_sums_over_many_features_stay_accurate():
    features = random_features(3, 6, 400_000)
    exact = features.double().numpy()
    expected = 1 - np.corrcoef(exact)
    np.testing.assert_allclose(accumulated(features).rdm(), expected, atol=3e-6 * expected.max())


def test_nearly_equal_images_keep_their_differences():
    generator = torch.Generator().manual_seed(0)
    features = 10 * torch.rand(400, generator=generator) + 1e-3 * torch.randn(9, 400, generator=generator)
    exact = features.double().numpy()
    exact -= exact.mean(axis=0)
    expected = exact @ exact.T
    np.testing.assert_allclose(accumulated(features).centred(), expected, atol=1e-5 * expected.max())


@pytest.mark.parametrize("n_images", [5, 300])
def test_half_products_equal_whole_ones(n_images):
    rows = torch.randn(n_images, 20)
    total = torch.zeros(n_images, n_images, dtype=torch.float64)
    accumulate.add_products(total, rows)
    np.testing.assert_allclose(accumulate.mirror(total), rows.double() @ rows.double().T, atol=1e-4)


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(4, 15), st.integers(2, 80), st.booleans())
def test_standardised_gram(seed, n_images, width, with_constant):
    rng = np.random.default_rng(seed)
    projected = torch.from_numpy(rng.standard_normal((n_images, width)) * 3 + 50).float()
    train = np.arange(n_images) % 2 == 0
    if with_constant:
        # Constant over the training images alone: it varies over all of them, and must still count for nothing.
        projected[torch.from_numpy(train), 0] = 7.1
    exact = projected.double().numpy()
    gram = standardised_gram(projected, torch.from_numpy(train))[0].numpy()
    sd = exact[train].std(axis=0)
    keep = sd > 1e-9
    assert keep.all() != with_constant
    standardised = (exact[:, keep] - exact[train][:, keep].mean(axis=0)) / sd[keep]
    expected = standardised @ standardised.T
    np.testing.assert_allclose(gram, expected, atol=1e-5 * np.abs(expected).max())
    # The intercept of the ridge rests on this: the constant vector is a null vector of the training block.
    np.testing.assert_allclose(gram[np.ix_(train, train)].sum(axis=0), 0, atol=1e-4 * width)
    assert np.linalg.eigvalsh(gram).min() > -1e-4 * width


def test_effective_dimensionality_of_known_spectra():
    assert effective_dimensionality(torch.eye(7, dtype=torch.float64)) == pytest.approx(7)
    assert effective_dimensionality(torch.ones(7, 7, dtype=torch.float64)) == pytest.approx(1)
    assert effective_dimensionality(torch.diag(torch.tensor([2.0, 1.0]).double())) == pytest.approx(9 / 5)


@pytest.mark.parametrize("n_features", [7203, 147])
@pytest.mark.parametrize("certainty", [1, 30, 100, 1000])
def test_maps_of_attention_that_is_all_but_certain(n_features, certainty):
    """Their median is next to zero, so that it says nothing of any image; one image in eight had lost its RSM."""
    rng = np.random.default_rng(0)
    logits = certainty * rng.standard_normal((8, n_features // 49, 49))
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    features = torch.from_numpy(weights / weights.sum(axis=2, keepdims=True)).float().reshape(8, -1)
    gram = accumulated(features)
    assert not gram.flaw()
    exact = features.double().numpy()
    np.testing.assert_allclose(1 - gram.rdm(), np.corrcoef(exact), atol=3e-6)
    exact -= exact.mean(axis=0)
    np.testing.assert_allclose(gram.centred(), exact @ exact.T, atol=1e-6 * (exact**2).sum())


@settings(deadline=None, max_examples=40)
@given(seeds, st.floats(-30, 3), st.floats(0, 1))
def test_a_reference_that_images_do_not_share_does_no_harm(seed, size, share):
    """The median of five images is 10^size of them in a share of the features, and as large as they are elsewhere."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((5, 3000))
    pattern = np.where(rng.random(3000) < share, 10.0**size, 1) * rng.standard_normal(3000)
    features[2:] = pattern * (1 + 1e-7 * rng.random((3, 3000)))
    features = torch.from_numpy(features).float()
    expected = np.corrcoef(features.double().numpy())
    np.testing.assert_allclose(1 - accumulated(features).rdm(), expected, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
@pytest.mark.parametrize("n_features", [3, 1000])
def test_an_image_without_any_contrast_is_named(value, n_features):
    for seed in range(20):
        features = random_features(seed, 6, n_features, offset=0.3)
        features[4] = value
        assert accumulated(features).flaw() in (
            "constant over features for 1 images (first: image 4)",
            *(f"constant over features for {n} images (first: image {k})" for n in range(2, 7) for k in range(5)),
        )


@pytest.mark.parametrize("bad", [[], [3], [5, 2]])
def test_a_gpu_finds_the_images_that_the_host_finds(bad):
    features = torch.randn(9, 50)
    features[bad, 7] = torch.nan
    flaws = []
    for on_gpu in (False, True):
        gram = RawGram(9)
        gram._on_gpu = on_gpu
        gram.add(features[:, :20])
        gram.add(features[:, 20:])
        flaws.append(gram.flaw())
    assert flaws[0] == flaws[1] == (f"values are not finite (first at image {min(bad)}, counted from 0)" if bad else "")
