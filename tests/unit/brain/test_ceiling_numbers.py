"""What ceilings are made of, each against its definition: degrees of freedom, moments, seeds, scales, intervals."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from menagerie.brain import ceilings
from menagerie.brain.fold_ceilings import is_wide
from menagerie.brain.gsn import covariance, monte_carlo, reference, separate, signal_test, space, trials, uncertainty
from menagerie.brain.rsms import rsm_ceilings
from menagerie.brain.rsms.agreement_errors import fisher_interval, pair_influence, standard_error, standardised
from menagerie.errors import MenagerieError


def responses_of(units=12, images=40, n_trials=3, snr=1.0, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((units, units)) / units**0.5
    clean = snr * mixing @ rng.standard_normal((units, images)) + rng.standard_normal((units, 1))
    return clean[:, :, None] + 0.7 * rng.standard_normal((units, images, n_trials))


# ---- covariances


def test_without_shrinkage_covariances_are_those_of_numpy():
    """Over images by n - 1; within images, pooled, by the trials less one of each."""
    responses = responses_of()
    given, rng, whole = trials.check_trials(responses), np.random.default_rng(0), np.ones(1)
    data = covariance.data_covariance(given.means(), rng, whole)
    np.testing.assert_allclose(data.dense(), np.cov(responses.mean(axis=2)), atol=1e-12)
    for by in ("likelihood", "moments"):
        noise = covariance.noise_covariance(given, rng, whole, by)
        expected = reference.shrunken(reference.within_image_covariance(responses), noise.level)
        np.testing.assert_allclose(noise.dense(), expected, atol=1e-12)
        np.testing.assert_allclose(noise.diagonal, (1 - noise.level) * np.diag(expected), atol=1e-12)


@pytest.mark.parametrize("n_images", [10, 12, 40])
def test_levels_are_those_of_the_likelihood_of_a_held_out_fifth(n_images):
    """The plain likelihood of the shrunken sample covariance; few images, so that a degree of freedom counts."""
    responses = responses_of(units=5, images=n_images, seed=n_images)
    given = trials.check_trials(responses)
    means = given.means()
    train, held = covariance.split_images(n_images, np.random.default_rng(1))
    assert len(held) == round(n_images / 5) and sorted([*train, *held]) == list(range(n_images))
    centre = means[train].mean(axis=0)
    plain = reference.negative_log_likelihood(np.cov(means[train].T), means[held] - centre, covariance.LEVELS)
    assert covariance.data_covariance(means, np.random.default_rng(1)).level == covariance.LEVELS[np.argmin(plain)]
    within = reference.within_image_covariance(responses[:, train])
    plain = reference.negative_log_likelihood(within, given.contrasts(held), covariance.LEVELS)
    found = covariance.noise_covariance(given, np.random.default_rng(1)).level
    assert found == covariance.LEVELS[np.argmin(plain)]


@pytest.mark.parametrize(("n", "units"), [(6, 30), (12, 5)])
def test_energy_of_few_gaussian_rows_is_unbiased(n, units):
    """Level squared times the sample's off-diagonal energy is, on average, the true one; 6 rows show each constant."""
    rng = np.random.default_rng(0)
    true = 0.8 * np.ones((units, units)) + 0.2 * np.eye(units)
    root = np.linalg.cholesky(true)
    energy = []
    for _ in range(4000):
        rows = rng.standard_normal((n, units)) @ root.T
        variance = (rows**2).sum(axis=0) / n
        whole = np.linalg.norm(rows @ rows.T / n) ** 2 - variance @ variance
        energy.append(covariance.moment_level(rows) ** 2 * whole)
    error = np.std(energy) / 4000**0.5
    assert np.mean(energy) == pytest.approx(0.64 * units * (units - 1), abs=3 * error)
    assert error < 0.02 * 0.64 * units * (units - 1)


def test_levels_of_moments_stay_between_0_and_1():
    rng = np.random.default_rng(0)
    assert covariance.moment_level(rng.standard_normal((8, 50))) < 0.5
    alike = np.outer(rng.standard_normal(30), np.ones(6)) + 1e-6 * rng.standard_normal((30, 6))
    assert 0.9 < covariance.moment_level(alike) <= 1
    signs = np.array(list(itertools.product([-1.0, 1], repeat=4)))
    signs += 1e-3 * rng.standard_normal(signs.shape)
    assert covariance.moment_level(signs) == 0  # next to no correlation: less than chance


