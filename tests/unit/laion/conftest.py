"""A small twin of LAION-fMRI, written once a session; tests that damage one work on a copy."""

import shutil
from pathlib import Path

import pytest

from menagerie.brain.readers import laion
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.twins.laion.twin import TwinSpec, write_twin
from menagerie.twins.laion.twin_geometry import synthetic_voxels

SHAPES = {"sub-01": (9, 8, 7), "sub-03": (8, 9, 7)}
N_OTC, N_EVC = 30, 20


def small_spec(**changes) -> TwinSpec:
    voxels = {s: synthetic_voxels(s, shape, N_OTC, N_EVC, seed=int(s[-2:])) for s, shape in SHAPES.items()}
    return TwinSpec(**{"voxels": voxels, "image_size": 40, **changes})


@pytest.fixture(scope="session", name="small_spec")
def small_spec_fixture():
    """Spec of the small twin, with changes: 30 voxels in OTC, 20 in EVC, 40 + 36 shared images, 2 sessions."""
    return small_spec


@pytest.fixture(scope="session")
def twin(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("laion_twin_of_tests")
    write_twin(root, small_spec())
    return root


@pytest.fixture(scope="session")
def stimuli_path(twin, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stimuli") / "laion_shared.h5"
    write_stimuli(path, *laion.read_stimuli({"laion_root": str(twin), "images": "shared+ood"}))
    return path


@pytest.fixture
def stimuli(stimuli_path) -> Stimuli:
    return Stimuli(stimuli_path)


@pytest.fixture
def broken(twin, tmp_path) -> Path:
    """A copy of the twin that a test may damage."""
    return Path(shutil.copytree(twin, tmp_path / "broken"))
