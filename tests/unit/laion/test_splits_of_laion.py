"""Splits of LAION-fMRI: those of the twin, and the dataset's own files where they are at hand."""

import json

import numpy as np
import pytest

from menagerie.brain.laion import split_folders
from menagerie.brain.laion.layout import OOD_TYPES, is_label, ood_type, owner, planned_repeats
from menagerie.brain.readers import laion
from menagerie.brain.split_definitions import dataset_folds
from menagerie.errors import MenagerieError
from menagerie.survey.contents import Survey
from menagerie.twins.laion.labels import random_folds

NAMES = [
    "replication",
    "tau",
    "cluster_k5",
    "random_k5",
    "ood",
    *(f"ood_{kind.replace('-', '_')}" for kind in OOD_TYPES),
]


@pytest.fixture
def published(shared):
    return shared / "data" / "laion_splits"


def options(root, images="shared+ood", **more):
    return {"laion_root": str(root), "images": images, **more}


@pytest.mark.parametrize("images", ["shared+ood", "sub-03+ood"])
def test_splits_of_the_twin(twin, small_spec, images):
    chosen = options(twin, images)
    ids = laion.read_stimuli(chosen)[1]
    (folds,) = {
        tuple(found)
        for found in dataset_folds("l", {name: {} for name in NAMES}, ids, ["sub-03"], laion, chosen).values()
    }
    by_name = {}
    for fold in folds:
        by_name.setdefault(fold.split, []).append(fold)
    pool = {label for label in ids if ood_type(label) is None}
    ordered = sorted(pool)
    assert by_name["replication"][0].train == tuple(ordered[::2])
    assert by_name["replication"][0].test == tuple(ordered[1::2])
    for name in ("cluster_k5", "random_k5"):
        assert len(by_name[name]) == 5
        assert sorted(label for fold in by_name[name] for label in fold.test) == ordered
        assert all(set(fold.train) == pool - set(fold.test) for fold in by_name[name])
    for fold in by_name["tau"]:
        assert set(fold.train) | set(fold.test) == pool
    assert set(by_name["ood"][0].test) == set(small_spec().ood) and set(by_name["ood"][0].train) == pool
    kinds = [set(by_name[f"ood_{kind.replace('-', '_')}"][0].test) for kind in OOD_TYPES]
    assert set.union(*kinds) == set(small_spec().ood) and sum(map(len, kinds)) == len(small_spec().ood)


def test_without_images_out_of_distribution_there_is_no_ood_split(twin):
    assert set(NAMES) <= set(laion.split_names(options(twin)))
    assert set(laion.split_names(options(twin, "shared"))) == {
        "replication",
        "tau",
        "cluster_k5",
        "random_k5",
        "random_draws",
    }
    dataset = {"reader": "laion", "options": options(twin, "shared"), "split": "ood"}
    survey = Survey.from_config({"run": "r", "models": ["timm/test_vit:random"], "datasets": {"l": dataset}})
    with pytest.raises(MenagerieError, match=r"Unknown split of reader laion .*'ood'"):
        _ = survey.datasets


def test_a_split_needs_a_folder():
    with pytest.raises(MenagerieError, match="expected option splits_folder"):
        laion.read_split("tau", {"images": "shared"}, "sub-01", [])
    (fold,) = laion.read_split(
        "replication", {"images": "shared"}, "sub-01", [f"unique_LAION_new_cluster_{i}_i1_p01.jpg" for i in (3, 1, 2)]
    )
    assert fold["train"] == ["unique_LAION_new_cluster_1_i1_p01.jpg", "unique_LAION_new_cluster_3_i1_p01.jpg"]


COUNTS = {
    "tau": [(897, 224)],
    "ood": [(1121, 371)],
    "random_draws": [(897, 224)] * 5,
    "cluster_k5": [(847, 274), (873, 248), (875, 246), (896, 225), (993, 128)],
}
KINDS = (60, 10, 24, 21, 8, 72, 30, 82, 64)