def test_units_without_variance_in_the_training_images_are_named():
    train = np.random.default_rng(0).standard_normal((20, 4))
    train[:, 2] = 0
    with pytest.raises(MenagerieError, match="unit 2 has no noise variance"):
        covariance.negative_log_likelihood(train, 19, train, covariance.LEVELS, "noise")


@pytest.mark.parametrize(("images", "n_trials"), [(5, 2), (1000, 3)])
def test_weights_of_the_noise_update(images, n_trials):
    """C (t - 1) t^2 and C - 1, each over their sum (Kay et al. 2025)."""
    own, other = separate.weights(images, n_trials)
    assert own / other == pytest.approx(images * (n_trials - 1) * n_trials**2 / (images - 1))
    assert own + other == pytest.approx(1)


# ---- trials


def test_trials_of_an_image_are_counted_and_averaged():
    responses = responses_of(units=3, images=12, n_trials=4)
    responses[:, 0, 0] = responses[:, 1, 1:] = responses[:, 2, [1, 3]] = np.nan
    given = trials.check_trials(responses)
    assert given.counts.tolist() == [3, 1, 2, *[4] * 9]
    np.testing.assert_allclose(given.means(), np.nanmean(responses, axis=2).T, atol=1e-12)
    assert given.harmonic == pytest.approx(stats.hmean(given.counts))
    assert given.half_size == 1
    assert len(given.contrasts()) == 2 + 0 + 1 + 9 * 3
    assert len(given.contrasts(np.array([0, 2]))) == 3
    halves = list(given.halves(np.random.default_rng(0)))
    assert all(a.shape == b.shape == (11, 3) for a, b in halves)  # the image with one trial has no half


@pytest.mark.parametrize(("n_trials", "size", "splits"), [(2, 1, 1), (3, 1, 3), (4, 2, 3), (5, 2, 15), (6, 3, 10)])
def test_every_split_into_halves_is_taken_once(n_trials, size, splits):
    responses = responses_of(units=2, images=10, n_trials=n_trials)
    given = trials.check_trials(responses)
    found = list(given.halves(np.random.default_rng(0)))
    sets = [
        {a, b}
        for a, b in itertools.combinations(itertools.combinations(range(n_trials), size), 2)
        if not set(a) & set(b)
    ]
    assert given.half_size == size and len(sets) == splits
    if splits > trials.MAX_SPLITS:
        assert len(found) == trials.MAX_SPLITS
        return
    expected = {tuple(sorted(round(responses[0, 0, list(part)].mean(), 9) for part in one)) for one in sets}
    assert {tuple(sorted((round(a[0, 0], 9), round(b[0, 0], 9)))) for a, b in found} == expected
    assert len(found) == splits


@pytest.mark.parametrize("n_trials", [9, 10])
def test_random_halves_hold_half_of_the_trials_each(n_trials):
    """Trials are powers of two beside a number of the image, so that a mean tells which trials it holds."""
    image = 4096.0 * np.arange(10)
    responses = np.stack([2.0 ** np.arange(n_trials) + image[:, None]] * 2)
    drawn = list(trials.check_trials(responses).halves(np.random.default_rng(0)))
    size = n_trials // 2
    for halves in drawn:
        first, second = ([round(x) for x in (half[:, 0] - image) * size] for half in halves)
        for one, other in zip(first, second, strict=True):
            assert one & other == 0 and one.bit_count() == other.bit_count() == size
        assert len(set(first)) > 1  # drawn for each image on its own
    assert len(drawn) == trials.MAX_SPLITS and len({half[0, 0] for half, _ in drawn}) > 1


@pytest.mark.parametrize(("change", "is_read"), [("10 images", True), ("9 images", False), ("two units", True),
                                                 ("whole numbers", True), ("two trials", True)])  # fmt: skip
