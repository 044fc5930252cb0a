"""Is there any signal: the test's error rate, its p by brute force, and what it must find."""

import numpy as np
import pytest

from menagerie.brain.ceilings import noise_ceiling
from menagerie.brain.gsn import signal_test
from menagerie.errors import MenagerieError


def pure_noise(kind: str, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    units, images, trials = shape
    noise = rng.standard_normal(shape)
    if kind == "unequal and correlated":
        shared = np.tensordot(2 * rng.standard_normal((units, 3)), rng.standard_normal((3, images, trials)), 1)
        return (noise + shared) * np.exp(rng.standard_normal(units))[:, None, None]
    if kind == "uneven, unequal repeats":
        noise = noise * np.geomspace(0.5, 2, trials) + rng.standard_normal((units, 1, trials))
        noise[:, np.arange(trials) >= rng.integers(1, trials + 1, size=images)[:, None]] = np.nan
    return noise


@pytest.mark.parametrize("kind", ["equal", "unequal and correlated", "uneven, unequal repeats"])
@pytest.mark.parametrize("shape", [(30, 40, 3), (100, 25, 2)])
def test_one_draw_of_pure_noise_in_twenty_passes(kind, shape):
    """300 draws at 5 %: 15 expected, SD 3.8."""
    rng = np.random.default_rng(0)
    passed = [signal_test.signal_p(pure_noise(kind, shape, rng), rng, 99) <= 0.05 for _ in range(300)]
    assert 4 <= sum(passed) <= 27


def test_p_is_that_of_explicit_permutations(monkeypatch):
    """Every permutation by hand, with missing trials and blocks smaller than the images."""
    monkeypatch.setattr(signal_test, "_BLOCK", 7)
    rng = np.random.default_rng(3)
    responses = rng.standard_normal((12, 20, 3)) + 0.35 * rng.standard_normal((12, 20, 1))
    responses[:, 4, 1] = responses[:, 9, 2] = np.nan
    found = signal_test.signal_p(responses, np.random.default_rng(5), 50)
    rng, orders = np.random.default_rng(5), []
    for k in range(3):
        there = np.flatnonzero(np.isfinite(responses[0, :, k]))
        rows = np.tile(np.arange(20), (51, 1))
        if k:
            rows[1:, there] = rng.permuted(np.tile(there.astype(np.int32), (50, 1)), axis=1)
        orders.append(rows)
    centred = responses - np.nanmean(responses, axis=1, keepdims=True)
    totals = []
    for number in range(51):
        moved = [centred[:, orders[k][number], k] for k in range(3)]
        rs = [np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(20) for a, b in ((moved[0], moved[1]),)]
        rs += [np.corrcoef(moved[a][:, i], moved[2][:, i])[0, 1] for i in range(20) for a in (0, 1)]
        totals.append(np.nansum(rs))
    assert found == np.mean(np.array(totals) >= totals[0] - 1e-6)
    assert 1 / 51 <= found < 1


def test_weak_signal_is_found_and_noise_refused_with_its_p():
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((30, 100, 3))
    assert signal_test.signal_p(noise + 0.4 * rng.standard_normal((30, 100, 1)), rng) == 1 / 1000
    with pytest.raises(MenagerieError, match=r"no reliable signal .*p = 0\.\d+, above 0\.05"):
        noise_ceiling(noise)