def test_the_published_files(published):
    """Counts of the dataset's documentation."""
    for name, counts in COUNTS.items():
        folds = split_folders.read_folds(name, published, "shared")
        assert [(len(fold["train"]), len(fold["test"])) for fold in folds] == counts
        assert all(
            is_label(label) and owner(label) is None for fold in folds for part in fold.values() for label in part
        )
    for kind, count in zip(OOD_TYPES, KINDS, strict=True):
        (fold,) = split_folders.read_folds(f"ood_{kind.replace('-', '_')}", published, "shared")
        assert len(fold["train"]) == 1121 and len(fold["test"]) == count
    (whole,) = split_folders.read_folds("ood", published, "shared")
    repeats = [planned_repeats(label) for label in whole["train"]]
    assert (repeats.count(12), repeats.count(4)) == (881, 240)
    (fold,) = split_folders.replication([*whole["train"], *whole["test"]])
    assert (len(fold["train"]), len(fold["test"])) == (561, 560) and fold["train"] == sorted(whole["train"])[::2]


def test_both_versions_of_the_random_files(published, tmp_path):
    """Each name reads its own version and refuses the other; the newer one is what the twin makes."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "shared").symlink_to(published / "shared_random_v2")
    folds = split_folders.read_folds("random_k5", tmp_path / "new", "shared")
    (whole,) = split_folders.read_folds("ood", published, "shared")
    assert [sorted(fold["test"]) for fold in folds] == random_folds(whole["train"])
    with pytest.raises(MenagerieError, match="found method uniform_random, expected shuffled_5fold_cv"):
        split_folders.read_folds("random_k5", published, "shared")
    with pytest.raises(MenagerieError, match="found method shuffled_5fold_cv, expected uniform_random"):
        split_folders.read_folds("random_draws", tmp_path / "new", "shared")


def test_a_folder_of_split_files_that_is_not_there(twin, tmp_path):
    """A run can be planned before it is there; make check and the job that reads it say so."""
    chosen = options(twin, splits_folder=str(tmp_path / "nowhere"))
    assert laion.split_files(chosen, ["tau"]) == []
    with pytest.raises(MenagerieError, match=r"splits_folder: found no folder .*nowhere"):
        list(laion.examine(chosen, str(tmp_path), ["sub-01"]))
    with pytest.raises(MenagerieError, match=r"splits_folder: found no folder .*nowhere"):
        laion.read_split("tau", chosen, "sub-01", [])


def test_a_split_of_a_kind_without_images(twin, tmp_path):
    path = laion.split_files(options(twin), ["ood_gabor"])[0]
    content = json.loads(path.read_text())
    ids = [label for label in content["variants"][0]["test_ids"] if ood_type(label) != "gabor"]
    content["variants"][0]["test_ids"], content["n_test"] = ids, len(ids)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "ood.json").write_text(json.dumps(content))
    with pytest.raises(MenagerieError, match="found no image of kind gabor"):
        laion.read_split("ood_gabor", options(twin, splits_folder=str(tmp_path)), "sub-01", [])


def test_files_of_splits(twin):
    files = laion.split_files(options(twin), ["tau", "cluster_k5", "even_odd", "replication", "ood_gabor", "ood"])
    assert [path.name for path in files] == ["tau.json", *(f"cluster_k5_{i}.json" for i in range(5)), "ood.json"]
    assert all(path.is_relative_to(twin / "laion_fmri/splits/data/shared") for path in files)
    assert laion.split_files(options("resources/laion_twin"), ["tau"]) == []  # they come with its rule
    assert laion.split_files(options(twin), ["replication"]) == []


def test_shares_of_images_that_train(twin):
    shares = {name: laion.train_shares(options(twin), name) for name in laion.split_names(options(twin))}
    assert shares["replication"] == (0.5,) and shares["tau"] == (0.8,) and shares["cluster_k5"] == (0.8,) * 5
    np.testing.assert_allclose(shares["ood"], 1121 / 1492)