def test_the_least_that_a_ceiling_is_made_from(change, is_read):
    x = responses_of(units=3, images=trials.MIN_IMAGES, n_trials=3)
    given = {"10 images": x, "9 images": x[:, 1:], "two units": x[:2], "two trials": x[:, :, :2],
             "whole numbers": np.round(100 * x).astype(int)}[change]  # fmt: skip
    if is_read:
        assert trials.check_trials(given).n_images == trials.MIN_IMAGES
    else:
        with pytest.raises(MenagerieError, match=f"at least {trials.MIN_IMAGES}"):
            trials.check_trials(given)


# ---- signal, reliability, scale


def test_reliability_is_the_median_over_splits_of_rsms_by_numpy():
    given = trials.check_trials(responses_of(units=8, images=20, n_trials=4))
    rng = np.random.default_rng(0)
    halves = list(given.halves(rng))
    above = np.triu_indices(20, 1)
    rs = [np.corrcoef(np.corrcoef(a)[above], np.corrcoef(b)[above])[0, 1] for a, b in halves]
    reliability, error = monte_carlo.data_reliability(given, rng)
    assert reliability == pytest.approx(np.median(rs), abs=1e-6)
    mean = np.mean([pair_influence(np.corrcoef(a), np.corrcoef(b)) for a, b in halves], axis=0)
    assert error == pytest.approx(standard_error(mean), rel=1e-5)


