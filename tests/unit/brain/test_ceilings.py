"""Noise ceilings: against the plain reference, against known truth, and against bad input."""

import numpy as np
import pytest

from menagerie.brain import ceilings
from menagerie.brain.gsn import covariance, monte_carlo, reference, separate, space, trials
from menagerie.errors import MenagerieError
from menagerie.files.tables import read_provenance, read_table

FAST = {"n_simulations": 20, "n_simulated_images": 150}


def spectrum(units: int, decay: float, rng: np.random.Generator) -> np.ndarray:
    """Random covariance with power-law eigenvalues and mean variance 1."""
    vectors = np.linalg.qr(rng.standard_normal((units, units)))[0]
    values = np.arange(1.0, units + 1) ** -decay
    return (vectors * (values * units / values.sum())) @ vectors.T


def truth(units=60, snr=0.8, signal_decay=0.5, noise_decay=0.3, seed=0):
    """Mean, signal covariance and noise covariance; units differ in their variance."""
    rng = np.random.default_rng(seed)
    gain = np.exp(0.3 * rng.standard_normal(units))
    mean = 0.3 * rng.standard_normal(units)
    both = (snr**2 * spectrum(units, signal_decay, rng), spectrum(units, noise_decay, rng))
    return mean, *(c * np.outer(gain, gain) for c in both)


def simulate_responses(known, images: int, n_trials: int, seed: int) -> np.ndarray:
    mean, signal, noise = known
    rng = np.random.default_rng(seed)
    clean = rng.multivariate_normal(mean, signal, size=images)
    noises = rng.multivariate_normal(0 * mean, noise, size=(images, n_trials))
    return (clean[:, None] + noises).transpose(2, 0, 1)


def thin(responses: np.ndarray, seed: int, fewest: int) -> np.ndarray:
    """Take away trials at random places: image i keeps between ``fewest`` and all of them."""
    rng = np.random.default_rng(seed)
    responses = responses.copy()
    for i in range(responses.shape[1]):
        gone = rng.permutation(responses.shape[2])[: rng.integers(0, responses.shape[2] - fewest + 1)]
        responses[:, i, gone] = np.nan
    return responses


def test_contrasts_hold_the_covariance_within_images():
    responses = simulate_responses(truth(units=8), 30, 4, 1)
    rows = trials.check_trials(responses).contrasts()
    np.testing.assert_allclose(rows.T @ rows / len(rows), reference.within_image_covariance(responses), atol=1e-12)


def test_uneven_contrasts_pool_by_degrees_of_freedom():
    responses = thin(simulate_responses(truth(units=6), 40, 4, 2), 3, fewest=1)
    given = trials.check_trials(responses)
    residuals = responses - np.nanmean(responses, axis=2, keepdims=True)
    present = np.isfinite(responses[0])
    expected = residuals[:, present] @ residuals[:, present].T / (present.sum(axis=1) - 1).sum()
    rows = given.contrasts()
    np.testing.assert_allclose(rows.T @ rows / len(rows), expected, atol=1e-12)
    np.testing.assert_allclose(given.means(), np.nanmean(responses, axis=2).T, atol=1e-12)
    assert given.harmonic == pytest.approx(1 / np.mean(1 / present.sum(axis=1)))


