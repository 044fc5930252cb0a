"""Layers by model: what is selected of one changes nothing of another, and a model without a layer costs itself."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.workflow
OWN = "python/config/my_net.py:small:random"


def scores(project) -> dict[str, bytes]:
    folder = project.results / "scores"
    paths = sorted(
        path
        for path in folder.rglob("*.parquet")
        if not path.is_relative_to(folder / "python__config-my_net.py-small_random")
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_a_selection_for_each_model(project) -> None:
    """The same layers said in another way: only the report, which prints the config."""
    layers = {"test_vit*": ["blocks.[02]"], "tiny_trained": ["layer[24].0.act2"], "default": 3}
    project.configure(layers=layers)
    assert project.planned() == {"report": 1}
    project.run()
    before = scores(project)

    # README, "Your own model in 5 minutes": no pattern fits the new network, which takes what default says.
    project.configure(models=[*project.config["models"], OWN])
    project.run("--until", "list_layers")
    planned = project.planned()
    new = {"extract_geometry": 2, "score": 9, "collect_model": 1, "select_layers": 1}  # three layers, three subjects
    assert {rule: planned[rule] for rule in new} == new and planned["build_target"] == planned["list_layers"] == 0
    said = project.run()
    assert "Pattern" not in said and "Without a selected layer" not in said
    assert scores(project) == before
    assert "my_net" in (project.results / "tables" / "leaderboard.csv").read_text()


def test_a_model_without_a_selected_layer(project) -> None:
    before = scores(project)
    layers = [*project.config["layers"], "bocks.*"]
    project.configure(models=[*project.config["models"], OWN], layers=layers)
    said = project.run()
    model = "python__config-my_net.py-small_random"
    assert f"Without a selected layer, and so without scores: {model}" in said
    assert f"Pattern 'bocks.*': no layer of test_vit_random, tiny_trained, {model}" in said
    assert "Tensors that are none:" in said and "same values as an earlier one" in said
    assert scores(project) == before
    board = (project.results / "tables" / "leaderboard.csv").read_text()
    assert "test_vit_random" in board and model not in board
    report = (project.results / "report.html").read_text()
    assert "no layer fits the patterns of config key layers" in report and "bocks.*" in report
    assert project.planned() == {}


def test_no_layer_of_any_model(project) -> None:
    project.configure(layers=["bocks.*"])
    done = project.snakemake()
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Config key layers: found ['bocks.*'], which selects no layer of any model" in said