def small_model(units=15, seed=0, rest=False):
    """A model of a mean and two covariances; with dimensions outside the span where ``rest``."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((2, units, units)) / units**0.5
    parts = separate.Parts(*(space.nearest_psd(space.Compressed(r @ r.T, 0.0, 0))[0] for r in root), 1)
    room = space.Space(None, np.full(units, units**-0.5), units)
    model = monte_carlo.build_model(room, rng.standard_normal(units), parts)
    return replace(model, signal_rest=0.5, noise_rest=0.8, n_rest=5) if rest else model


@pytest.mark.parametrize("rest", [False, True])
def test_curves_of_ceilings_are_samples_at_each_scale(rest):
    """The same draws by three Gram matrices, or scaled one by one."""
    model, seed = small_model(rest=rest), np.random.SeedSequence(3)
    scales = np.array([0.0, 0.3, 1.0, 4.0])
    curve = monte_carlo.ceiling_curve(model, scales, 3.0, 30, seed)
    samples = [monte_carlo.ceiling_sample(model, scale, 3.0, 30, seed) for scale in scales[1:]]
    np.testing.assert_allclose(curve[1:], samples, atol=1e-4)
    assert curve[0] == 0 and (np.diff(curve) > 0).all()
    assert monte_carlo.ceiling_sample(model, 1.0, 12.0, 30, seed) > curve[2]


@pytest.mark.parametrize("half", [1, 4])
def test_reliability_of_a_simulated_experiment_is_that_of_its_two_halves(half):
    """The draws by hand: a signal, two noises of SD 1 / sqrt(half), all by the factors of the model."""
    model, n = small_model(rest=True), 30
    rng = np.random.default_rng(np.random.SeedSequence(5))

    def draw(factor, rest):
        inside = rng.standard_normal((n, factor.shape[1]), dtype=np.float32) @ factor.T
        return np.hstack([inside, rest * rng.standard_normal((n, 5), dtype=np.float32)]).astype(float)

    signal, *noises = draw(model.signal, 0.5), draw(model.noise, 0.8), draw(model.noise, 0.8)
    mean = np.append(model.mean, np.zeros(5))
    scales, expected = np.array([0.0, 1.0, 2.5]), []
    for scale in scales:
        rsms = []
        for noise in noises:
            x = mean + np.sqrt(scale) * signal + noise / half**0.5
            rsms.append(monte_carlo.rsm_from_gram(x @ x.T))
        expected.append(monte_carlo.rsm_correlation(*rsms))
    found = monte_carlo.reliability_curve(model, half, scales, n, np.random.SeedSequence(5))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_curve_that_falls_by_chance_is_taken_as_flat():
    curve, scales = np.array([0.1, 0.3, 0.2, 0.5]), np.array([0.0, 1.0, 2.0, 3.0])
    assert monte_carlo.match_scale(curve, 0.4, scales) == pytest.approx(2.5)
    assert monte_carlo.match_scale(curve, 0.05, scales) == 0 and monte_carlo.match_scale(curve, 0.9, scales) == 3


@pytest.mark.parametrize(("reliability", "is_at_limit"), [(0.9999, True), (None, False)])
@pytest.mark.filterwarnings("ignore:Noise ceiling")
def test_a_scale_at_its_limit_is_said(monkeypatch, reliability, is_at_limit):
    """Data that agree better than any scale of the model: the ceiling may be too low, and says so."""
    if reliability is not None:
        monkeypatch.setattr(ceilings, "data_reliability", lambda *_: (reliability, 0.01))
    found = ceilings.noise_ceiling(responses_of(), 3, n_simulated_images=20)
    assert found.scale_at_limit is is_at_limit
    assert (found.scale == monte_carlo.SCALES[-1]) == is_at_limit
    assert found.reliability_model == pytest.approx(found.reliability_data, abs=1e-6) or is_at_limit


def test_what_a_ceiling_says_of_its_data():
    responses = responses_of(units=9, images=30)
    found = ceilings.noise_ceiling(responses, 4)
    assert (found.n_units, found.n_images, found.n_simulated_images) == (9, 30, 30)
    assert found.trials == pytest.approx(3)
    assert found.approximation_signal == found.approximation_noise == 0  # the rows span all units
    given = trials.check_trials(responses)
    data, noise = np.var(given.means(), axis=0, ddof=1), np.diag(reference.within_image_covariance(responses))
    np.testing.assert_allclose(found.ncsnr, np.sqrt(np.maximum(data - noise / 3, 0) / noise), atol=1e-12)
    assert found.p_signal == signal_test.signal_p(
        responses, np.random.default_rng(np.random.SeedSequence(0).spawn(5)[4])
    )
    level = ceilings.noise_ceiling(responses, 2, levels=(0.4,), noise_shrinkage="likelihood")
    assert level.shrinkage_data == level.shrinkage_noise == 0.4


@pytest.mark.parametrize("images", [501, 20])
def test_at_most_500_images_are_simulated(monkeypatch, images):
    sizes = []
    monkeypatch.setattr(ceilings, "ceiling_sample", lambda m, s, t, n, seed: sizes.append(n) or 0.5)
    monkeypatch.setattr(ceilings, "reliability_curve", lambda m, h, scales, n, s: np.linspace(0, 1, len(scales)))
    monkeypatch.setattr(ceilings, "ceiling_interval", lambda fit: (0.4, 0.6))
    found = ceilings.noise_ceiling(responses_of(units=4, images=images), 3)
    assert sizes == [min(images, 500)] * 3 and found.n_simulated_images == min(images, 500)


def test_approximations_are_what_compression_changes_of_the_whole_matrices():
    """More units than rows: Frobenius distances of dense covariances, over the size of what was fitted."""
    responses = responses_of(units=120, images=20, snr=3)
    found = ceilings.noise_ceiling(responses, 2)
    given = trials.check_trials(responses)
    rng = np.random.default_rng(np.random.SeedSequence(0).spawn(5)[0])
    noise = covariance.noise_covariance(given, rng, by="moments")
    data = covariance.data_covariance(given.means(), rng)
    room = space.span(given.means(), noise.rows)
    (whole_data, _), (whole_noise, _) = room.compress(data), room.compress(noise)
    parts = separate.separate(room, whole_data, whole_noise, 20, 3)
    lost = np.linalg.norm(noise.dense() - room.dense(whole_noise))
    size = np.linalg.norm(room.dense(parts.noise))
    assert found.approximation_noise == pytest.approx(lost / size, rel=1e-6) and lost > 0
    signal = data.dense() - noise.dense() / 3
    lost = np.linalg.norm(signal - room.dense(whole_data.plus(-1 / 3, whole_noise)))
    size = np.linalg.norm(room.dense(parts.signal))
    assert found.approximation_signal == pytest.approx(lost / size, rel=1e-6) and lost > 0


def test_matrices_without_spread_have_no_correlation():
    room = space.Space(None, np.full(4, 0.5), 4)
    nothing, some = space.Compressed(np.zeros((4, 4)), 0.0, 0), space.Compressed(np.eye(4), 0.0, 0)
    assert room.correlation(nothing, some) == room.correlation(nothing, nothing) == 0
    assert room.correlation(some, some.times(3)) == pytest.approx(1)


def test_what_an_interval_is_made_from(monkeypatch):
    given = []
    monkeypatch.setattr(ceilings, "ceiling_interval", lambda fit: given.append(fit) or (0.1, 0.9))
    responses = responses_of(units=9, images=30, n_trials=4)
    found = ceilings.noise_ceiling(responses, 6, trials=2)
    (fit,) = given
    data = np.var(responses.mean(axis=2), axis=1, ddof=1)
    noise = np.diag(reference.within_image_covariance(responses))
    assert fit.trace == pytest.approx((data - noise / 4).sum())
    np.testing.assert_allclose(fit.mean, responses.mean(axis=(1, 2)))
    assert (fit.trials, fit.half, fit.n_images, fit.n_simulated) == (2, 2, 30, 30)
    assert (fit.scale, fit.median, fit.reliability) == (found.scale, found.median, found.reliability_data)
    assert fit.curves.shape == (ceilings.SCALE_SIMULATIONS, len(monte_carlo.SCALES)) and len(fit.ceiling_seeds) == 6
    np.testing.assert_array_equal(
        fit.curves[3], monte_carlo.reliability_curve(fit.model, 2, monte_carlo.SCALES, 30, fit.curve_seeds[3])
    )
    curve = np.median(fit.curves, axis=0)
    assert found.scale == pytest.approx(np.interp(found.reliability_data, np.maximum.accumulate(curve), fit_scales()))


def fit_scales():
    """0 to 2 in steps of a tenth, as GSN has them, then on to 20 in equal ratios."""
    return [*np.arange(21) / 10, *2.2 * (20 / 2.2) ** (np.arange(14) / 13)]


def test_regions_have_random_streams_of_their_own():
    """Two names for the same units: other draws of the same ceiling; the seed of the config moves both."""
    repeats = responses_of().transpose(2, 1, 0)
    mask = np.ones(12, bool)
    both = ceilings.region_ceilings(repeats, {"a": mask, "b": mask}, 4)
    assert not np.intersect1d(both["a"].samples, both["b"].samples).size
    assert both["a"].median == pytest.approx(both["b"].median, abs=0.1)
    again = ceilings.region_ceilings(repeats, {"b": mask}, 4, seed=1)
    assert not np.intersect1d(both["b"].samples, again["b"].samples).size


def test_one_region_without_a_ceiling_costs_no_other_its_own():
    repeats = responses_of().transpose(2, 1, 0)
    found, reasons = ceilings.defined_ceilings(repeats, {"one": np.arange(12) < 1, "all": np.ones(12, bool)}, 3)
    assert list(found) == ["all"] and list(reasons) == ["one"] and "1 unit" in reasons["one"]


def test_settings_at_their_limits_are_taken():
    x = responses_of(images=12)
    assert ceilings.noise_ceiling(x, 1, n_simulated_images=trials.MIN_IMAGES, levels=(0.0, 1.0)).samples.shape == (1,)
    assert ceilings.noise_ceiling(x, 1, trials=0.5).trials == 0.5
    for wrong in ({"trials": -1.0}, {"n_simulated_images": trials.MIN_IMAGES - 1}, {"levels": ()}, {"levels": (-0.1,)}):
        with pytest.raises(MenagerieError, match="Noise ceiling: "):
            ceilings.noise_ceiling(x, 1, **wrong)


# ---- intervals


def test_standard_error_is_hoeffdings():
    """Variance of a U-statistic from all pairs of pairs of images, those that share an image and those that are one."""
    rng = np.random.default_rng(0)
    size = np.add.outer(np.arange(9.0), np.arange(9.0))  # images differ in how alike they are to all others
    a, b = (size + one + one.T for one in rng.standard_normal((2, 9, 9)))
    influence = pair_influence(a, b)
    n, pairs = 9, list(itertools.permutations(range(9), 2))
    own = np.mean([influence[p] ** 2 for p in pairs])
    # Less the degree of freedom that the sums of rows have lost: sum of squares over (n - 1) per row, not n.
    rows = np.sum(influence.sum(axis=1) ** 2) / (n - 1) ** 2
    shared = (rows - own) / (n - 2)
    assert shared > 0
    assert standard_error(influence) ** 2 == pytest.approx(2 / (n * (n - 1)) * (2 * (n - 2) * shared + own))
    assert influence.sum() == pytest.approx(0, abs=1e-9) and not np.diag(influence).any()
    ring = np.roll(np.eye(9), 1, axis=1) + np.roll(np.eye(9), -1, axis=1) - 0.25 * (1 - np.eye(9))
    own = (ring**2).sum() / (n * (n - 1))  # every image's sum is 0: nothing is shared, and no less than nothing
    assert standard_error(ring) ** 2 == pytest.approx(2 / (n * (n - 1)) * own)


def test_rsms_that_do_not_vary_have_no_influence():
    assert not standardised(np.ones((5, 5))).any()
    x = standardised(np.corrcoef(np.random.default_rng(0).standard_normal((6, 9))))
    off = x[~np.eye(6, dtype=bool)]
    assert off.mean() == pytest.approx(0, abs=1e-12) and off.std() == pytest.approx(1) and not np.diag(x).any()


@pytest.mark.parametrize("n", [5, 100])
def test_fisher_intervals_are_of_student_with_n_minus_1(n):
    low, high = fisher_interval(0.3, 0.1, n)
    reach = stats.t(n - 1).ppf(0.975) * 0.1 / (1 - 0.09)
    assert (low, high) == pytest.approx((np.tanh(np.arctanh(0.3) - reach), np.tanh(np.arctanh(0.3) + reach)))
    assert fisher_interval(-1.0, 0.1, n)[0] >= -1 and np.isfinite(fisher_interval(-1.0, 0.1, n)).all()


@pytest.mark.parametrize("k", [2, 3, 5])
def test_ceilings_of_sessions_are_spearman_and_browns(k):
    rng = np.random.default_rng(k)
    clean = rng.standard_normal((30, 15))
    sessions = [np.corrcoef(clean + rng.standard_normal((30, 15))) for _ in range(k)]
    images = np.arange(30) % 2 == 0
    above = np.triu_indices(15, 1)
    halves = [s[::2, ::2][above] for s in sessions]
    r = np.mean([np.corrcoef(a, b)[0, 1] for a, b in itertools.combinations(halves, 2)])
    assert rsm_ceilings.session_ceiling(sessions, images) == pytest.approx(np.sqrt(k * r / (1 + (k - 1) * r)))
    found = rsm_ceilings.region_ceiling("x", {"x": sessions}, images)
    assert found.value == pytest.approx(np.sqrt(k * r / (1 + (k - 1) * r)))
    error = standard_error(np.mean([pair_influence(a[::2, ::2], b[::2, ::2])
                                    for a, b in itertools.combinations(sessions, 2)], axis=0))  # fmt: skip
    ends = [k * e / (1 + (k - 1) * e) for e in fisher_interval(r, error, 15)]
    assert found.interval == pytest.approx([np.sqrt(max(e, 0)) for e in ends])
    assert f"the mean of {k} sessions" in found.how
    people = rsm_ceilings.region_ceiling("x", {"x": sessions[:1], "y": sessions[1:]}, images)
    others = np.mean(sessions[1:], axis=0)[::2, ::2][above]
    assert people.value == pytest.approx(np.corrcoef(halves[0], others)[0, 1])


def test_rsms_that_agree_the_other_way_have_no_ceiling():
    rng = np.random.default_rng(0)
    a = np.corrcoef(rng.standard_normal((12, 9)))
    images = np.ones(12, bool)
    assert np.isnan(rsm_ceilings.session_ceiling([a, -a], images))
    assert rsm_ceilings.stepped_up(0.0, 3) == rsm_ceilings.stepped_up(-0.2, 3) == 0
    for sessions in ({"x": [a], "y": [-a]}, {"x": [a, -a]}):
        found = rsm_ceilings.region_ceiling("x", sessions, images)
        assert found.value is None and found.how.endswith("(r is not above 0)")
    assert rsm_ceilings.region_ceiling("x", {"x": [a]}, images).how.startswith("unknown: one RSM")


def test_wide_intervals_differ_by_half_in_what_is_explained():
    assert not is_wide(0.8, 0.8 * 1.5**0.5 - 1e-9) and is_wide(0.8, 0.8 * 1.5**0.5 + 1e-9)


def fit_of(thin_signal: bool):
    """A fitted model of which the signal has, or has not, more variance than the data's own estimate."""
    units, images = 20, 60
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.standard_normal((units, units)))[0]
    signal = (vectors * np.geomspace(1, 0.02, units)) @ vectors.T
    noise = np.eye(units) + 0.3
    parts = separate.Parts(*(space.nearest_psd(space.Compressed(c, 0.0, 0))[0] for c in (signal, noise)), 1)
    room = space.Space(None, np.full(units, units**-0.5), units)
    model = monte_carlo.build_model(room, np.zeros(units), parts)
    seeds = np.random.SeedSequence(1).spawn(12)
    curves = np.array([monte_carlo.reliability_curve(model, 2, monte_carlo.SCALES, images, s) for s in seeds])
    scale = 1.5
    reliability = float(np.interp(scale, monte_carlo.SCALES, np.median(curves, axis=0)))
    samples = [monte_carlo.ceiling_sample(model, scale, 3, images, s) for s in seeds]
    trace = scale * np.trace(signal) * (0.6 if thin_signal else 1.2)
    return uncertainty.Fit(room, np.zeros(units), parts, model, trace, 3.0, 2, reliability, 0.03, curves, scale,
                           float(np.median(samples)), images, images, seeds, seeds)  # fmt: skip


