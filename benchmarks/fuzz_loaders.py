"""The loaders that ``fuzz_inputs.py`` tries: each takes a file's path. Those that a checkout lacks are left out."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import numpy as np

IDS = [f"image{number:02d}" for number in range(8)]
VOXELS = np.argwhere(np.ones((2, 2, 2)))


def found(*places: str) -> Callable:
    """The first of several names ``module:object`` that this checkout has; ImportError where it has none."""
    for place in places:
        module, _, name = place.partition(":")
        with suppress(ImportError, AttributeError):
            return getattr(import_module(f"menagerie.{module}"), name)
    raise ImportError(places[0])


def _config() -> Callable:
    read, survey = (
        found("survey.config:read_config", "survey:read_config"),
        found("survey.contents:Survey", "survey:Survey"),
    )
    return lambda path: survey.from_config(read(path))


def _expression() -> Callable:
    evaluate, labels = found("brain.voxels.expression:evaluate"), found("brain.voxels.expression:Labels")
    values = {"ncsnr": np.linspace(0, 1, 9), "streams": labels(np.arange(9) % 3, {"ventral": 1, "lateral": 2})}
    return lambda path: evaluate(path.read_text(encoding="utf-8"), values, where="region x")


def _formula() -> Callable:
    import pandas as pd

    fit = found("statistics.effects:fit_effects")
    score = np.random.default_rng(0).normal(size=24)
    data = pd.DataFrame({"score": score, "task": list("abc") * 8, "model": list("wxyz") * 6})
    return lambda path: fit(data, path.read_text(encoding="utf-8"))


def _responses() -> Callable:
    with suppress(ImportError):
        read = found("brain.user_files.response_files:read_responses")
        return lambda path: read(path, IDS)
    return found("brain.response_files:read_responses")


def _units() -> Callable:
    read = found("brain.user_files.unit_tables:read_units", "brain.response_files:read_units")
    return lambda path: read(path, 3, ["u0", "u1", "u2"])


def _names() -> Callable:
    list_images = found("brain.user_files.image_folder:list_images")

    def listed(path: Path) -> object:
        with tempfile.TemporaryDirectory() as folder:
            for name in json.loads(path.read_bytes()):
                with suppress(OSError, ValueError):
                    place = Path(folder) / "images" / name.replace("/", "_")
                    place.parent.mkdir(exist_ok=True)
                    place.touch()
            return list_images(Path(folder))

    return listed


def _volume() -> Callable:
    volumes = found("brain.nsd.volumes:Volumes", "brain.nsd.rois:Volumes")
    layout = found("brain.nsd.layout:Layout")

    def read(path: Path) -> object:
        with tempfile.TemporaryDirectory() as folder:
            at = layout(Path(folder))
            place = at.volume("subj01", "ncsnr")
            place.parent.mkdir(parents=True)
            with gzip.open(place, "wb", compresslevel=1) as file:
                file.write(path.read_bytes())
            return volumes(at, "subj01")["ncsnr"]

    return read


def _betas() -> Callable:
    read = found("brain.nsd.betas:read_session")
    return lambda path: read(path, VOXELS, (2, 2, 2))


def _folds() -> Callable:
    read = found("brain.split_files:read_table_of_folds")
    return lambda path: read(path, {})


def _rsm() -> Callable:
    read = found("brain.rsms.rsm_files:read_matrices")
    return lambda path: read(path, IDS)


LOADERS: dict[str, Callable[[], Callable[[Path], object]]] = {
    "config": _config,
    "experiments": lambda: found("statistics.experiments:read_experiments"),
    "twin": lambda: found("twins.nsd.twin_command:read_spec", "brain.nsd.twin_command:read_spec"),
    "registry": lambda: found("models.registry:read_registry"),
    "expression": _expression,
    "formula": _formula,
    "responses": _responses,
    "units": _units,
    "ids": lambda: found("brain.split_files:read_ids"),
    "folds": _folds,
    "image": lambda: found("brain.images:read_image"),
    "names": _names,
    "volume": _volume,
    "betas": _betas,
    "hdf5": lambda: found("brain.formats.hdf5_files:read_hdf5"),
    "mat": lambda: found("brain.formats.mat_files:read_mat", "brain.readers.kriegeskorte92:read_sessions"),
    "rsm": _rsm,
}


def available() -> dict[str, Callable[[Path], object]]:
    """The loaders that can be imported here."""
    loaders = {}
    for name, make in LOADERS.items():
        with suppress(ImportError):
            loaders[name] = make()
    return loaders
