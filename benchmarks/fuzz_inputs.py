"""Damaged and hostile input of every kind, by the thousand: the outcome is a value or a message.

Configs, experiments, twin specs, model tables, expressions, formulas, arrays, tables, splits, images, file names,
NIfTI, HDF5, MATLAB files and RSMs are changed at random (files of weights: ``fuzz_checkpoints.py``). A child process
with limits reads them. What must not happen: another exception than MenagerieError, a crash, more than two seconds of
processor time or 500 MB.

    python benchmarks/fuzz_inputs.py --inputs 10000 --seed 0
    python benchmarks/fuzz_inputs.py --workflow ../an_older_checkout
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fuzz_kinds import inputs, kinds
from fuzz_loaders import available

MEMORY, SECONDS, LONGEST, BATCH = 500 << 20, 2.0, 20, 1000
COLUMNS = ("value", "clear error", "traceback", "hang", "memory", "crash")


def used() -> float:
    """Processor seconds of this process and of those that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def outcome_of(loader, path: Path) -> str:
    """What comes of a file."""
    from menagerie.errors import MenagerieError

    try:
        loader(path)
        return "value"
    except MenagerieError as error:
        text = str(error)
        return (
            "clear error" if len(text) <= 2000 and text.strip() else f"traceback: a message of {len(text)} characters"
        )
    except MemoryError:
        return f"memory: {traceback.format_exc().splitlines()[-3].strip():.150}"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = str(error).encode("ascii", "backslashreplace").decode()
        return f"traceback: {type(error).__name__}: {said:.100} ({Path(last.filename).name}:{last.lineno})"


def child(folder: Path) -> None:
    """Read the files of a folder and print a line a file: started under limits by the parent."""
    warnings.simplefilter("ignore")
    loaders = available()
    jobs = json.loads((folder / "jobs.json").read_text())
    for whole in (folder / "whole").iterdir():
        if (name := whole.name.partition("-")[0]) in loaders:
            outcome_of(loaders[name], whole)  # what is imported late is imported here
    with Path("/proc/self/statm").open() as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))
    for job in jobs:
        if job["loader"] not in loaders:
            print(json.dumps({"file": job["file"], "outcome": "skipped"}), flush=True)
            continue
        print(json.dumps({"begun": job["file"]}), flush=True)
        signal.alarm(LONGEST)  # ends this process
        start = used()
        outcome = outcome_of(loaders[job["loader"]], folder / job["file"])
        seconds = used() - start
        signal.alarm(0)
        if seconds > SECONDS:
            outcome = f"hang: {seconds:.1f} s, then {outcome}"
        print(json.dumps({"file": job["file"], "outcome": outcome}), flush=True)


def write_whole(folder: Path, loaders: set[str]) -> None:
    """Sound files of these loaders, named after them."""
    folder.mkdir()
    for number, (_, loader, files, _) in enumerate(kinds().values()):
        for ending, content in files if loader in loaders else ():
            (folder / f"{loader}-{number}{ending}").write_bytes(content)


def run_batch(files: list[tuple[int, str, str, str, bytes]], root: Path) -> dict[int, str]:
    """Outcomes of a batch by number; a child that dies is started again behind the file that it died of."""
    outcomes: dict[int, str] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = {f"{number:06d}{ending}": (number, loader) for number, _, loader, ending, _ in files}
        for number, _, _, ending, content in files:
            (folder / f"{number:06d}{ending}").write_bytes(content)
        write_whole(folder / "whole", {loader for _, _, loader, _, _ in files})
        while names:
            jobs = [{"file": name, "loader": loader} for name, (_, loader) in names.items()]
            (folder / "jobs.json").write_text(json.dumps(jobs))
            done = subprocess.run(
                [sys.executable, __file__, "--child", place],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                cwd=root,
                env=os.environ | {"PYTHONPATH": str(root / "workflow"), "OMP_NUM_THREADS": "1"},
            )
            lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
            outcomes |= {names[line["file"]][0]: line["outcome"] for line in lines if "file" in line}
            begun = [line["begun"] for line in lines if "begun" in line]
            if done.returncode == 0:
                return outcomes
            if not begun:
                raise RuntimeError(f"the child did not start: {done.stderr[-2000:]}")
            died = f"exit code {done.returncode} {done.stderr[-200:]}"
            is_hang = done.returncode == -signal.SIGALRM
            outcomes[names[begun[-1]][0]] = f"hang: more than {LONGEST} s" if is_hang else f"crash: {died}"
            names = {name: entry for name, entry in names.items() if name > begun[-1]}
    return outcomes


def try_all(count: int, seed: int, root: Path, keep: Path | None = None) -> tuple[dict[str, Counter], list[str]]:
    """Outcomes by kind, and a line for each that must not be; ``keep`` is a folder for such inputs."""
    table: dict[str, Counter] = {}
    wrong = []
    for start in range(0, count, BATCH):
        batch = inputs(range(start, min(start + BATCH, count)), seed)
        outcomes = run_batch(batch, root)
        for number, kind, _, ending, content in batch:
            outcome = outcomes[number]
            table.setdefault(kind, Counter())[outcome.partition(":")[0]] += 1
            if outcome in ("value", "clear error", "skipped"):
                continue
            wrong.append(f"{number} ({kind}): {outcome}")
            if keep:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{number:06d}{ending}").write_bytes(content)
    return table, wrong


def as_text(table: dict[str, Counter]) -> str:
    """The table of outcomes by kind, in Markdown."""
    lines = ["| kind | tried | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * (len(COLUMNS) + 1)]
    tried = {kind: counts for kind, counts in sorted(table.items()) if not counts["skipped"]}
    for kind, counts in [*tried.items(), ("all", sum(tried.values(), Counter()))]:
        lines.append(f"| {kind} | {counts.total()} | " + " | ".join(str(counts[name]) for name in COLUMNS) + " |")
    if skipped := sorted(set(table) - set(tried)):
        lines.append(f"\nNo loader here: {', '.join(skipped)}.")
    return "\n".join(lines)


def main() -> int:
    """Print the table of outcomes by kind; exit code 1 if anything happened that must not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for inputs that went wrong")
    parser.add_argument(
        "--workflow", type=Path, default=Path(__file__).parents[1], help="checkout whose loaders are tried"
    )
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child)
        return 0
    table, wrong = try_all(given.inputs, given.seed, given.workflow.resolve(), given.keep)
    print(f"{given.inputs} inputs, seed {given.seed}.\n\n{as_text(table)}")
    print("".join(f"\n{line}" for line in wrong[:400]))
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