def test_a_thinned_signal_has_the_variance_of_the_data_at_the_same_reliability():
    fit = fit_of(True)
    thin = uncertainty.thinned(fit)
    assert uncertainty.thinned(fit_of(False)) is None
    kept = thin.signal.astype(float) @ thin.signal.T.astype(float)
    values = np.linalg.eigvalsh(fit.parts.signal.core)
    noise = fit.parts.noise.core

    def reliability(s, factor):
        total = factor * s + noise / 2
        return factor**2 * np.vdot(s, s) / np.vdot(total, total)

    # Of the uncentred thinned signal, by bisection on the threshold in plain numpy.
    vectors = np.linalg.eigh(fit.parts.signal.core)[1]
    wanted = reliability(fit.parts.signal.core, 1.5)
    thresholds = np.linspace(0, 0.95 * values.max(), 4001)
    traces = []
    for threshold in thresholds[::40]:
        s = (vectors * np.maximum(values - threshold, 0)) @ vectors.T
        factors = np.geomspace(0.5, 20, 2000)
        own, cross, rest = np.vdot(s, s), np.vdot(s, noise) / 2, np.vdot(noise, noise) / 4
        found = factors**2 * own / (factors**2 * own + 2 * factors * cross + rest)
        traces.append(np.trace(s) * np.interp(wanted, found, factors))
    threshold = np.interp(-fit.trace, -np.array(traces), thresholds[::40])
    expected = (vectors * np.maximum(values - threshold, 0)) @ vectors.T
    centring = np.eye(20) - 1 / 20
    np.testing.assert_allclose(kept, centring @ expected @ centring, atol=0.01)


