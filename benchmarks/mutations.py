"""Kill rate of the unit tests: small changes to the code of linking, statistics and ceilings that a test must notice.

    python benchmarks/mutations.py [--rooms linking rois] [--sample 60] [--seed 0]

Packages of others are imported once; each mutant is a fork of that process, which imports the changed module and runs
the tests that come by the changed line. Tests that need ../shared take no part, so the figures are those of a clone;
but for the room "published", which reads nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.machinery
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ROOT / "workflow"
sys.path[:0] = [str(CODE), str(ROOT / "benchmarks")]
from mutants import Mutant, mutants_of, mutated  # noqa: E402

UNIT = "tests/unit"
CEILINGS = (f"{UNIT}/brain/*ceiling*.py", f"{UNIT}/brain/test_signal_test.py")
ROOMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "linking": (("linking/*.py", "linking/measures/*.py"), (f"{UNIT}/linking/*.py",)),
    "statistics": (
        ("statistics/[!pr]*.py", "statistics/persons.py", "statistics/replication.py", "statistics/representations.py"),
        (f"{UNIT}/statistics/*.py",),
    ),
    "published": (
        ("statistics/published.py", "statistics/reproduce.py"),
        ("tests/parity/test_statistics_published.py", f"{UNIT}/statistics/test_published.py"),
    ),
    "ceilings": (("brain/ceilings.py", "brain/fold_ceilings.py"), CEILINGS),
    "gsn": (("brain/gsn/*.py",), CEILINGS),
    "rsms": (("brain/rsms/*.py",), (*CEILINGS, f"{UNIT}/brain/test_rsm*.py", f"{UNIT}/brain/test_krieg*.py")),
    "accumulate": (
        ("features/accumulate.py", "features/rounding_errors.py"),
        (f"{UNIT}/features/test_accumulate.py", f"{UNIT}/features/test_numerics.py"),
    ),
    "rois": (
        ("brain/nsd/rois.py", "brain/nsd/volumes.py", "brain/voxels/*.py"),
        (f"{UNIT}/nsd/test_rois.py", f"{UNIT}/nsd/test_expression.py", f"{UNIT}/nsd/test_volumes.py"),
    ),
}
"""Room -> its files below workflow/menagerie, and those of its tests (conftest.py is pytest's)."""
NEEDS_SHARED = {"published"}
"""Rooms whose tests read the published tables in ../shared; without them nothing is killed there."""
OTHERS = ("numpy", "scipy.stats", "scipy.linalg", "pandas", "pyarrow.parquet", "patsy", "statsmodels.api", "h5py")
OTHERS += ("statsmodels.stats.multitest", "sklearn.linear_model", "nibabel", "torch", "hypothesis", "yaml", "PIL.Image")
SLOWEST = 10.0  # seconds of tests a mutant may take
NO_TESTS = 5  # pytest's exit status


@dataclass
class Reach:
    """What a test file's tests come by: node -> lines by file, and its seconds."""

    lines: dict[str, dict[str, set[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    seconds: dict[str, float] = field(default_factory=dict)


class Recorder:
    """Plugin: the lines of some files that each test, or the fixtures that it uses, comes by."""

    def __init__(self, paths: Iterable[Path], with_shared: bool):
        self.with_shared = with_shared
        self.paths = {str(path) for path in paths}
        self.now: dict[str, set[int]] = defaultdict(set)
        self.fixtures: dict[tuple[str, str], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        self.reach = Reach()
        self.users: dict[str, list[tuple[str, str]]] = {}
        self.failed: set[str] = set()

    def trace(self, frame, event, argument):
        if frame.f_code.co_filename not in self.paths:
            return None
        self.now[frame.f_code.co_filename].add(frame.f_lineno)
        return self.trace

    def follow(self, into: dict[str, set[int]]):
        outer, self.now = self.now, into
        threading.settrace(self.trace)
        sys.settrace(self.trace)
        yield
        sys.settrace(None)
        threading.settrace(None)
        self.now = outer
        if outer is not None and getattr(self, "in_test", False):
            sys.settrace(self.trace)

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if self.with_shared or "shared" not in item.fixturenames]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        yield from self.follow(self.fixtures[fixturedef.baseid, fixturedef.argname])

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        definitions = item._fixtureinfo.name2fixturedefs
        self.users[item.nodeid] = [(d.baseid, d.argname) for ds in definitions.values() for d in ds]
        start, self.in_test = time.monotonic(), True
        yield from self.follow(self.reach.lines[item.nodeid])
        self.in_test = False
        sys.settrace(None)
        self.reach.seconds[item.nodeid] = time.monotonic() - start

    def pytest_runtest_logreport(self, report):
        if report.outcome != "passed":
            self.failed.add(report.nodeid)

    def finish(self) -> dict:
        for node, fixtures in self.users.items():
            for fixture in fixtures:
                for path, lines in self.fixtures[fixture].items():
                    self.reach.lines[node][path] |= lines
        return {
            node: [self.reach.seconds[node], {path: sorted(lines) for path, lines in self.reach.lines[node].items()}]
            for node in self.users
            if node not in self.failed
        }


class Chosen:
    """Plugin: these tests only, the quick ones first, with the mutant in place of its module."""

    def __init__(self, nodes: list[str], mutant: Mutant):
        self.order = {node: position for position, node in enumerate(nodes)}
        self.finder = Finder(mutant)
        sys.meta_path.insert(0, self.finder)

    def pytest_sessionstart(self):
        # Before pytest's own finder too, which takes every module called *_test for a test.
        sys.meta_path.insert(0, self.finder)

    def pytest_collection_modifyitems(self, items):
        items[:] = sorted((i for i in items if i.nodeid in self.order), key=lambda i: self.order[i.nodeid])


class Changed(importlib.machinery.SourceFileLoader):
    """Loader of a module with a mutant in it."""

    def __init__(self, name: str, mutant: Mutant):
        super().__init__(name, str(mutant.path))
        self.mutant = mutant

    def get_code(self, fullname):
        return compile(mutated(self.mutant.path, self.mutant.number), str(self.mutant.path), "exec")


class Finder:
    """Finds the mutant in place of its module."""

    def __init__(self, mutant: Mutant):
        inside = mutant.path.relative_to(CODE).with_suffix("")
        self.name = ".".join(inside.parts).removesuffix(".__init__")
        self.mutant = mutant

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        places = [str(self.mutant.path.parent)] if self.mutant.path.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            name, self.mutant.path, loader=Changed(name, self.mutant), submodule_search_locations=places
        )


def forked(work: Callable[[], int], seconds: float) -> int | None:
    """Exit status of a function in a fork of this process; None where it took too long."""
    child = os.fork()
    if child == 0:
        os.setsid()
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        try:
            os._exit(work())
        except BaseException:
            os._exit(99)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def run_pytest(paths: Iterable[str], plugins: list) -> int:
    folder = tempfile.mkdtemp()
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={folder}/t", *paths]
    return int(pytest.main(arguments, plugins=plugins))


def reached(room: str, paths: list[Path], kept: Path | None = None) -> dict:
    """Node -> its seconds and the lines that it comes by, of the tests that pass without a mutant."""
    files = sorted(path for test in ROOMS[room][1] for path in ROOT.glob(test))
    code = [*paths, *files]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()[:16]
    if kept is not None and (kept / f"{digest}.json").is_file():
        return json.loads((kept / f"{digest}.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "reach.json"

        def work() -> int:
            recorder = Recorder(paths, room in NEEDS_SHARED)
            pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *map(str, files)], plugins=[recorder])
            told.write_text(json.dumps(recorder.finish()))
            return 0

        if forked(work, 3600) != 0:
            raise SystemExit(f"The tests of {room} could not be run.")
        if kept is not None:
            kept.mkdir(parents=True, exist_ok=True)
            (kept / f"{digest}.json").write_text(told.read_text())
        return json.loads(told.read_text())


def tests_of(mutant: Mutant, reach: dict) -> list[str]:
    """Tests that come by a mutant's lines, the quick ones first, up to some seconds of them."""
    found = []
    for node, (seconds, files) in reach.items():
        lines = files.get(str(mutant.path), ())
        if lines and (mutant.lines is None or not mutant.lines.isdisjoint(lines)):
            found.append((seconds, node))
    chosen, total = [], 0.0
    for seconds, node in sorted(found):
        total += seconds
        if total > SLOWEST and chosen:
            break
        chosen.append(node)
    return chosen


def is_killed(mutant: Mutant, reach: dict) -> bool:
    nodes = tests_of(mutant, reach)
    if not nodes:
        return False
    files = list(dict.fromkeys(node.split("::")[0] for node in nodes))

    def work() -> int:
        return run_pytest(files, [Chosen(nodes, mutant)])

    status = forked(work, 20 + 4 * sum(reach[node][0] for node in nodes))
    return status not in (0, NO_TESTS)


def sample_of(room: str, sample: int | None, seed: int) -> tuple[list[Path], list[Mutant]]:
    paths = sorted(path for pattern in ROOMS[room][0] for path in (CODE / "menagerie").glob(pattern))
    found = [mutant for path in paths if path.name != "schemas.py" for mutant in mutants_of(path)]  # columns, in words
    if sample is not None and sample < len(found):
        found = random.Random(f"{room} {seed}").sample(found, sample)
    return paths, sorted(found, key=lambda m: (m.path, m.number))


def survey(room: str, sample: int | None, seed: int, kept: Path | None) -> tuple[str, list[str]]:
    """The room's row of the table, and its survivors."""
    paths, mutants = sample_of(room, sample, seed)
    start = time.monotonic()
    reach = reached(room, paths, kept)
    print(f"  {room}: {len(reach)} tests, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    survivors = []
    for count, mutant in enumerate(mutants, start=1):
        if not is_killed(mutant, reach):
            seen = "" if tests_of(mutant, reach) else " (no test comes by)"
            where = f"{mutant.path.relative_to(CODE / 'menagerie')}:{mutant.line}"
            survivors.append(f"{where}: `{mutant.before}` -> `{mutant.after}`{seen}")
            print(f"  {room} {count}/{len(mutants)}: {survivors[-1]}", file=sys.stderr, flush=True)
    killed = len(mutants) - len(survivors)
    return f"| {room} | {len(mutants)} | {killed} | {killed / max(len(mutants), 1):.0%} |", survivors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", nargs="+", choices=list(ROOMS), default=list(ROOMS))
    parser.add_argument("--sample", type=int, help="mutants of each room; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for what tests come by, for the next time")
    options = parser.parse_args()
    os.chdir(ROOT)
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in OTHERS:
        importlib.import_module(name)
    rows, lists = ["| room | mutants | killed | rate |", "| --- | --- | --- | --- |"], []
    for room in options.rooms:
        row, survivors = survey(room, options.sample, options.seed, options.keep)
        rows.append(row)
        lists += survivors
    print("\n".join([*rows, "", *(f"- {line}" for line in lists)]))


if __name__ == "__main__":
    main()