@pytest.mark.parametrize("units", [12, 50])
def test_likelihood_equals_the_reference_at_every_level(units):
    """12 units: fewer than the 30 rows; 50 units: more, so that no shrinkage is singular."""
    rng = np.random.default_rng(4)
    train, held = (rng.standard_normal((n, units)) @ np.diag(np.arange(1.0, units + 1)) for n in (30, 9))
    train -= train.mean(axis=0)
    fast = covariance.negative_log_likelihood(train, 29, held, covariance.LEVELS)
    plain = reference.negative_log_likelihood(train.T @ train / 29, held, covariance.LEVELS)
    finite = np.isfinite(plain)
    assert finite.sum() == (51 if units == 12 else 50)
    assert np.argmin(fast) == np.argmin(plain)
    np.testing.assert_allclose(np.diff(fast[finite]), np.diff(plain[finite]), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("units", [20, 200])
def test_moment_level_keeps_the_energy_of_the_correlations(units):
    """Over many samples of 60 rows, the off-diagonal sum of squares is that of the true covariance."""
    rng = np.random.default_rng(9)
    known = spectrum(units, 0.7, rng)
    root = np.linalg.cholesky(known)
    energy = []
    for _ in range(40):
        rows = rng.standard_normal((60, units)) @ root.T
        dense = covariance.Shrunk(rows, 60, covariance.moment_level(rows)).dense()
        energy.append(np.vdot(dense, dense) - np.diag(dense) @ np.diag(dense))
    expected = np.vdot(known, known) - np.diag(known) @ np.diag(known)
    assert np.mean(energy) == pytest.approx(expected, rel=0.05)


def fitted(responses, level=0.7):
    given = trials.check_trials(responses)
    means, rows = given.means(), given.contrasts()
    noise = covariance.Shrunk(rows, len(rows), level)
    data = covariance.Shrunk(means - means.mean(axis=0), len(means) - 1, level)
    return means, data, noise


def test_separation_equals_the_reference_where_rows_span_the_units():
    means, data, noise = fitted(simulate_responses(truth(units=40, snr=0.5), 20, 3, 5))
    room = space.span(means, noise.rows)
    parts = separate.separate(room, room.compress(data)[0], room.compress(noise)[0], 20, 3)
    signal, plain_noise = reference.separate(data.dense(), noise.dense(), 20, 3)
    assert np.linalg.eigvalsh(data.dense() - noise.dense() / 3)[0] < -0.01  # there is something to fix
    np.testing.assert_allclose(room.dense(parts.signal), signal, atol=1e-10)
    np.testing.assert_allclose(room.dense(parts.noise), plain_noise, atol=1e-10)


def test_separation_is_exact_without_shrinkage_and_bounded_with_it():
    """150 units, 61 rows: the span is smaller than the space."""
    responses = simulate_responses(truth(units=150, snr=0.7), 20, 3, 6)
    for level in (1.0, 0.5):
        means, data, noise = fitted(responses, level)
        room = space.span(means, noise.rows)
        assert room.basis.shape == (150, 61)
        parts = separate.separate(room, room.compress(data)[0], room.compress(noise)[0], 20, 3)
        signal, plain_noise = reference.separate(data.dense(), noise.dense(), 20, 3)
        error = np.linalg.norm(room.dense(parts.signal) - signal)
        kept = room.compress(data)[1].plus(-1 / 3, room.compress(noise)[1])
        bound = room.loss(data.diagonal - noise.diagonal / 3, kept)
        if level == 1.0:
            assert bound < 1e-6
            tolerance = 1e-6 if parts.n_iterations == 1 else 0.02 * np.linalg.norm(signal)
            assert error < tolerance
        else:
            assert 0 < error <= bound * (1 + 1e-9)
            assert np.trace(room.dense(parts.noise)) == pytest.approx(np.trace(plain_noise), rel=0.02)


def test_compressed_algebra_equals_dense_algebra():
    means, data, noise = fitted(simulate_responses(truth(units=150), 20, 3, 7), 0.6)
    room = space.span(means, noise.rows)
    (a, _), (b, b_diagonal) = room.compress(data), room.compress(noise)
    dense_a, dense_b = room.dense(a), room.dense(b)
    assert np.trace(dense_a) == pytest.approx(np.trace(data.dense()))
    assert a.inner(b) == pytest.approx(np.vdot(dense_a, dense_b))
    assert room.correlation(a, b) == pytest.approx(np.corrcoef(dense_a.ravel(), dense_b.ravel())[0, 1])
    assert room.loss(noise.diagonal, b_diagonal) == pytest.approx(np.linalg.norm(dense_b - noise.dense()))
    fixed, changed = space.nearest_psd(a.plus(-0.9, b))
    assert changed
    np.testing.assert_allclose(room.dense(fixed), reference.nearest_psd(dense_a - 0.9 * dense_b), atol=1e-10)


def test_weights_sum_to_one():
    assert sum(separate.weights(1000, 3)) == pytest.approx(1)
    assert separate.weights(1000, 3)[0] == pytest.approx(18000 / 18999)


def test_draws_agree_with_the_reference():
    """Ceiling and reliability from the factors of the fast path, against brute force with the same covariances."""
    mean, signal, noise = truth(units=50)
    factors = (space.nearest_psd(space.Compressed(c, 0.0, 0))[0] for c in (signal, noise))
    room = space.Space(None, np.full(50, 50**-0.5), 50)
    model = monte_carlo.build_model(room, mean, separate.Parts(*factors, 1))
    seeds = np.random.SeedSequence(0).spawn(40)
    fast = np.median([monte_carlo.ceiling_sample(model, 1.0, 3, 150, s) for s in seeds])
    assert fast == pytest.approx(np.median(reference.ceiling_samples(mean, signal, noise, 3, 150, 40, 1)), abs=0.008)
    fast = np.median([monte_carlo.reliability_curve(model, 2, np.ones(1), 150, s)[0] for s in seeds])
    plain = np.median(reference.reliability_samples(mean, signal, noise, 2, 150, 40, 1))
    assert fast == pytest.approx(plain, abs=0.012)


def test_rsm_correlation_equals_numpy():
    rng = np.random.default_rng(8)
    a, b = rng.standard_normal((2, 20, 30))
    centred = [x - x.mean(axis=1, keepdims=True) for x in (a, b)]
    rsms = [monte_carlo.rsm_from_gram(x @ x.T) for x in centred]
    assert monte_carlo.rsm_correlation(*rsms) == pytest.approx(reference.rsm_correlation(a, b))


def test_halves_are_all_splits_or_random_ones_without_overlap():
    values = np.arange(2 * 12 * 4, dtype=float).reshape(2, 12, 4) ** 1.5
    rng = np.random.default_rng(0)
    assert len(list(trials.check_trials(values).halves(rng))) == 3
    assert len(list(trials.check_trials(values[:, :, :3]).halves(rng))) == 3
    values[:, :3, 0] = np.nan
    pairs = list(trials.check_trials(values).halves(rng))
    assert len(pairs) == trials.MAX_SPLITS  # uneven: one trial a half
    for a, b in pairs:
        assert np.isfinite(a).all() and np.isfinite(b).all()
        assert not (a == b).any()


def test_scale_is_interpolated():
    assert monte_carlo.match_scale(np.array([0.0, 0.2, 0.4]), 0.3, np.array([0.0, 1.0, 2.0])) == pytest.approx(1.5)


@pytest.mark.parametrize("setting", [{"snr": 0.8}, {"snr": 1.2, "noise_decay": 0.6}, {"snr": 0.5, "signal_decay": 0.3}])
def test_ceiling_is_within_a_hundredth_of_the_truth(setting):
    known = truth(**setting)
    true = np.median(reference.ceiling_samples(*known, 3, 150, 60, 0))
    found = [ceilings.noise_ceiling(simulate_responses(known, 800, 3, s), seed=s, **FAST).median for s in range(3)]
    assert np.mean(found) == pytest.approx(true, abs=0.01)


def test_uneven_repeats_give_the_same_ceiling_for_the_same_number_of_trials():
    known = truth()
    responses = thin(simulate_responses(known, 600, 5, 0), 1, fewest=2)
    found = ceilings.noise_ceiling(responses, trials=3, **FAST)
    assert found.trials == 3
    assert found.median == pytest.approx(np.median(reference.ceiling_samples(*known, 3, 150, 60, 0)), abs=0.015)
    assert 2 < ceilings.noise_ceiling(responses, **FAST).trials < 5


def test_ncsnr_is_signal_over_noise_sd():
    _, signal, noise = known = truth(units=20)
    found = ceilings.noise_ceiling(simulate_responses(known, 3000, 3, 0), 2, n_simulated_images=50).ncsnr
    np.testing.assert_allclose(found, np.sqrt(np.diag(signal) / np.diag(noise)), rtol=0.1)


def test_seeded_and_better_with_more_trials():
    responses = simulate_responses(truth(units=15), 60, 3, 0)
    first, again = (ceilings.noise_ceiling(responses, 5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.samples.shape == (5,) and first.median == np.median(first.samples)
    other = ceilings.noise_ceiling(responses, 5, seed=4)
    assert not np.array_equal(first.samples, other.samples)
    assert ceilings.noise_ceiling(responses, 5, seed=3, trials=12).median > first.median + 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :, 0], "shape"),
        (lambda x: x[:, :, :1], "one trial only"),
        (lambda x: x[:, :5], "5 images"),
        (lambda x: x[:1], "1 unit"),
        (lambda x: np.where(np.arange(10)[:, None, None] == 3, 1.0, x), r"constant over images \(first: 3\)"),
        (lambda x: np.where(np.arange(10)[:, None, None] == 3, x.mean(axis=2, keepdims=True), x), "identical trials"),
        (lambda x: _put(x, (4, 7, 1), np.nan), "unit 4, image 7, trial 1"),
        (lambda x: _put(x, (4, 7, 1), np.inf), "infinite"),
        (lambda x: _put(x, (slice(None), 7), np.nan), r"no trial \(first: 7\)"),
        (lambda x: _put(x, (slice(None), slice(5, None), slice(1, None)), np.nan), "5 images have 2 or more"),
        (lambda x: x.astype("U8"), "expected numbers"),
    ],
)
def test_bad_responses_are_refused_by_name(change, message):
    good = simulate_responses(truth(units=10), 40, 3, 0)
    with pytest.raises(MenagerieError, match=message):
        ceilings.noise_ceiling(change(good))


