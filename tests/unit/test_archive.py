"""Archives of a run: the same bytes twice, a manifest that notices every change, and nothing that must stay out."""

import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from menagerie.archive import LEFT_OUT, MANIFEST, SCRIPTS, main, pack, verify
from menagerie.errors import MenagerieError
from menagerie.files.inventory import InventoryHeader, LayerInfo, write_inventory
from menagerie.files.tables import build_table, write_table
from menagerie.linking.schemas import SCHEMAS
from menagerie.provenance.lineage import record
from menagerie.provenance.recipe import write_recipe
from menagerie.survey.contents import Survey
from menagerie.survey.recipes import Recipes

LAYER = LayerInfo(0, "blocks.0", "Block", (4,), 4, 0.0)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """A config with data of its own; paths in it are relative to the working folder, as is the run."""
    registry = Path("config/models.tsv").absolute()
    monkeypatch.chdir(tmp_path)
    for name in [*(f"images/{letter}.png" for letter in "abcdefgh"), "one/responses.npy"]:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    datasets = {"d": {"reader": "own", "options": {"folder": "data"}}}
    experiments = str(registry.with_name("experiments.yaml"))
    return {
        "run": "small",
        "models": ["timm/test_vit:random"],
        "datasets": datasets,
        "registry": str(registry),
        "experiments_file": experiments,
    }


@pytest.fixture
def run(tmp_path: Path, config: dict) -> Path:
    """A finished run in miniature."""
    folder = tmp_path / "results" / "small"
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(config))
    survey = Survey.from_config(config)
    recipes = Recipes(survey, SCRIPTS, trusting=True)
    (model,) = survey.models
    write_inventory(
        survey.inventory_file(model), [LAYER], InventoryHeader(recipes.fingerprint("list_layers", model=model))
    )
    recipes.report()
    for recipe in recipes.known():
        write_recipe(Path(recipes.path(recipe.rule, recipe.wildcards)), recipe)
    job = SimpleNamespace(rule="collect_tables", wildcards={})
    empty = build_table(SCHEMAS["layer_scores"], {name: [] for name in SCHEMAS["layer_scores"].names})
    write_table(folder / "tables" / "layer_scores.parquet", empty, record(job, recipes.of("collect_tables", {})))
    files = {
        "report.html": "<p>",
        "tables/leaderboard.csv": "rank\n",
        "tables/.half.part": "left by a stopped job",
        "figures/narrow/a.svg": "<svg/>",
        "logs/scores/m/0001.log": "first\nno layer left\n",
        "benchmarks/scores/m/0001.tsv": "s\tcpu_time\tmax_rss\n1.5\t1.25\t300\n",
        **{f"{part}/d/x.h5": "large" for part in LEFT_OUT},
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as file:
        return {member.name: file.extractfile(member).read() for member in file.getmembers()}


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    first = pack(run, tmp_path / "small.yaml", tmp_path / "a.tar.gz").read_bytes()
    for path in run.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o755)
    elsewhere = Path(shutil.copytree(run, tmp_path / "elsewhere" / "small"))
    assert pack(elsewhere, tmp_path / "small.yaml", tmp_path / "b.tar.gz").read_bytes() == first


def test_what_is_in_and_what_is_not(run, tmp_path):
    found = contents(pack(run, tmp_path / "small.yaml"))
    assert {"small/report.html", "small/tables/layer_scores.parquet", "small/figures/narrow/a.svg"} <= set(found)
    assert {"small/source/requirements.lock", "small/config.json", "small/README.txt"} <= set(found)
    folders = {name.split("/")[1] for name in found}
    assert not folders & {*LEFT_OUT, "logs", "benchmarks"} and "small/tables/.half.part" not in found
    assert all(part in found["small/README.txt"].decode() for part in LEFT_OUT)
    assert json.loads(found["small/config.json"])["penalties"][0] == 10
    provenance = json.loads(found["small/provenance.json"])
    assert set(provenance["tables"]["tables/layer_scores.parquet"]["code"]) == {"collect_tables"}
    assert found["small/jobs.csv"].decode().splitlines()[1] == "scores/m/0001,1.5,1.25,300,no layer left"


def test_no_folder_of_this_machine_is_told(run, config, tmp_path):
    """Tables and report are written without; what the archive adds is cut: config, logs, model table."""
    data, registry = tmp_path / "data", tmp_path / "my models.tsv"
    header, *rows = Path(config["registry"]).read_text().splitlines()
    row = dict.fromkeys(header.split("\t"), "") | {"id": "mine", "provider": "timm", "builder": "test_vit"}
    row |= {"weights": f"file:{tmp_path}/mine.pth", "training": "trained"}
    registry.write_text("\n".join([header, *rows, "\t".join(row.values())]) + "\n")
    here = config | {"datasets": {"d": {"reader": "own", "options": {"folder": str(data)}}}, "registry": str(registry)}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(here))
    (run / "logs" / "scores" / "m" / "0001.log").write_text(f"Note: {data}/one/responses.npy: by order\n")
    found = contents(pack(run, tmp_path / "small.yaml"))
    assert not [name for name, content in found.items() if str(tmp_path).encode() in content]
    packed = json.loads(found["small/config.json"])
    assert packed["datasets"]["d"]["options"]["folder"] == "…/data" and packed["registry"] == "…/my models.tsv"
    assert "file:…/mine.pth" in found["small/source/models.tsv"].decode()
    assert "Note: …/responses.npy: by order" in found["small/jobs.csv"].decode()


