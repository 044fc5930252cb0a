"""Which recipes change with a source or a setting: those whose results can differ, and no others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from menagerie.errors import MenagerieError
from menagerie.files.inventory import InventoryHeader, LayerInfo, write_inventory
from menagerie.survey.contents import Survey
from menagerie.survey.recipes import Recipes

LAYERS = [LayerInfo(i, f"blocks.{i}", "Block", (4,), 4, i / 3) for i in range(4)]
NETWORK = "import parts\nfrom pack.deep import deeper\n\n\ndef small():\n    return parts.net()\n"
TABLES = {"collect_tables", "plot_leaderboard", "plot_depth", "report"}
SCORES = {"score", "collect_model", "select_layers"} | TABLES
GEOMETRY = {"extract_geometry"} | SCORES


@pytest.fixture
def project(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data, a network file with neighbours, a checkpoint, and a mirror, in the working folder."""
    monkeypatch.chdir(tmp_path)
    files = {
        **{f"data/images/{name}.png": name for name in "abdefghi"},
        "data/one/responses.npy": "1",
        "data/two/responses_1.csv": "2",
        "data/two/responses_2.csv": "3",
        "data/two/units.csv": "u",
        "nets/mine.py": NETWORK,
        "nets/parts.py": "import torch\n",
        "nets/pack/__init__.py": "",
        "nets/pack/deep.py": "from . import deeper\n",
        "nets/pack/deeper.py": "",
        "nets/other.py": "",
        "net.safetensors": "weights",
        "mirror/host.example/x/net.pth": "copy",
        "config/models.tsv": "id\tprovider\tbuilder\tweights\ttraining\n"
        "filed\ttimm\ttest_resnet\tfile:net.safetensors\ttrained\n"
        "hosted\ttimm\ttest_resnet\turl:https://host.example/x/net.pth\ttrained\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(root / "config" / "experiments.yaml", tmp_path / "config")
    return tmp_path


def config(**changes: object) -> dict:
    return {
        "run": "r",
        "models": ["timm/test_vit:random", "python/nets/mine.py:small:random", "filed", "hosted"],
        "datasets": {"d": {"reader": "own", "options": {"folder": "data"}}},
        "downloads": {"mirror": "mirror"},
    } | changes


def recipes_of(raw: dict, root: Path) -> Recipes:
    survey = Survey.from_config(raw)
    recipes = Recipes(survey, root / "workflow" / "scripts")
    for model in survey.models:
        header = InventoryHeader(recipes.fingerprint("list_layers", model=model))
        write_inventory(survey.inventory_file(model), LAYERS, header)
    recipes.of("report", {})
    return recipes


def fingerprints(raw: dict, root: Path) -> dict[str, str]:
    return {" ".join([r.rule, *r.wildcards.values()]): r.fingerprint for r in recipes_of(raw, root).known()}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def rules(names: set[str]) -> set[str]:
    return {name.split()[0] for name in names}


def write(name: str, text: str) -> Callable[[], object]:
    """Another content of the same length under an older time."""

    def edit() -> None:
        path = Path(name)
        before = path.stat().st_mtime_ns if path.exists() else 0
        path.write_text(text)
        os.utime(path, ns=(before - 10**9, before - 10**9))

    return edit


def test_an_experiment_without_a_figure_has_no_recipe_of_one(project, root):
    """Else an archive of a finished run would look for it."""
    known = fingerprints(config(experiments=["metric_effect", "metric_effect_trained"]), root)
    assert "plot_experiment metric_effect" in known and "experiment metric_effect_trained" in known
    assert "plot_experiment metric_effect_trained" not in known


# Edit of a source -> rules whose recipes change, and a word that all of them (but those of tables) have in their name.
SOURCES = {
    "an image": (write("data/images/a.png", "x"), {"build_stimuli", "define_splits", "build_target"} | GEOMETRY, ""),
    "an image comes": (
        write("data/images/c.png", "x"),
        {"build_stimuli", "define_splits", "build_target"} | GEOMETRY,
        "",
    ),
    "an image gets another name": (
        lambda: Path("data/images/b.png").rename("data/images/c.png"),
        {"build_stimuli", "define_splits", "build_target"} | GEOMETRY,
        "",
    ),
    "responses": (write("data/one/responses.npy", "9"), {"build_target"} | SCORES, "one"),
    "a repeat": (write("data/two/responses_2.csv", "9"), {"build_target"} | SCORES, "two"),
    "a repeat comes": (write("data/two/responses_3.csv", "9"), {"build_target"} | SCORES, "two"),
    "a repeat goes": (lambda: Path("data/two/responses_2.csv").unlink(), {"build_target"} | SCORES, "two"),
    "a unit table": (write("data/two/units.csv", "9"), {"build_target"} | SCORES, "two"),
    "a unit table comes": (write("data/one/units.csv", "9"), {"build_target"} | SCORES, "one"),
    "a unit table goes": (lambda: Path("data/two/units.csv").unlink(), {"build_target"} | SCORES, "two"),
    "network file": (write("nets/mine.py", NETWORK + "\n"), {"list_layers"} | GEOMETRY, "mine"),
    "module that it imports": (write("nets/parts.py", "import timm \n"), {"list_layers"} | GEOMETRY, "mine"),
    "module of a package": (write("nets/pack/deep.py", "from . import deepen\n"), {"list_layers"} | GEOMETRY, "mine"),
    "module that this imports": (write("nets/pack/deeper.py", "#"), {"list_layers"} | GEOMETRY, "mine"),
    "a package above it": (write("nets/pack/__init__.py", "#"), {"list_layers"} | GEOMETRY, "mine"),
    "file that it does not import": (write("nets/other.py", "#"), set(), ""),
    "checkpoint": (write("net.safetensors", "others!"), GEOMETRY, "filed"),
    "copy in the mirror": (write("mirror/host.example/x/net.pth", "c0py"), GEOMETRY, "hosted"),
    "touched": (lambda: [os.utime(path) for path in Path().rglob("*.*")], set(), ""),
}


@pytest.mark.parametrize("row", SOURCES)
def test_source(project: Path, root: Path, row: str) -> None:
    edit, expected, who = SOURCES[row]
    before = fingerprints(config(), root)
    edit()
    found = changed(before, fingerprints(config(), root))
    assert rules(found) == expected
    summaries = TABLES | {"collect_model", "select_layers"}  # of every subject
    assert all(who in name for name in found if name.split()[0] not in summaries)


def test_a_subject_comes(project: Path, root: Path) -> None:
    before = fingerprints(config(), root)
    shutil.copytree("data/one", "data/three")
    found = changed(before, fingerprints(config(), root))
    assert rules(found) == {"build_target"} | SCORES
    assert {name for name in found if name.startswith(("build_target", "score"))} == {
        name for name in found if "three" in name
    }


DATASET = {"reader": "own", "options": {"folder": "data"}}
FOLDS = {"folds": 2, "seed": 1}
SPLITS = {"define_splits", "build_target"} | SCORES
SETTINGS = {
    "penalties": ({"penalties": [1.0]}, SCORES),
    "penalties as whole numbers": ({"penalties": [10**power for power in range(7, 0, -1)]}, set()),
    "metrics": ({"metrics": ["crsa"]}, SCORES),
    "metrics in another order": ({"metrics": ["encoding_r", "versa", "crsa"]}, set()),
    "fewer layers": ({"layers": ["blocks.0"]}, GEOMETRY),
    "the same layers in other words": ({"layers": ["blocks.?"]}, {"report"}),
    "seed of the projection": ({"projection": {"seed": 1}}, GEOMETRY),
    "bootstrap": ({"bootstrap": {"seed": 1}}, {"select_layers"} | TABLES),
    "transform": ({"images": {"transform": "paper"}}, {"list_layers"} | GEOMETRY),
    "batch size": ({"images": {"batch_size": 3}}, {"report"}),
    "memory": ({"memory_budget_mb": 1000}, {"report"}),
    "layers per job": ({"layers_per_job": 1}, {"report"}),
    "regions": ({"datasets": {"d": DATASET | {"regions": ["V1"]}}}, SCORES),
    "a split comes": ({"datasets": {"d": DATASET | {"split": ["even_odd", FOLDS]}}}, SPLITS),
    "another split": ({"datasets": {"d": DATASET | {"split": FOLDS}}}, SPLITS),
    "the same split in other words": ({"datasets": {"d": DATASET | {"split": {"even_odd": None}}}}, {"report"}),
    "select_on": (
        {"datasets": {"d": DATASET | {"select_on": ["train", "other_subjects"]}}},
        {"select_layers"} | TABLES,
    ),
    "training predictions": ({"training_predictions": "whole"}, SCORES),
    "penalties by layer": ({"penalties": "auto"}, SCORES),
    "standardisation": ({"projection": {"standardise": "all"}}, GEOMETRY),
    "the folder by another path": (
        {"datasets": {"d": {"reader": "own", "options": {"folder": "./data/"}}}},
        {"report"},
    ),
    "experiments": (
        {"experiments": ["metric_effect"]},
        {"experiment", "plot_experiment", "plot_people", "plot_overview", "report"},
    ),
}


@pytest.mark.parametrize("row", SETTINGS)
def test_setting(project: Path, root: Path, row: str) -> None:
    change, expected = SETTINGS[row]
    assert rules(changed(fingerprints(config(), root), fingerprints(config(**change), root))) == expected


def _other_film() -> None:
    path = Path("data/images.csv")
    path.write_text(path.read_text().replace("a.png,1", "a.png,2"))


# A definition of a split that names files -> an edit of one of them.
SPLIT_FILES = {
    "list": ({"train": "train.txt", "test": ["g", "h", "i", "f"]}, write("train.txt", "e\nd\nb\na")),
    "table": ({"file": "folds.csv"}, write("folds.csv", "image,part\na,test\n")),
    "groups": ({"folds": 2, "group": "film"}, _other_film),
}


@pytest.mark.parametrize("row", SPLIT_FILES)
def test_files_of_splits_are_sources(project: Path, root: Path, row: str) -> None:
    definition, edit = SPLIT_FILES[row]
    Path("train.txt").write_text("a\nb\nd\ne")
    Path("folds.csv").write_text("image,part\na,train\n")
    names = "".join(f"{path.name},1\n" for path in sorted(Path("data/images").iterdir()))
    Path("data/images.csv").write_text(f"file,film\n{names}")
    raw = config(datasets={"d": DATASET | {"split": definition}})
    before = fingerprints(raw, root)
    edit()
    found = rules(changed(before, fingerprints(raw, root)))
    assert found >= SPLITS and (row == "groups" or found == SPLITS)


def test_every_rule_with_a_script_has_a_recipe(project: Path, root: Path) -> None:
    """But downloads, which are checked when they arrive."""
    scripts = {path.stem for path in (root / "workflow" / "scripts").glob("*.py") if not path.stem.startswith("fetch_")}
    text = "".join(path.read_text() for path in (root / "workflow" / "rules").glob("*.smk"))
    assert {name for name in scripts if f'recipe=recipe("{name}")' not in text} == set()


def test_weights_of_one_name_and_two_contents_have_two_files(project: Path, root: Path) -> None:
    first = Survey.from_config(config()).weights_file("filed")
    Path("net.safetensors").write_text("others!")
    assert Survey.from_config(config()).weights_file("filed") != first


def test_weights_moved_elsewhere_keep_their_file(project: Path, root: Path) -> None:
    first = Survey.from_config(config()).weights_file("filed")
    Path("net.safetensors").rename("moved.safetensors")
    table = Path("config/models.tsv")
    table.write_text(table.read_text().replace("file:net.s", f"file:{project}/moved.s"))
    assert Survey.from_config(config()).weights_file("filed") == first


def test_groups_of_images_change_inference_and_no_score(project: Path, root: Path) -> None:
    names = "".join(f"{name}.png,{number // 2}\n" for number, name in enumerate("abdefghi"))
    (project / "data/images.csv").write_text("file,kind\n" + names)
    datasets = config()["datasets"]["d"]
    before = fingerprints(config(), root)
    grouped = fingerprints(config(datasets={"d": datasets | {"groups": "kind"}}), root)
    changed = {name.split()[0] for name in grouped if before.get(name) != grouped[name]}
    assert changed == {"define_groups"} | (SCORES - {"score", "collect_model"})


def test_groups_need_a_reader_with_a_table_of_images() -> None:
    survey = Survey.from_config(config(datasets={"d": {"reader": "v4", "groups": "kind"}}))
    with pytest.raises(MenagerieError, match=r"datasets\.d\.groups: found kind, but the dataset's reader knows no"):
        survey.check()
