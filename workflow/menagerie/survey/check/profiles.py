"""The Snakemake profile: found where Snakemake looks for it, and what it says of executor, cores and resources."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import yaml

from menagerie.survey.check.line import FAILURE, OK, WARNING, Line

_FILE = re.compile(r"(?:profile|config)(?:\.v(\d+)\+)?\.yaml")
_BESIDE = Path(__file__).parents[4] / ".venv-slurm"  # where `make slurm` puts the executor


@dataclass(frozen=True)
class Asked:
    """A resource that a profile asks for; ``rule`` is empty for a default."""

    rule: str
    resource: str
    value: str

    @property
    def place(self) -> str:
        """Where in the profile it stands."""
        return f"set-resources, {self.rule}" if self.rule else "default-resources"


def profile(name: str | Path) -> tuple[Line, Mapping]:
    """The profile's line, and its content (empty where it cannot be read).

    Parameters
    ----------
    name
        A folder or a file, or a name that Snakemake looks up (:func:`places`).
    """
    path = find(name)
    if path is None:
        found = f"{name}: no config.yaml in {', '.join(map(str, places(name)))}"
        others = sorted({entry for folder in places("") for entry in _profiles_in(folder)})
        known = f"; there: {', '.join(others)}" if others else ""
        return Line(FAILURE, "profile", found + known, "Give its folder, or make profile; profiles/ has two."), {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        return Line(FAILURE, "profile", f"{path}: {said}", "Correct it; profiles/ has two."), {}
    if not isinstance(content, dict):
        return Line(FAILURE, "profile", f"{path} has no keys", "Start from profiles/default/config.yaml."), {}
    return Line(*_judge(path, content)), content


def places(name: str | Path) -> list[Path]:
    """Folders that Snakemake takes a profile of this name from, in its order: as given, the user's, the site's."""
    if str(name) and Path(name).exists():
        return [Path(name)]
    user = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    site = [Path(folder) for folder in (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)]
    return [Path(name).absolute(), *(folder / "snakemake" / name for folder in (user, site[0]))]


def find(name: str | Path) -> Path | None:
    """The profile's file; of several the one for the newest Snakemake (``config.v9+.yaml``) that this one may read."""
    major = int(metadata.version("snakemake").partition(".")[0])
    for place in places(name):
        if place.is_file():
            return place
        versions = {}
        for path in sorted(place.iterdir()) if place.is_dir() else []:
            fits = _FILE.fullmatch(path.name)
            if fits and int(fits[1] or 0) <= major:
                versions[path] = int(fits[1] or 0)
        if versions:
            return max(versions, key=versions.__getitem__)
    return None


def _profiles_in(folder: Path) -> Iterator[str]:
    """Names of the profiles in one of Snakemake's folders."""
    if folder.name == "snakemake" and folder.is_dir():
        yield from (path.name for path in folder.iterdir() if path.is_dir())


def asked(content: Mapping) -> list[Asked]:
    """Resources that a profile asks for, written as a mapping or as a list; expressions are left out."""
    found = []
    for resource, value in _pairs(content.get("default-resources"), "="):
        found.append(Asked("", resource, value))
    for rule, entries in _pairs(content.get("set-resources"), ":"):
        pairs = entries.items() if isinstance(entries, Mapping) else [str(entries).partition("=")[::2]]
        found += [Asked(rule, resource, value) for resource, value in pairs]
    return [Asked(one.rule, one.resource, text) for one in found if (text := _plain(one.value))]


def _pairs(entries: object, mark: str) -> list[tuple[str, object]]:
    if isinstance(entries, Mapping):
        return list(entries.items())
    listed = entries if isinstance(entries, list) else str(entries or "").split()
    return [tuple(str(entry).partition(mark)[::2]) for entry in listed]


def _plain(value: object) -> str:
    """A resource's value as text; empty for an expression, which only a job can evaluate."""
    text = str(value).strip()
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text if re.fullmatch(r"[\w.:,&|*+-]+", text) else ""


def _judge(path: Path, content: Mapping) -> Sequence[str]:
    executor = str(content.get("executor", "local"))
    if executor != "local" and not _installed(executor):
        hint = "make slurm, then .venv-slurm/bin/snakemake" if executor == "slurm" else "Install its plugin."
        return FAILURE, "profile", f"{path}: executor {executor} is not installed", hint
    if "cores" not in content and "jobs" not in content:
        found = f"{path} names neither cores nor jobs"
        return FAILURE, "profile", found, "Add 'cores: all', or 'jobs: 200' on a cluster."
    if "rules" in str(content.get("quiet", "")):
        return WARNING, "profile", f"{path}: 'quiet: rules' hides the logs of failed jobs", "Use --logger menagerie."
    cores, there = content.get("cores"), os.cpu_count() or 1
    if isinstance(cores, int) and cores > there and executor == "local":
        return WARNING, "profile", f"{path}: {cores} cores, but there are {there}", "Say 'cores: all'."
    return OK, "profile", f"{path}: {executor}, {content.get('jobs') or cores} jobs at once"


def _installed(executor: str) -> bool:
    """Whether this Python or that of `make slurm` has an executor's plugin. Importing it would ask the cluster."""
    package = f"snakemake_executor_plugin_{executor.replace('-', '_')}"
    return find_spec(package) is not None or any(_BESIDE.glob(f"lib/python*/site-packages/{package}"))
