"""Simulated brains: the planted truth is there, and comes back the same for the same names only."""

import numpy as np
import pytest
from scipy.io import savemat

from menagerie.brain.readers import simulated as reader
from menagerie.brain.simulation import SimulationSettings, read_out, simulate_target
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import check_target
from menagerie.errors import MenagerieError

N = 40
IDS = [f"i{k}" for k in range(N)]
ABOVE = np.triu_indices(N, k=1)


def make_features(seed, p=300):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((N, 5)) @ rng.standard_normal((5, p)) + 0.3 * rng.standard_normal((N, p))).astype("f4")


def rsm_r(a, b):
    return np.corrcoef(np.corrcoef(a)[ABOVE], np.corrcoef(b)[ABOVE])[0, 1]


def simulate(subject="sim01", **settings):
    features = {"early": make_features(1), "late": make_features(2, p=5000)}
    return simulate_target(
        "sim", subject, features, stimuli="s", image_ids=IDS, settings=SimulationSettings(n_units=200, **settings)
    )


def test_read_out_keeps_the_layers_rsm():
    features = make_features(0, p=9000)
    features -= features.mean(axis=0)
    signal = read_out(features, 1500, np.random.default_rng(0))
    np.testing.assert_allclose(signal.std(axis=0), 1)
    np.testing.assert_allclose(signal.mean(axis=0), 0, atol=1e-9)
    assert rsm_r(signal, features) > 0.95


def test_mean_share_adds_a_common_pattern():
    features = make_features(0) + 3 * np.random.default_rng(5).standard_normal(300)
    means = [
        np.corrcoef(read_out(features, 500, np.random.default_rng(0), mean_share=share))[ABOVE].mean()
        for share in (0.0, 0.5, 1.0)
    ]
    assert abs(means[0]) < 0.1 and means[0] < means[1] < means[2]


def test_regions_reflect_their_own_layer():
    target = simulate(ncsnr_median=1.5)
    check_target(target)
    own = {"early": make_features(1), "late": make_features(2, p=5000)}
    for region, other in (("early", "late"), ("late", "early")):
        responses = target.responses[:, target.regions[region]]
        assert rsm_r(responses, own[region]) > 0.7
        assert abs(rsm_r(responses, own[other])) < 0.3


def test_subjects_differ_and_names_repeat_the_draw():
    first, again, other = simulate(), simulate(), simulate("sim02")
    np.testing.assert_array_equal(first.repeats, again.repeats)
    assert abs(np.corrcoef(first.responses.ravel(), other.responses.ravel())[0, 1]) < 0.2
    assert not np.array_equal(first.units["ncsnr_true"], other.units["ncsnr_true"])


def test_responses_are_the_mean_of_repeats_and_ncsnr_is_recovered():
    target = simulate(n_repeats=8, ncsnr_median=0.6)
    np.testing.assert_allclose(target.responses, target.repeats.mean(axis=0), atol=1e-5)
    error = target.units["ncsnr"] - target.units["ncsnr_true"]
    assert abs(np.median(error)) < 0.03 and np.abs(error).mean() < 0.15


def test_ceiling_rises_with_the_signal():
    ceilings = [simulate(ncsnr_median=m).ceilings["even_odd/0"]["early"] for m in (0.1, 0.5, 100.0)]
    assert ceilings[0] < ceilings[1] < ceilings[2] and ceilings[2] > 0.999


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros((N, 10)), "same for all images"),
        (np.full((N, 10), np.nan), "NaN"),
        (np.zeros((N - 1, 10)), r"expected features of 40 images.*\(39, 10\)"),
    ],
)
def test_unusable_features_are_refused(features, message):
    with pytest.raises(MenagerieError, match=message):
        simulate_target("sim", "a", {"early": features}, stimuli="s", image_ids=IDS)


@pytest.mark.parametrize("wrong", [{"n_repeats": 1}, {"ncsnr_median": 0}, {"mean_share": 1.5}, {"n_units": "many"}])
def test_settings_out_of_range_are_named(wrong):
    with pytest.raises(MenagerieError, match=next(iter(wrong))):
        SimulationSettings(**wrong)


def test_tiles_are_distinct_and_the_same_each_time():
    tiles, again = reader.cut_tiles(60, 96), reader.cut_tiles(60, 96)
    assert len(tiles) == 60 and list(tiles) == list(again)
    assert all(np.array_equal(tiles[i], again[i]) and tiles[i].shape == (96, 96, 3) for i in tiles)
    small = np.array([tile[::6, ::6].ravel() for tile in tiles.values()], dtype=float)
    assert np.corrcoef(small)[np.triu_indices(60, k=1)].max() < 0.95
    with pytest.raises(MenagerieError, match="9999 tiles"):
        reader.cut_tiles(9999, 96)


def test_reader_end_to_end(tmp_path):
    objects = np.empty((1, 92), dtype=[("category", object), ("image", object)])
    for i in range(92):
        objects[0, i] = ("face", np.full((175, 175, 3), i, dtype=np.uint8))
    savemat(tmp_path / "supplement.mat", {"stimuli_92objs": objects})
    images, ids, provenance = reader.read_stimuli({"n_images": 100}, {"supplement": tmp_path / "supplement.mat"})
    write_stimuli(tmp_path / "pictures.h5", images, ids, provenance)
    stimuli = Stimuli(tmp_path / "pictures.h5")
    assert len(stimuli) == 100
    options = {"planted": {"early": {"model": "m", "layer": "conv1"}}, "n_units": 20, "seed": 3}
    assert reader.planted_layers(options) == {"early": ("m", "conv1")}
    features = {"early": np.random.default_rng(0).standard_normal((100, 50))}
    target = reader.read_target("sim", "a", options=options, inputs={}, stimuli=stimuli, features=features)
    check_target(target)
    assert target.provenance["simulated"] == "yes" and target.provenance["planted_early"] == "m: conv1"
    with pytest.raises(MenagerieError, match="region early"):
        reader.read_target("sim", "a", options=options, inputs={}, stimuli=stimuli, features={})
    with pytest.raises(MenagerieError, match="planted"):
        reader.planted_layers({"planted": {"early": {"layer": "conv1"}}})
    with pytest.raises(MenagerieError, match="n_images"):
        reader.read_stimuli({"n_images": 10}, {"supplement": tmp_path / "supplement.mat"})


def test_misspelt_option_is_named():
    with pytest.raises(MenagerieError, match=r"option of reader simulated.*'n_repeat'.*Did you mean 'n_repeats'"):
        reader.simulation_settings({"n_repeat": 4})
