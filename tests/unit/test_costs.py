"""What jobs ask of a cluster: formulas by hand, and above the peaks that were measured."""

from __future__ import annotations

import pytest

from menagerie.files.inventory import LayerInfo
from menagerie.survey import costs

BUDGET_MB = 4000
# Peak memory (MB) of extractions of the demo, with features of all chosen layers (MB in float32) and number of images.
MEASURED = [
    ("EfficientNet-Lite 1, 92 images", 260.7, 92, 2248),
    ("EfficientNet-Lite 2, 92 images", 319.2, 92, 2214),
    ("EfficientNet-Lite 0, 200 images", 479.2, 200, 2359),
    ("SqueezeNet 1.1, 200 images", 2495.8, 200, 3926),
]


def layer(n_features: int) -> LayerInfo:
    return LayerInfo(0, "layer", "Conv2d", (n_features,), n_features, 0.0)


@pytest.mark.parametrize(
    ("features_mb", "n_images", "peak_mb"), [row[1:] for row in MEASURED], ids=[row[0] for row in MEASURED]
)
def test_extraction_asks_for_more_than_was_ever_used(features_mb: float, n_images: int, peak_mb: int) -> None:
    asked = costs.extraction_memory_mb([layer(round(features_mb * 1e6 / 4 / n_images))], n_images, BUDGET_MB)
    assert 1.1 * (peak_mb + costs.SNAKEMAKE_MB) < asked < 1.6 * peak_mb


def test_extraction_memory_stops_at_the_budget_and_takes_more_passes_instead() -> None:
    small, large = ([layer(n_features)] for n_features in (900_000, 90_000_000))
    assert costs.extraction_memory_mb(small, 1000, BUDGET_MB) == 500 + 2500 + 3600 + 40
    assert costs.extraction_memory_mb(large, 1000, BUDGET_MB) == 500 + 2500 + BUDGET_MB + 40
    assert costs.extraction_passes(small, 1000, BUDGET_MB) == 1
    assert costs.extraction_passes(large, 1000, BUDGET_MB) == 90


def test_gpu_memory_by_hand() -> None:
    """CUDA, 25 million weights, 32 images that show 20 million numbers, 1,000 images of chosen features, matrices."""
    inventory = [layer(12_000_000), layer(8_000_000)]
    small = costs.gpu_memory_mb([layer(900_000)], inventory, 1000, BUDGET_MB, 32, 25_000_000)
    assert small == 1000 + 100 + 2560 + 3600 + 40
    assert costs.gpu_memory_mb(inventory, inventory, 1000, BUDGET_MB, 32, 25_000_000) == small - 3600 + BUDGET_MB


def test_extraction_time_by_hand() -> None:
    """Start, forward passes of 4 billion multiply-adds that show 20 million numbers, and n^2 p of the RSM."""
    forward = costs.forward_seconds(4_000_000_000, [layer(12_000_000), layer(8_000_000)])
    assert forward == pytest.approx(0.44 + 0.032)
    expected = 4.9 + 1000 * forward + 1000**2 * 900_000 * 5.1e-11
    assert costs.extraction_seconds([layer(900_000)], 1000, BUDGET_MB, forward) == pytest.approx(expected)
    assert costs.extraction_seconds([layer(90_000_000)], 1000, BUDGET_MB, forward) > 90 * 1000 * forward, "passes"


# One network of each family of the demo: multiply-adds, outputs of all layers, features of chosen ones, and the seconds
# that its extractions from 92 and 200 images took on this project's development machine.
EXTRACTIONS = [
    ("EfficientNet-Lite 2", 859.7e6, 38.16e6, 0.8673e6, 19.9, 36.6),
    ("SqueezeNet 1.1", 349.2e6, 6.96e6, 3.12e6, 11.3, 20.7),
    ("Test-ResNet", 102.5e6, 1.951e6, 0.0776e6, 5.5, 7.4),
    ("Test-ViT", 37.64e6, 0.6922e6, 0.0388e6, 5.3, 5.7),
]


@pytest.mark.parametrize("case", EXTRACTIONS, ids=lambda case: case[0])
def test_extraction_time_is_within_a_quarter_of_what_was_measured(case: tuple) -> None:
    _, multiply_adds, outputs, features, *measured = case
    forward = costs.forward_seconds(multiply_adds, [layer(round(outputs))])
    for n_images, seconds in zip((92, 200), measured, strict=True):
        planned = costs.extraction_seconds([layer(round(features))], n_images, BUDGET_MB, forward)
        assert planned == pytest.approx(seconds, rel=0.25)


def test_scoring_by_hand() -> None:
    """1,000 images, 4,000 voxels, seven penalties."""
    assert costs.scoring_memory_mb(1000, 4000) == 500 + 300 + 96 + 192
    per_layer = (25 * 500**3 + 18 * 500**2 * 4000) / 1.5e10 + 0.02 + 0.01
    assert costs.scoring_seconds(200, 1000, 4000, 7) == pytest.approx(0.6 + 200 * per_layer)
    of_fold = (25 * 800**3 + 18 * 800**2 * 4000) / 1.5e10 + 0.02
    assert costs.scoring_seconds(1, 1000, 4000, 7, (0.8,) * 5) == pytest.approx(0.6 + 5 * of_fold + 0.01)


def test_time_limits_leave_room() -> None:
    assert costs.minutes(1) == 10, "never less than the floor"
    assert costs.minutes(1, floor=30) == 30
    assert costs.minutes(600) == costs.MARGIN * 10
