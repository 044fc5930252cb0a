"""Features far from 1, and layers whose images hardly differ: right, or named; against the same network in float64."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from menagerie.brain.folds import train_mask
from menagerie.features.accumulate import RawGram, power_of_two, standardised_gram
from menagerie.features.extract import extract_geometry
from menagerie.features.projection import SparseProjection
from menagerie.features.rounding import nudged, rounded_at_random
from menagerie.features.rounding_errors import Errors, sums_of_changes

N, K = 16, 64
IMAGES = torch.rand(N, 3, 12, 12, generator=torch.Generator().manual_seed(1))


class Scaled(nn.Module):
    """Features times a factor, plus a pattern that all images share."""

    def __init__(self, factor: float, shared: float = 0.0):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 6, 5)
        self.scale = nn.Identity()
        self.register_buffer("factor", torch.tensor(factor))
        self.register_buffer("shared", shared * (1 + torch.rand(6, 8, 8)))

    def forward(self, x):
        return self.scale(self.conv(x) * self.factor + self.shared)


def definition(model: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """Dissimilarities and Gram matrix of the last layer, all in float64."""
    with torch.inference_mode():
        features = copy.deepcopy(model).double()(IMAGES.double()).flatten(1).numpy()
    patterns = features - features.mean(axis=1, keepdims=True)
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    train = train_mask(N)
    srp = (SparseProjection(features.shape[1], K).matrix().astype(np.float64) @ (features - features[0]).T).T
    srp = (srp - srp[train].mean(axis=0)) / srp[train].std(axis=0)
    return ((patterns[:, None] - patterns[None]) ** 2).sum(axis=2) / 2, srp @ srp.T


def geometry(model: nn.Module, batch_size: int = 5):
    (_, found), = extract_geometry(model, IMAGES, ["scale"], n_projections=K, batch_size=batch_size)  # fmt: skip
    return found


def off(found: np.ndarray, exact: np.ndarray) -> float:
    return np.abs(found - exact).max() / np.abs(exact).max()


@pytest.mark.parametrize("factor", [1e-36, 1e-30, 1e-22, 1e-15, 1e-5, 1.0, 1e5, 1e15, 1e22, 1e30, 1e37])
def test_features_of_any_size_have_the_same_geometry(factor):
    found, exact = geometry(Scaled(factor)), geometry(Scaled(1.0))
    assert found.status == "ok"
    assert off(1 - found.rsm(), 1 - exact.rsm()) < 1e-5
    assert off(found.gram(), exact.gram()) < 1e-5
    assert found.effective_dimensionality == pytest.approx(exact.effective_dimensionality, rel=1e-5)


def test_what_single_precision_cannot_hold_is_named():
    # Below 1e-38 numbers lose digits; at 1e-44 there are three left to choose from.
    assert geometry(Scaled(1e-44)).status.startswith("nearly constant over images")
    assert geometry(Scaled(1e39)).status.startswith("values are not finite")
    assert geometry(Scaled(1e-60)).status == "constant over images"


def test_features_in_double_precision_are_scaled_before_they_are_cast():
    model = Scaled(1.0).double()
    model.factor.fill_(1e-60)
    assert off(geometry(model).gram(), geometry(Scaled(1.0)).gram()) < 1e-5


@pytest.mark.parametrize("contrast", [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
def test_nearly_constant_layers_are_right_or_named(contrast):
    """Within the 2 % that the status promises, whatever the batch; and no layer that is right within .1 % is lost."""
    model = Scaled(contrast, shared=1.0)
    rdm, gram = definition(model)
    found = [geometry(model, batch_size) for batch_size in (1, 5, N)]
    for one in found:
        assert one.status == found[0].status
        if one.status == "ok":
            assert off(1 - one.rsm(), rdm) < 0.02 and off(one.gram(), gram) < 0.02
            assert 0 < max(one.rounding.values()) < 0.01
    assert (found[0].status == "ok") == (contrast > 3e-5)


def test_correlations_close_to_1_keep_their_differences():
    model = Scaled(1e-4, shared=1.0)
    rdm, _ = definition(model)
    found = geometry(model)
    assert rdm.max() < 1e-7  # float32 has no number between 1 - 6e-8 and 1
    upper = np.triu_indices(N, 1)
    assert np.corrcoef((1 - found.rsm())[upper], rdm[upper])[0, 1] > 0.9999


@pytest.mark.parametrize("contrast", [1.0, 1e-2, 1e-4])
def test_random_rounding_measures_the_rounding_errors(contrast):
    torch.manual_seed(0)
    model = nn.Sequential(Scaled(contrast, shared=1.0), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3)).eval()
    with torch.inference_mode():
        plain = model(IMAGES).double()
        exact = copy.deepcopy(model).double()(IMAGES.double())
        with rounded_at_random(model):
            rounded = model(IMAGES).double()
    ratio = float((rounded - plain).norm() / (plain - exact).norm())
    assert 0.3 < ratio < 4
    assert not any(module._forward_hooks for module in model.modules())


def test_last_bits():
    values = torch.tensor([1.0, -3.0, 1e-42, 0.0, 1e38])
    changed = torch.stack([nudged(values, torch.Generator().manual_seed(seed)) for seed in range(20)])
    assert (changed[:, 3] == 0).all()
    away = changed[:, [0, 1, 2, 4]] - values[[0, 1, 2, 4]]
    assert (away != 0).all() and (away > 0).any(dim=0).all() and (away < 0).any(dim=0).all()
    torch.testing.assert_close(changed, values.expand(20, -1), rtol=2e-7, atol=2e-45)


def test_columns_that_are_noise_count_for_nothing():
    generator = torch.Generator().manual_seed(0)
    projected = torch.randn(N, 40, generator=generator)
    projected[:, 20:] *= 1e-6
    changes = 1e-6 * torch.randn(3, 40, generator=generator)
    train = torch.from_numpy(train_mask(N))
    gram, noise = standardised_gram(projected.clone(), train, changes)
    expected, _ = standardised_gram(projected[:, :20].clone(), train)
    torch.testing.assert_close(gram, expected)
    assert 0 < noise < 1e-5


def test_errors_are_centred_over_features_and_add_up_over_slices():
    changes = torch.randn(3, 50) + 5
    whole, sliced = Errors(), Errors()
    whole.add(sums_of_changes(changes), 50)
    for part in changes.split(20, dim=1):
        sliced.add(sums_of_changes(part), part.shape[1])
    expected = (changes - changes.mean(dim=1, keepdim=True)).double().square().sum(dim=1).mean()
    torch.testing.assert_close(whole.power(), expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(sliced.power(), expected, rtol=1e-6, atol=0)


def test_images_that_are_constant_to_rounding_are_counted():
    features = torch.rand(6, 300)
    features[4] = 0.5 + 3e-6 * torch.rand(300)
    gram, errors = RawGram(6), Errors()
    gram.add(features)
    errors.add(sums_of_changes(6e-8 * torch.randn(3, 300)), 300)
    assert gram.flaw(errors) == "within 100 rounding errors of constant over features for 1 images (first: image 4)"
    assert gram.flaw() == ""


def test_powers_of_two():
    for value in (1e-45, 1e-30, 0.3, 7.0, 3e38):
        scale = power_of_two(torch.tensor([value, -value / 3]))
        assert 0.5 <= torch.tensor(value).double() / scale < 1 and torch.log2(scale) % 1 == 0
    assert power_of_two(torch.zeros(2)) == power_of_two(torch.tensor([torch.inf])) == 1