def test_intervals_of_ceilings_hold_them_and_widen_with_the_error_and_the_thinned_signal():
    fit = fit_of(False)
    low, high = uncertainty.ceiling_interval(fit)
    assert 0 <= low < fit.median < high <= 1
    narrow = uncertainty.ceiling_interval(replace(fit, error=0.01))
    assert low < narrow[0] and narrow[1] < high
    whole = np.trace(fit.parts.signal.core) * fit.scale
    much = uncertainty.ceiling_interval(replace(fit, trace=0.4 * whole))
    assert much[0] < low - 0.02 and much[1] == high
    little = uncertainty.ceiling_interval(replace(fit, trace=0.8 * whole))
    assert little[0] == low and little[1] > high + 0.01
    shifted = uncertainty.ceiling_interval(replace(fit, median=fit.median + 0.05))
    assert shifted == pytest.approx((low + 0.05, min(high + 0.05, 1)))


def test_a_reliability_without_signal_has_no_lower_bound_and_one_beyond_the_model_no_upper_one():
    fit = fit_of(False)
    nothing = float(np.median(fit.curves[:, 0]))
    assert uncertainty.ceiling_interval(replace(fit, reliability=nothing + 0.02, error=0.05))[0] == 0
    most = float(np.median(fit.curves, axis=0).max())
    high = uncertainty.ceiling_interval(replace(fit, reliability=most - 0.001, error=0.01, scale=20.0))[1]
    here = np.mean([monte_carlo.ceiling_sample(fit.model, 20.0, 3, 60, s) for s in fit.ceiling_seeds[:10]])
    assert high == pytest.approx(min(1.0, 1.0 + fit.median - here), abs=1e-3)


