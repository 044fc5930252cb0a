"""A dozen of the networks of benchmarks/parity_2026.py against hooks in double precision."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from menagerie.files.geometry import OK

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NETWORKS = [
    ("timm", "cait_xxs24_224.fb_dist_in1k"),
    ("timm", "efficientvit_m0.r224_in1k"),
    ("timm", "levit_128s.fb_dist_in1k"),
    ("timm", "test_vit.r160_in1k"),
    ("torchvision", "mobilenet_v3_small"),
    ("torchvision", "shufflenet_v2_x0_5"),
    ("torchvision", "squeezenet1_1"),
    ("transformers", "hiera"),
    ("transformers", "mobilevit"),
    ("transformers", "segformer"),
    ("transformers", "swinv2"),
    ("transformers", "videomae"),
    ("transformers", "vit_mae"),
]
NEARLY_CONSTANT = {"cait_xxs24_224.fb_dist_in1k", "mobilevit", "mobilenet_v3_small", "shufflenet_v2_x0_5"}


@pytest.fixture(scope="module")
def parity():
    sys.path.insert(0, str(BENCHMARKS))
    import parity_2026

    yield parity_2026
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize(("package", "name"), NETWORKS)
def test_layers_are_right_or_named(parity, package, name):
    pytest.importorskip(package)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found, _, n_layers = parity.compare(package, name, most_layers=40)
    finally:
        torch.set_num_threads(threads)
    scored = [one for one in found if one.status == OK]
    assert len(found) >= min(20, n_layers) and len(scored) > 0.6 * len(found)
    for one in scored:
        assert one.rdm < 0.02 and one.gram < 0.02, one
    # What the status promises is the worst case: ordinary layers are a thousand times better.
    assert sorted(one.rdm for one in scored)[len(scored) // 2] < 2e-6
    assert sorted(one.gram for one in scored)[len(scored) // 2] < 2e-5
    assert all(one.status.startswith(("constant", "nearly", "within", "has one")) for one in found if one.status != OK)
    assert name in NEARLY_CONSTANT or not any(one.status.startswith("nearly") for one in found)
