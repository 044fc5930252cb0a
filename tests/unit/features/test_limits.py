"""Memory that runs out, number formats, and the peak of a very wide network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from menagerie.errors import MenagerieError
from menagerie.features import extract
from menagerie.features.extract import extract_geometry
from menagerie.features.projection import SparseProjection
from menagerie.features.take_inventory import list_layers

N, K = 12, 32
MODEL = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, 10)).eval()
IMAGES = torch.randn(N, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LAYERS = list_layers(MODEL, (3, 8, 8))


def geometry(**options) -> dict:
    return dict(extract_geometry(MODEL, IMAGES, LAYERS, n_projections=K, **options))


def assert_same(found: dict, expected: dict, tolerance: float = 1e-5) -> None:
    assert list(found) == list(expected)
    for layer, geometry in found.items():
        np.testing.assert_allclose(geometry.rdm_triu, expected[layer].rdm_triu, atol=tolerance)
        scale = np.abs(expected[layer].gram_triu).max()
        np.testing.assert_allclose(geometry.gram_triu, expected[layer].gram_triu, atol=tolerance * scale)


def test_batch_is_halved_until_it_fits(monkeypatch):
    expected = geometry()
    sizes = []

    def run(model, images):
        sizes.append(len(images))
        if len(images) > 3:
            raise torch.OutOfMemoryError("pretended")
        return original(model, images)

    original = extract.run
    monkeypatch.setattr(extract, "run", run)
    assert_same(geometry(batch_size=8), expected)
    # At the end three images run again, to measure rounding errors.
    assert sizes == [8, 4, 2, 2, 2, 2, 2, 2, 2, 1]


def test_slices_are_narrowed_until_they_fit(monkeypatch):
    expected = geometry()
    budgets = []

    def allocate(units, *others):
        budgets.append(sum(unit.width for unit in units))
        if len(budgets) <= 2:
            raise torch.OutOfMemoryError("pretended")
        return original(units, *others)

    original = extract.Buffers.allocate
    monkeypatch.setattr(extract.Buffers, "allocate", allocate)
    assert_same(geometry(memory_budget=2**30), expected)
    assert len(budgets) == 3


def test_memory_that_never_suffices_ends_with_advice(monkeypatch):
    def run(model, images):
        raise torch.OutOfMemoryError("pretended")

    monkeypatch.setattr(extract, "run", run)
    with pytest.raises(MenagerieError, match=r"memory_budget: .* cannot hold one slice"):
        geometry()


def test_half_precision_of_the_forward_pass_comes_close():
    exact = geometry()
    for layer, found in geometry(precision="bfloat16").items():
        assert found.rdm_triu.dtype == np.float32
        error = np.abs(found.rdm_triu - exact[layer].rdm_triu).max()
        assert 1e-6 < error < 0.03
    assert_same(geometry(precision="tf32"), exact)
    assert torch.backends.cudnn.conv.fp32_precision == "tf32"


def test_unknown_precision():
    with pytest.raises(MenagerieError, match=r"'bf16'\. Did you mean 'bfloat16'"):
        geometry(precision="bf16")


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_product_as_on_a_gpu_equals_the_one_on_cores():
    projection = SparseProjection(150_000, 40)
    features = torch.rand(3, 150_000)
    np.testing.assert_allclose(
        projection._on_device(features, features[0]), projection(features, features[0]), atol=2e-4
    )
    assert len(projection._device_blocks) == 2


def test_blocks_for_a_gpu_are_the_same_whatever_the_number_of_threads():
    projection, threads = SparseProjection(400_000, 20), torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        blocks = [block.to_dense() for block in projection._blocks_on(torch.device("cpu"))]
    finally:
        torch.set_num_threads(threads)
    assert len(blocks) == 4
    np.testing.assert_array_equal(torch.cat(blocks, dim=1).numpy(), projection.matrix().toarray())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_gpu_equals_host():
    expected = geometry()
    assert_same(geometry(device="cuda"), expected, tolerance=2e-5)
    MODEL.cpu()


PEAK = """
import resource, sys, torch
from torch import nn
from menagerie.features.extract import extract_geometry
from menagerie.features.take_inventory import list_layers
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.AdaptiveAvgPool2d(2))
images = torch.randn(10, 3, 512, 512)
layers = list_layers(model, (3, 512, 512))
assert layers[0].n_features == 32 * 512 * 512
with torch.inference_mode():
    model(images[:5])
before = peak()
statuses = [g.status for _, g in extract_geometry(model, images, layers, int(sys.argv[1]), batch_size=5)]
assert statuses == ["ok", "ok"]
print(peak() - before)
"""


def test_peak_stays_below_the_budget_for_eight_million_features():
    # All features of the ten images take 336 MB, the projection matrix 140 MB.
    budget = 256 * 10**6
    found = subprocess.run(
        [sys.executable, "-c", PEAK, str(budget)],
        env={"PYTHONPATH": str(Path(extract.__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) < budget
