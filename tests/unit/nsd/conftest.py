"""Small twins of NSD, written once a session; tests that damage one work on a copy."""

import shutil
from pathlib import Path

import pytest

from menagerie.brain.readers import nsd
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.twins.nsd.twin import TwinSpec, write_twin
from menagerie.twins.nsd.twin_geometry import synthetic_voxels

SHAPE = (9, 8, 7)
N_OTC, N_EVC = 30, 20


def small_spec(**changes) -> TwinSpec:
    voxels = {
        "subj01": synthetic_voxels(SHAPE, N_OTC, N_EVC, seed=1),
        "subj02": synthetic_voxels((8, 9, 7), N_OTC, N_EVC, seed=2),
    }
    return TwinSpec(**{"voxels": voxels, "sessions": 2, "n_shared": 40, **changes})


@pytest.fixture(scope="session", name="small_spec")
def small_spec_fixture():
    """Spec of the small twin, with changes: 30 voxels in OTC, 20 in EVC, 40 shared images, 2 sessions."""
    return small_spec


@pytest.fixture(scope="session")
def twin(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("twin")
    write_twin(root, small_spec())
    return root


@pytest.fixture(scope="session")
def stimuli_path(twin, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stimuli") / "nsd_shared.h5"
    write_stimuli(path, *nsd.read_stimuli({"nsd_root": str(twin)}))
    return path


@pytest.fixture
def stimuli(stimuli_path) -> Stimuli:
    return Stimuli(stimuli_path)


@pytest.fixture
def broken(twin, tmp_path) -> Path:
    """A copy of the twin that a test may damage."""
    return Path(shutil.copytree(twin, tmp_path / "broken"))
