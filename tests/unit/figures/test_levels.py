"""Colour means one thing in every figure."""

import pytest

from menagerie.figures import style
from menagerie.figures.levels import ALL, level_look, level_name
from menagerie.statistics.experiments import Experiment, read_experiments


def experiment(levels, reference, **changes):
    entry = {"title": "t", "factor": "f", "reference": reference, "levels": levels, "analyses": []} | changes
    return Experiment.from_entry("e", entry)


@pytest.mark.parametrize("reference", ["random", "classification"])
def test_trained_and_untrained_have_their_colours_in_either_order(reference):
    for levels in (["random", "classification"], ["classification", "random"]):
        one = experiment(levels, reference)
        assert level_look(one, "random", levels).color == style.TRAINING["random"]["color"]
        assert level_look(one, "random", levels).marker == style.TRAINING["random"]["marker"]
        assert level_look(one, "classification", levels).color == style.TRAINING["trained"]["color"]


def test_other_levels_take_neither_and_the_reference_is_the_same_colour_everywhere():
    levels = ["b", "a", "c", "d", "e"]
    looks = [level_look(experiment(levels, "a"), level, levels) for level in levels]
    assert looks[1].color == style.REFERENCE == level_look(experiment(["x", "y"], "y"), "y", ["x", "y"]).color
    reserved = {look["color"] for look in style.TRAINING.values()}
    assert len({look.color for look in looks}) == 5 and not reserved & {look.color for look in looks}
    assert len({(look.line, look.marker) for look in looks}) == 5


def test_single_networks_are_trained_ones_and_their_reference_stands_out():
    one = experiment(["a", "b", "random"], "a", figure="models")
    colors = [level_look(one, level, one.levels).color for level in one.levels]
    assert colors == [style.REFERENCE, style.BLUE, style.VERMILION]
    assert level_look(one, ALL, one.levels).color == style.GREY
    assert len({level_look(one, level, one.levels, apart=True).color for level in one.levels}) == 3  # on a map


def test_metrics_have_no_colour_since_fill_tells_them_apart():
    one = experiment(["crsa", "versa"], "crsa", factor="metric")
    assert {level_look(one, level, one.levels).color for level in one.levels} == {style.GREY}
    assert level_name(one, "versa") == "veRSA"


def test_levels_go_by_their_labels_where_they_have_one():
    one = experiment(["imagenet", "image_net_21k"], "imagenet", labels={"imagenet": "ImageNet-1K"})
    assert [level_name(one, level) for level in one.levels] == ["ImageNet-1K", "image net 21k"]


def test_no_colour_of_the_palette_is_one_of_training():
    assert len({*style.PALETTE, style.BLUE, style.VERMILION, style.GREY}) == len(style.PALETTE) + 3
    assert style.VERMILION not in style.DIETS and len(set(style.DIETS)) == len(style.DIETS)


def test_shipped_labels_are_short_enough_for_legends(root):
    for one in read_experiments(root / "config" / "experiments.yaml").values():
        for level, label in one.labels.items():
            assert len(label) <= 34 and label != level.replace("_", " "), (one.name, level)