# ---- the test of a signal


@pytest.mark.parametrize(("n_trials", "lost"), [(2, 0), (2, 5), (3, 5)])
def test_p_of_two_trials_is_mantels_by_hand(n_trials, lost):
    """Mean r of an image's patterns over pairs of trials, each centred over images; all orders by the same draws."""
    rng = np.random.default_rng(1)
    responses = (
        0.3 * rng.standard_normal((9, 14, 1)) + rng.standard_normal((9, 14, n_trials)) + np.arange(9)[:, None, None]
    )
    responses[:, lost, n_trials - 1] = np.nan if lost else responses[:, lost, n_trials - 1]
    found = signal_test.signal_p(responses, np.random.default_rng(2), 40)
    rng, orders = np.random.default_rng(2), []
    for k in range(n_trials):
        there = np.flatnonzero(np.isfinite(responses[0, :, k]))
        orders.append(np.tile(np.arange(14), (41, 1)))
        if k:
            orders[-1][1:, there] = rng.permuted(np.tile(there.astype(np.int32), (40, 1)), axis=1)
    centred = responses - np.nanmean(responses, axis=1, keepdims=True)
    totals = [
        np.nansum([np.corrcoef(centred[:, orders[a][row][i], a], centred[:, orders[b][row][i], b])[0, 1]
                   for a, b in itertools.combinations(range(n_trials), 2) for i in range(14)])
        for row in range(41)
    ]  # fmt: skip
    assert found == np.mean(np.array(totals) >= totals[0] - 1e-6)


