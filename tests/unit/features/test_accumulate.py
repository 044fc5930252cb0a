"""Properties of the accumulated matrices, whatever the features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from menagerie.features import accumulate
from menagerie.features.accumulate import RawGram, effective_dimensionality, standardised_gram
from menagerie.features.rounding_errors import Errors, sums_of_changes

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


def with_strengths(n_images: int = 9, n_features: int = 400) -> tuple[RawGram, np.ndarray]:
    """Images that share a pattern at their own strengths and offsets, over two slices."""
    rng = np.random.default_rng(5)
    pattern = rng.gamma(1, 2, n_features)
    own = 0.3 * rng.standard_normal((n_images, n_features))
    features = rng.uniform(0.5, 4, (n_images, 1)) * pattern + own + rng.uniform(-3, 3, (n_images, 1))
    features = torch.from_numpy(features).float()
    return accumulated(features, n_features // 3, n_features - n_features // 3), features.double().numpy()


def test_squared_norms_are_those_of_the_features():
    """Both with what all images share, in which strengths and offsets count, and without the mean over features."""
    gram, exact = with_strengths()
    assert (gram._strengths - 1).abs().max() > 0.3  # the reference is taken off, at strengths that matter
    np.testing.assert_allclose(gram._squares_of_features(), (exact**2).sum(axis=1), rtol=1e-9)
    centred = exact - exact.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(gram._squared_norms(), (centred**2).sum(axis=1), rtol=1e-9)
    centred = exact - exact.mean(axis=0)
    np.testing.assert_allclose(gram.centred(), centred @ centred.T, rtol=1e-5, atol=1e-6 * (centred**2).sum())


def test_noise_is_errors_over_what_differs_between_patterns():
    gram, exact = with_strengths()
    patterns = exact - exact.mean(axis=1, keepdims=True)
    mean_square = (patterns**2).sum(axis=1).mean()
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    between = ((patterns - patterns.mean(axis=0)) ** 2).sum(axis=1).mean()
    changes = 1e-4 * np.random.default_rng(0).standard_normal((3, 400)) + 5e-4
    errors = Errors()
    for part in (slice(0, 150), slice(150, 400)):
        one = torch.from_numpy(changes[:, part]).float()
        errors.add(sums_of_changes(one), one.shape[1])
    power = ((changes - changes.mean(axis=1, keepdims=True)) ** 2).sum(axis=1).mean()
    assert float(errors.power()) == pytest.approx(power, rel=1e-4)
    assert gram.noise(errors) == pytest.approx(np.sqrt(power / mean_square / between), rel=1e-4)


def errors_of(size: float, n_features: int) -> Errors:
    """Rounding errors whose squared norm, centred over features, is ``size`` squared."""
    errors = Errors()
    errors.add(torch.tensor([[size**2, 0.0]], dtype=torch.float64), n_features)
    return errors


@pytest.mark.parametrize(("share", "is_flawed"), [(0.0098, False), (0.0102, True)])
def test_a_layer_with_more_than_a_hundredth_of_noise_has_no_geometry(share, is_flawed):
    gram, _ = with_strengths()
    size = share / gram.noise(errors_of(1.0, 400))
    said = gram.flaw(errors_of(size, 400))
    assert said == (accumulate.NEARLY_CONSTANT if is_flawed else "")


@pytest.mark.parametrize(("share", "is_flawed"), [(1 / 98, True), (1 / 102, False)])
def test_an_image_within_a_hundred_rounding_errors_of_constant_is_named(share, is_flawed):
    rng = np.random.default_rng(1)
    features = rng.standard_normal((12, 500))
    features[7] *= 0.02
    gram = accumulated(torch.from_numpy(features).float())
    size = share * float(gram._squared_norms()[7].sqrt())
    said = gram.flaw(errors_of(size, 500))
    assert said == ("within 100 rounding errors of constant over features for 1 images (first: image 7)" * is_flawed)


def test_two_features_have_a_correlation_and_one_has_none():
    features = torch.tensor([[1.0, 2.0], [3.0, 1.0], [0.5, 4.0], [2.0, 9.0]])
    assert "one feature only" in accumulated(features[:, :1]).flaw()
    assert accumulated(features).flaw() == ""
    np.testing.assert_allclose(accumulated(features).rdm(), 1 - np.corrcoef(features.double()), atol=1e-6)


@pytest.mark.parametrize(("relative_sd", "counts"), [(0.9e-6, False), (1.1e-6, True), (1e-4, True), (0.0, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_varies_by_rounding_errors_counts_for_nothing(relative_sd, counts, sign):
    """SD below a millionth of the mean, as float32 values that are equal but for their last digit have."""
    base = sign * 16384.0  # so that a step of float32 is 2^-10 or less, 6e-8 of it
    projected = torch.zeros((400, 2), dtype=torch.float32)
    projected[:, 0] = torch.linspace(-1, 1, 400)
    steps = np.tile([1, -1], 200) * np.round(relative_sd * 16384 * 1024 * 64) / 64
    projected[:, 1] = torch.from_numpy(base + steps / 1024).float()
    exact = projected.double().numpy()
    relative = exact[:, 1].std() / 16384
    assert relative == pytest.approx(relative_sd, rel=0.05, abs=1e-9)
    gram = standardised_gram(projected.clone(), torch.ones(400, dtype=torch.bool))[0]
    assert float(gram.trace()) / 400 == pytest.approx(2 if counts else 1, rel=1e-3)


@pytest.mark.parametrize(("sds", "counts"), [(9.9, False), (10.1, True)])
def test_a_column_of_ten_rounding_errors_counts_for_nothing(sds, counts):
    rng = np.random.default_rng(3)
    projected = torch.from_numpy(rng.standard_normal((50, 3))).float()
    changes = torch.full((4, 3), 1e-3)
    projected[:, 2] *= sds * 1e-3 / projected[:, 2].double().std(correction=0).float()
    exact = projected.double().numpy()
    gram, noise = standardised_gram(projected.clone(), torch.ones(50, dtype=torch.bool), changes)
    kept = exact.std(axis=0)[: 3 if counts else 2]
    assert float(gram.trace()) / 50 == pytest.approx(len(kept), rel=1e-4)
    assert noise == pytest.approx(np.sqrt(np.mean((1e-3 / kept) ** 2)), rel=1e-4)


@pytest.mark.parametrize("largest", [1.0, -1.0, 3e-5, -7e20])
def test_a_power_of_two_brings_values_to_one_without_rounding(largest):
    values = torch.tensor([0.1 * largest, largest, 0.0, -0.3 * largest], dtype=torch.float64)
    power = float(accumulate.power_of_two(values))
    assert np.log2(power) == round(np.log2(power))
    assert 0.5 <= abs(largest) / power <= 1
    assert float(accumulate.power_of_two(torch.tensor([1.0, np.inf]))) == 1


def test_a_faint_image_is_not_lost_beside_a_large_one():
    """Of patterns a million and more times apart in size, the small one's dissimilarities are as exact."""
    rng = np.random.default_rng(8)
    features = rng.standard_normal((6, 300))
    features[0] *= 2.0**-18
    features[5] = 0
    features[5, 3] = 2.0**-30
    features = torch.from_numpy(features).float()
    np.testing.assert_allclose(1 - accumulated(features).rdm(), np.corrcoef(features.double()), atol=1e-6)


