"""Intervals of noise ceilings: against simulated truth, and the standard error against many experiments."""

import h5py
import numpy as np
import pytest

from menagerie.brain.ceilings import noise_ceiling
from menagerie.brain.fold_ceilings import is_wide, uncertain
from menagerie.brain.folds import even_odd
from menagerie.brain.gsn import reference
from menagerie.brain.rsms import rsm_ceilings
from menagerie.brain.rsms.agreement_errors import fisher_interval, pair_influence, standard_error
from menagerie.brain.rsms.rsm_ceilings import agreement_p, region_ceiling
from menagerie.brain.target import Target, read_target, write_target


def two_rsms(rng, images=40, units=30, noise=1.5):
    clean = rng.standard_normal((images, units)) * np.arange(1, units + 1) ** -0.5
    return [np.corrcoef(clean + noise * rng.standard_normal((images, units)) / units**0.5) for _ in range(2)]


def agreement(a, b):
    above = np.triu_indices(len(a), 1)
    return np.corrcoef(a[above], b[above])[0, 1]


@pytest.mark.parametrize("noise", [0.5, 6.0])
def test_standard_error_is_the_spread_over_experiments(noise):
    """Clear RSMs, where pairs that share an image rule, and noisy ones, where pairs stand alone."""
    rng = np.random.default_rng(0)
    found = [
        (agreement(a, b), standard_error(pair_influence(a, b)))
        for a, b in (two_rsms(rng, noise=noise) for _ in range(400))
    ]
    values, errors = np.transpose(found)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.12)


def test_influences_are_the_derivative_of_r():
    """Weight of one pair raised a little: r moves by its influence."""
    a, b = two_rsms(np.random.default_rng(2), images=12)
    above = np.triu_indices(12, 1)
    x, y = a[above], b[above]
    weights = np.full(len(x), 1 / len(x))
    weights = (weights + 1e-6 * (np.arange(len(x)) == 7)) / (1 + 1e-6)
    mean = [weights @ v for v in (x, y)]
    cov = weights @ ((x - mean[0]) * (y - mean[1]))
    moved = cov / np.sqrt((weights @ (x - mean[0]) ** 2) * (weights @ (y - mean[1]) ** 2))
    assert (moved - agreement(a, b)) / 1e-6 == pytest.approx(pair_influence(a, b)[above][7], rel=1e-3)


def test_fisher_interval_is_symmetric_in_z_and_ordered():
    low, high = fisher_interval(0.6, 0.05, 1000)
    assert np.arctanh(high) - np.arctanh(0.6) == pytest.approx(np.arctanh(0.6) - np.arctanh(low))
    assert (high - low) / 2 == pytest.approx(1.962 * 0.05, rel=0.01)
    assert fisher_interval(1.0, 0.0, 20) == pytest.approx((1.0, 1.0))


def test_interval_holds_the_true_ceiling_and_narrows_with_images():
    rng = np.random.default_rng(4)
    units, decay = 40, np.arange(1, 41) ** -0.5
    root = np.linalg.qr(rng.standard_normal((units, units)))[0] * decay
    root *= 0.7 * np.sqrt(units / np.sum(root**2))
    true = np.median(reference.ceiling_samples(np.zeros(units), root @ root.T, np.eye(units), 3, 100, 60, 0))
    held, widths = 0, {60: [], 240: []}
    for images in widths:
        for seed in range(8):
            clean = rng.standard_normal((images, units)) @ root.T
            responses = (clean[:, :, None] + rng.standard_normal((images, units, 3))).transpose(1, 0, 2)
            found = noise_ceiling(responses, 10, seed, n_simulated_images=60)
            assert 0 <= found.low < found.median < found.high <= 1 and found.p_signal <= 0.05
            held += found.low <= true <= found.high
            widths[images].append(found.high - found.low)
    assert held >= 14
    assert np.mean(widths[240]) < 0.75 * np.mean(widths[60])


def test_rsms_with_nothing_in_common_have_no_ceiling_in_nineteen_of_twenty(monkeypatch):
    """200 draws at 5 %, 10 expected: people (compared with the mean of others) and sessions."""
    monkeypatch.setattr(rsm_ceilings, "N_PERMUTATIONS", 99)
    rng, images = np.random.default_rng(0), np.ones(12, bool)
    passed = []
    for _ in range(100):
        a, b, c = (np.corrcoef(rng.standard_normal((12, 8))) for _ in range(3))
        passed.append(region_ceiling("x", {"x": [a], "y": [b], "z": [c]}, images).value is not None)
        passed.append(region_ceiling("x", {"x": [a, b, c]}, images).value is not None)
    assert 2 <= sum(passed) <= 21
    found = region_ceiling("x", {"x": [a], "y": [np.corrcoef(rng.standard_normal((12, 8)))]}, images)
    assert found.value is not None or found.how.startswith("absent: the measurements do not agree above chance")
    assert agreement_p([a, a], images) == 1 / 100


def test_ceilings_of_people_and_sessions_have_intervals():
    rng, images = np.random.default_rng(1), np.ones(40, bool)
    mine, other = two_rsms(rng)
    people = region_ceiling("x", {"x": [mine], "y": [other]}, images)
    assert people.value == pytest.approx(agreement(mine, other))
    assert people.interval[0] < people.value < people.interval[1]
    sessions = region_ceiling("x", {"x": [mine, other]}, images)
    r = np.array([people.interval[0], people.value, people.interval[1]])
    assert [sessions.interval[0], sessions.value, sessions.interval[1]] == pytest.approx(np.sqrt(2 * r / (1 + r)))


def test_uncertain_ceilings_are_told():
    assert is_wide(0.2, 0.5) and is_wide(0.0, 0.1) and not is_wide(0.78, 0.82)
    told = uncertain({"a": 0.376, "b": 0.8}, {"a": (0.2, 0.5), "b": (0.78, 0.82)})
    assert told == {"ceiling_a": "uncertain: 0.38, 95 % interval 0.20 to 0.50"}


def test_a_target_keeps_intervals_and_files_without_them_are_read(tmp_path):
    fold = even_odd(["a", "b", "c", "d"])
    known = {fold.key: {"IT": 0.8}}
    target = Target(
        "d", "s", "x", np.array(["a", "b", "c", "d"], object), rsms={"IT": np.eye(4), "V1": np.eye(4)}, ceilings=known,
        ceiling_intervals={fold.key: {"IT": (0.7, 0.9)}},
    )  # fmt: skip
    write_target(tmp_path / "t.h5", target)
    again = read_target(tmp_path / "t.h5")
    assert again.ceiling_interval("IT", fold) == (0.7, 0.9) and again.ceiling_interval("V1", fold) == (None, None)
    with h5py.File(tmp_path / "t.h5", "a") as file:
        del file["ceiling_low"], file["ceiling_high"]
    old = read_target(tmp_path / "t.h5")
    assert old.ceiling("IT", fold) == 0.8 and old.ceiling_interval("IT", fold) == (None, None)