def test_signals_of_few_images_are_found_and_p_counts_the_measured_order():
    clean = np.random.default_rng(0).standard_normal((20, 30, 1)) + 0 * np.arange(3)
    assert signal_test.signal_p(clean, np.random.default_rng(0), 9) == 1 / 10
    assert signal_test.signal_p(clean, np.random.default_rng(0)) == 1 / 1000


# ---- the last steps


def test_units_without_signal_have_a_ratio_of_0_and_nothing_is_divided_by_nothing():
    rows = np.random.default_rng(0).standard_normal((30, 3))
    noise = covariance.Shrunk(3 * rows, 30, 1.0)
    found = ceilings._ncsnr(covariance.Shrunk(rows, 29, 1.0), noise, 2.0)
    assert found.tolist() == [0, 0, 0]  # less variance than the noise of a mean of two trials
    assert ceilings._relative(0.0, space.Compressed(np.zeros((3, 3)), 0.0, 0)) == 0


@pytest.mark.filterwarnings("error::UserWarning")
def test_a_scale_that_the_grid_just_reaches_is_no_limit():
    curve = monte_carlo.SCALES / 40
    assert ceilings._scale(curve, curve.max(), space.Compressed(np.eye(3), 0.0, 0)) == monte_carlo.SCALES[-1]


def test_fifty_simulations_and_seed_0_are_the_defaults():
    x = responses_of(units=5, images=12)
    repeats, masks = x.transpose(2, 1, 0), {"a": np.ones(5, bool)}
    found = ceilings.region_ceilings(repeats, masks)["a"].samples
    assert len(ceilings.noise_ceiling(x).samples) == len(found) == 50
    np.testing.assert_array_equal(found, ceilings.region_ceilings(repeats, masks, 50, 0)["a"].samples)
    np.testing.assert_array_equal(found, ceilings.defined_ceilings(repeats, masks)[0]["a"].samples)


def test_a_reliability_below_that_of_no_signal_is_no_signal():
    curve = 0.1 + monte_carlo.SCALES / 40
    with pytest.raises(MenagerieError, match=r"no reliable signal \(split-half RSM reliability 0.050, without any"):
        ceilings._scale(curve, 0.05, space.Compressed(np.eye(3), 0.0, 0))