def _put(array, where, value):
    array = array.copy()
    array[where] = value
    return array


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_simulations": 0}, "n_simulations"),
        ({"trials": 0}, "trials is 0"),
        ({"n_simulated_images": 3}, "n_simulated_images"),
        ({"levels": (1.5,)}, "between 0 and 1"),
        ({"noise_shrinkage": "moment"}, "Did you mean 'moments'"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(MenagerieError, match=message):
        ceilings.noise_ceiling(simulate_responses(truth(units=10), 40, 3, 0), **settings)


def test_pure_noise_has_no_ceiling():
    noise = np.random.default_rng(1).standard_normal((30, 100, 3))
    with pytest.raises(MenagerieError, match="no reliable signal"):
        ceilings.noise_ceiling(noise)


def test_regions_are_independent_and_errors_name_them():
    repeats = simulate_responses(truth(units=20), 60, 3, 0).transpose(2, 1, 0)
    masks = {"V1": np.arange(20) < 12, "OTC": np.arange(20) >= 5}
    both = ceilings.region_ceilings(repeats, masks, 3)
    alone = ceilings.region_ceilings(repeats, {"OTC": masks["OTC"]}, 3)
    np.testing.assert_array_equal(both["OTC"].samples, alone["OTC"].samples)
    assert both["V1"].n_units == 12
    with pytest.raises(MenagerieError, match=r"Region hV4: .*1 unit"):
        ceilings.region_ceilings(repeats, {"hV4": np.arange(20) == 4}, 3)


def test_samples_table(tmp_path):
    repeats = simulate_responses(truth(units=12), 60, 3, 0).transpose(2, 1, 0)
    found = ceilings.region_ceilings(repeats, {"a": np.ones(12, bool), "b": np.arange(12) < 8}, 4)
    ceilings.write_ceilings(tmp_path / "ceilings.parquet", "nsd", "subj01", found, {"seed": 0})
    table = read_table(tmp_path / "ceilings.parquet")
    assert table.column_names == [
        "dataset",
        "subject",
        "region",
        "simulation",
        "ceiling",
        "ceiling_low",
        "ceiling_high",
    ]
    rows = table.to_pylist()
    assert [(r["region"], r["simulation"]) for r in rows] == [(x, i) for x in "ab" for i in range(4)]
    assert [r["ceiling"] for r in rows[4:]] == list(found["b"].samples)
    assert {(r["dataset"], r["subject"]) for r in rows} == {("nsd", "subj01")}
    medians, intervals = ceilings.read_ceilings(tmp_path / "ceilings.parquet")
    assert medians == {name: ceiling.median for name, ceiling in found.items()}
    assert intervals == {name: (ceiling.low, ceiling.high) for name, ceiling in found.items()}
    assert read_provenance(tmp_path / "ceilings.parquet")["seed"] == 0


def test_a_scale_beyond_the_grid_is_warned_about():
    signal = space.Compressed(np.eye(3), 0.0, 0)
    curve = monte_carlo.SCALES / 40.0
    assert ceilings._scale(curve, 0.025, signal) == pytest.approx(1.0)
    with pytest.warns(UserWarning, match="too low"):
        assert ceilings._scale(curve, 0.6, signal) == monte_carlo.SCALES[-1]
    with pytest.raises(MenagerieError, match="no reliable signal"):
        ceilings._scale(curve, 0.025, signal.times(0.0))


def test_macaque_v4_with_uneven_repeats(shared):
    """50 neurons, 6 to 10 repeats: near the root of the RSM's split-half reliability, stepped up (Spearman-Brown)."""
    path = shared / "data" / "v4_210325" / "responses_raw_210325.npy"
    if not path.is_file():
        pytest.skip(f"reference data are absent: {path}")
    found = ceilings.noise_ceiling(np.load(path), **FAST)
    assert 7 < found.trials < 8
    longer = found.trials / 3  # halves have 3 trials
    stepped_up = longer * found.reliability_data / (1 + (longer - 1) * found.reliability_data)
    assert found.median == pytest.approx(np.sqrt(stepped_up), abs=0.03)
    assert found.samples.std() < 0.03
    assert 0.3 < np.median(found.ncsnr) < 1.2