@pytest.mark.parametrize("share", [0, 1])
@pytest.mark.parametrize(
    ("n_faint", "ratio", "is_named"),
    [(1, ratio, ratio < 1e-11) for ratio in (1e-8, 2e-11, 5e-12, 1e-15, 1e-25)]
    # Where most images are faint, they are the measure, until their products underflow.
    + [(5, ratio, ratio < 1e-16) for ratio in (1e-11, 2e-16, 5e-17, 1e-25)],
)
def test_images_too_faint_for_exact_dissimilarities_are_named(n_faint, ratio, is_named, share):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((8, 2000)) + 3 * share * rng.standard_normal(2000)
    features[8 - n_faint :] *= ratio
    features = torch.from_numpy(features).float()
    gram = accumulated(features)
    if is_named:
        expected = f"too faint beside other images for {n_faint} images (first: image {8 - n_faint})"
        assert gram.flaw() == expected
    else:
        assert gram.flaw() == ""
        np.testing.assert_allclose(1 - gram.rdm(), np.corrcoef(features.double()), atol=1e-6)


@pytest.mark.parametrize("scale", [2.0**-30, 2.0**20])
@pytest.mark.parametrize("faint", [True, False])
def test_a_power_of_two_changes_no_bit_of_the_dissimilarities(scale, faint):
    """Whether images share a reference, and which sizes they have, is judged in proportion."""
    rng = np.random.default_rng(3)
    features = random_features(3, 8, 600) * torch.from_numpy(rng.uniform(0.1, 9, (8, 1))).float()
    if faint:  # a median of a hundredth of the images
        features = torch.from_numpy(rng.standard_normal((8, 600)) * (rng.random((8, 600)) < 0.3)).float()
        features += 0.001 * torch.from_numpy(rng.standard_normal(600)).float()
    torch.testing.assert_close(accumulated(scale * features).rdm(), accumulated(features).rdm(), rtol=0, atol=0)


def test_memory_of_a_layer_is_that_of_seven_matrices_and_a_chunk():
    chunk = 4 * 8 * accumulate.CHUNK_VALUES
    assert accumulate.working_bytes(1) == pytest.approx(chunk, rel=1e-3)
    assert accumulate.working_bytes(30_000) - chunk == 7 * torch.zeros(30_000, 30_000, device="meta").double().nbytes


@pytest.mark.parametrize("n_images", [255, 256, 257, 259])
def test_products_of_bands_are_those_of_all_rows(n_images):
    rng = np.random.default_rng(0)
    rows = torch.from_numpy(rng.standard_normal((n_images, 5))).float()
    total = torch.zeros(n_images, n_images, dtype=torch.float64)
    for scale in (2.0, 4.0):
        accumulate.add_products(total, rows, torch.tensor(scale, dtype=torch.float64))
    exact = rows.double().numpy()
    np.testing.assert_allclose(accumulate.mirror(total), 6 * exact @ exact.T, atol=1e-4)
