"""Every line about a config that can fail, and the command."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from menagerie.brain.nsd.layout import Layout
from menagerie.files.inventory import LayerInfo, write_inventory
from menagerie.survey.check import config_check as check
from menagerie.survey.check.__main__ import main
from menagerie.survey.check.line import FAILURE, OK, WARNING
from menagerie.survey.contents import Survey
from menagerie.survey.costs import geometry_bytes

HEADER = "id\tprovider\tbuilder\tweights\ttraining\n"


@pytest.fixture
def make(tmp_path, root):
    """A survey of an own dataset, with changes."""
    data = tmp_path / "data"
    (data / "images").mkdir(parents=True)
    (data / "s1").mkdir()
    for number in range(8):
        Image.new("L", (4, 4), number).save(data / "images" / f"{number}.png")
    np.save(data / "s1" / "responses.npy", np.random.default_rng(0).standard_normal((8, 2)))

    def build(rows="net\ttimm\tresnet18\trandom\trandom\n", **changes):
        (tmp_path / "models.tsv").write_text(HEADER + rows)
        config = {
            "run": "r",
            "results": str(tmp_path / "results"),
            "resources": str(tmp_path / "resources"),
            "registry": str(tmp_path / "models.tsv"),
            "experiments_file": str(root / "config" / "experiments.yaml"),
            "models": ["*"],
            "datasets": {"mine": {"reader": "own", "options": {"folder": str(data)}}},
        }
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config | changes))
        return Survey.from_config(config | changes)

    return build


def test_config(make, tmp_path):
    make()
    line, survey = check.config(tmp_path / "config.yaml")
    assert line.status == OK and "1 models, 1 datasets, 1 subjects" in line.found and survey is not None
    make(experiments=["traning"])
    line, survey = check.config(tmp_path / "config.yaml")
    assert line.status == FAILURE and "'traning'" in line.found and survey is None
    assert "nowhere.yaml" in check.config("nowhere.yaml")[0].found


def test_weights(make, tmp_path):
    assert check.weights(make()).status == OK
    line = check.weights(make(f"net\ttimm\tresnet18\tfile:{tmp_path}/net.pth\ttrained\n"))
    assert line.status == FAILURE and f"net: no file {tmp_path}/net.pth" in line.found
    (tmp_path / "nets.pth").touch()
    line = check.weights(make(f"net\ttimm\tresnet18\tfile:{tmp_path}/net.pth\ttrained\n"))
    assert line.found.endswith("Did you mean 'nets.pth'?")
    line = check.weights(make("net\ttimm\tresnet18\tpackage:no-such-package==1#x.pth\ttrained\n"))
    assert line.status == FAILURE and "package no-such-package is not installed" in line.found
    survey = make("net\ttimm\tresnet18\thub:owner/net\ttrained\n")
    line = check.weights(survey)
    assert line.status == WARNING and "1 will be downloaded (net)" in line.found
    (tmp_path / "resources" / "weights").mkdir(parents=True)
    Path(survey.weights_file("net")).touch()
    assert check.weights(survey).status == OK


def test_datasets(make):
    assert {line.status for line in check.datasets(make())} == {OK}
    (line,) = check.datasets(make(datasets={"people": {"reader": "kriegeskorte92"}}))
    assert line.status == WARNING and "2 of 2 files will be downloaded" in line.found


def test_regions_that_nobody_has(make, tmp_path):
    def lines(**more):
        found = check.datasets(
            make(datasets={"mine": {"reader": "own", "options": {"folder": str(tmp_path / "data")}} | more})
        )
        return [line for line in found if line.status == FAILURE]

    units = tmp_path / "data" / "s1" / "units.csv"
    make()
    units.write_text("regions\nV1\nV1\n")
    assert lines() == lines(regions=["V1"]) == []
    (line,) = lines(regions=["V1", "v1"])
    assert "'v1'" in line.found and "Did you mean 'V1'" in line.advice
    people = {"reader": "kriegeskorte92", "regions": ["It"]}
    assert "Did you mean 'IT'" in str([*check.datasets(make(datasets={"people": people}))][-1])


def nsd(make, **options):
    (line,) = check.datasets(make(datasets={"nsd": {"reader": "nsd", "subjects": ["subj01"], "options": options}}))
    return line


def test_nsd_that_is_not_here(make):
    assert nsd(make).status == FAILURE and "accept_terms: true" in nsd(make).advice
    assert nsd(make, accept_terms=True).status == WARNING


def test_nsd(make, broken_twin):
    at = Layout(broken_twin)
    root = str(broken_twin)
    assert nsd(make, nsd_root=root).status == OK
    assert nsd(make, nsd_root=root, regions=["OTC", {"V1": "ncsnr >"}]).status == FAILURE
    at.betas("subj01", 2).unlink()
    line = nsd(make, nsd_root=root)
    assert line.status == WARNING and "1 sessions" in line.found and "betas_session02" in line.found
    at.volume("subj01", "streams").unlink()
    line = nsd(make, nsd_root=root)
    assert line.status == FAILURE and "1 files are missing" in line.found and "streams.nii.gz" in line.found
    at.design.unlink()
    assert nsd(make, nsd_root=root).status == FAILURE


@pytest.fixture
def broken_twin(tmp_path):
    """A small simulated tree of NSD."""
    from menagerie.twins.nsd.twin import TwinSpec, write_twin
    from menagerie.twins.nsd.twin_geometry import synthetic_voxels

    voxels = {"subj01": synthetic_voxels((9, 8, 7), 30, 20, seed=1)}
    write_twin(tmp_path / "twin", TwinSpec(voxels=voxels, sessions=2, n_shared=40))
    return tmp_path / "twin"


def test_needs_follow_the_inventory(make):
    survey = make()
    typical, _ = check.needs(survey)
    assert typical == geometry_bytes(8, 188)
    people, _ = check.needs(make(datasets={"people": {"reader": "kriegeskorte92"}}))
    assert people == geometry_bytes(92, 188)
    layers = [LayerInfo(index, f"l{index}", "Conv2d", (10,), 10, index / 1.0) for index in range(2)]
    Path(survey.folder, "layers").mkdir(parents=True)
    write_inventory(f"{survey.folder}/layers/net.tsv", layers)
    disk, memory = check.needs(survey)
    assert disk == geometry_bytes(8, 2) and memory > 2e9
    Path(survey.folder, "geometry/mine").mkdir(parents=True)
    Path(survey.folder, "geometry/mine/net.h5").touch()
    assert check.needs(survey) == (0, 0), "what is there needs nothing more"


def test_the_command(make, tmp_path, root, capsys):
    make()
    arguments = [str(tmp_path / "config.yaml"), "--profile", str(root / "profiles" / "default")]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "0 failures" in shown
    for what in ("Python", "profile", "cluster", "lock", "config", "disk", "memory", "GPU", "weights", "mine"):
        assert f"  {what} " in shown
    make(models=["nte"])
    assert main(arguments) == 1
    assert "Did you mean 'net'" in capsys.readouterr().out


def test_it_takes_seconds_and_no_torch(root):
    # Networks are built in a child, which needs torch, and timed in test_networks.
    program = "import sys, menagerie.survey.check.__main__ as m; m.main([]); assert 'torch' not in sys.modules"
    started = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(root / "workflow")}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root, env=environment, capture_output=True)
    assert time.monotonic() - started < 60, "a few seconds, even on a machine that is busy"