def test_parts_can_be_asked_for(run, tmp_path):
    assert "small/geometry/d/x.h5" in contents(pack(run, tmp_path / "small.yaml", also=["geometry"]))
    shutil.rmtree(run / "targets")
    with pytest.raises(MenagerieError, match="has no targets"):
        pack(run, tmp_path / "small.yaml", also=["targets"])


def test_the_manifest_is_one_that_sha256sum_reads(run, tmp_path):
    with tarfile.open(pack(run, tmp_path / "small.yaml")) as file:
        file.extractall(tmp_path / "out")  # its own archive; `filter` came with Python 3.11.4
    done = subprocess.run(["sha256sum", "-c", "--quiet", MANIFEST], cwd=tmp_path / "out" / "small", check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found | {"small/tables/leaderboard.csv": b"rank\n1\n"}, "leaderboard.csv is another file"),
        (lambda found: found | {"small/more.txt": b""}, "more.txt is not in the manifest"),
        (lambda found: {name: b for name, b in found.items() if name != "small/jobs.csv"}, "jobs.csv is missing"),
        (lambda found: {}, "no archive of a run"),
    ],
)
def test_changes_are_noticed(run, tmp_path, change, message):
    archive = pack(run, tmp_path / "small.yaml")
    assert verify(archive) == len(contents(archive)) - 1
    changed = tmp_path / "changed.tar.gz"
    with gzip.open(changed, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as file:
        for name, content in change(contents(archive)).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    with pytest.raises(MenagerieError, match=message):
        verify(changed)


def changed(config: dict, folder: Path) -> dict[str, tuple[dict, str]]:
    """Configs that did not make the tables, and how they are told."""
    (folder / "more").mkdir()
    shutil.copytree(folder / "data", folder / "more" / "data")
    (folder / "more" / "data" / "one" / "responses.npy").write_text("others")
    return {
        "penalties": (
            config | {"penalties": [1.0]},
            r"score .*: measures.encoding_r.settings.penalties was \[10\.0.*, the config says \[1\.0\]",
        ),
        "metrics": (config | {"metrics": ["crsa"]}, r"metrics was \['crsa', 'versa', 'encoding_r'\]"),
        "seed": (config | {"bootstrap": {"seed": 7}}, r"select_layers .*: bootstrap\.seed was 0, the config says 7"),
        "layers": (config | {"projection": {"seed": 3}}, r"extract_geometry .*projection\.seed was 0"),
        "models": (
            config | {"models": ["timm/test_vit:random", "timm/test_vit2:random"]},
            r"timm__test_vit2_random.*in the config only",
        ),
        "transform": (
            config | {"images": {"transform": "paper"}},
            r"images\.transform was model, the config says paper",
        ),
        "data": (
            config | {"datasets": {"d": {"reader": "own", "options": {"folder": "more/data"}}}},
            r"build_target d one: responses_1 was \w+, the config says \w+",
        ),
        "regions": (
            config | {"datasets": {"d": config["datasets"]["d"] | {"regions": ["V1"]}}},
            r"regions was all, the config says \['V1'\]",
        ),
        "experiments": (config | {"experiments": ["training"]}, r"experiment training: the run has no"),
    }


@pytest.mark.parametrize(
    "key", ["penalties", "metrics", "seed", "layers", "models", "transform", "data", "regions", "experiments"]
)
def test_another_config_is_refused_key_by_key(run, config, tmp_path, key):
    other, message = changed(config, tmp_path)[key]
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(other))
    if key == "models":
        write_inventory(run / "layers" / "timm__test_vit2_random.tsv", [LAYER], InventoryHeader("0"))
    with pytest.raises(MenagerieError, match=rf"was not made with this config(.|\n)*{message}"):
        pack(run, tmp_path / "other.yaml")


def test_a_config_of_another_run_is_refused(run, tmp_path):
    with pytest.raises(MenagerieError, match=r"configs with run 'small': none.*--config"):
        pack(run)


def test_a_table_from_elsewhere_is_refused(run, tmp_path):
    table = run / "tables" / "layer_scores.parquet"
    shutil.copy(table, run / "tables" / "unit_scores.parquet")
    pack(run, tmp_path / "small.yaml")
    write_table(table, build_table(SCHEMAS["layer_scores"], {name: [] for name in SCHEMAS["layer_scores"].names}), {})
    with pytest.raises(MenagerieError, match=r"layer_scores\.parquet was not made from .*collect_tables/run\.json"):
        pack(run, tmp_path / "small.yaml")


def test_an_unfinished_run_is_refused(run, tmp_path, capsys):
    (run / "report.html").unlink()
    assert main([str(run), "--config", str(tmp_path / "small.yaml")]) == 2
    assert "has no report.html: it is no finished run" in capsys.readouterr().err


def test_the_command_packs_and_verifies(run, tmp_path, capsys):
    main([str(run), "--config", str(tmp_path / "small.yaml")])
    main([str(run.with_name("small.tar.gz")), "--verify"])
    assert "all as packed" in capsys.readouterr().out
