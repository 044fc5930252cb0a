"""One file for a paper's supplement: ``python -m menagerie.archive results/<run>``.

Packs what a reader needs to check and reuse a run: tables, experiments, figures, report, layer inventories, the config,
what is known of its origin (provenance of every table, commit, versions, lock file), a summary of its jobs, and a
manifest with the SHA-256 of every file. Left out is what can be made again or may not be passed on. The same run gives
the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from menagerie import __version__
from menagerie.errors import MenagerieError
from menagerie.files.csv_cells import harmless
from menagerie.files.paths import without_folders
from menagerie.files.storage import atomic
from menagerie.files.tables import read_provenance
from menagerie.provenance.code import code_of
from menagerie.provenance.jobs import command
from menagerie.survey.config import read_config
from menagerie.survey.contents import Survey
from menagerie.survey.made_with import differences
from menagerie.survey.recipes import Recipes
from menagerie.survey.results import Results

ROOT = Path(__file__).parents[2]
MANIFEST = "manifest.sha256"
PACKED = ("report.html", "tables", "experiments", "figures", "layers", "ceilings")
LEFT_OUT = {
    "geometry": "large; made again from the networks",
    "scores": "tables of single jobs; put together in tables/layer_scores.parquet",
    "stimuli": "images, often under a licence of their own",
    "targets": "brain data, often under terms of their own",
}
SCRIPTS = ROOT / "workflow" / "scripts"
_SHOWN = 8  # differences that a message lists
README = """{run}: a run of Menagerie {version}, commit {commit}

report.html opens in any browser. Columns of tables/*.parquet are described in the files themselves and in
docs/results.md of the source. config.json is the config with every default; source/ holds the lock file and the tables
of models and experiments; provenance.json says what each table was made from; jobs.csv lists the jobs with their time
and memory.

Check the files:  sha256sum -c {manifest}

Left out:
{left_out}
"""


def pack(
    run: str | Path, config: str | Path | None = None, to: str | Path | None = None, also: Iterable[str] = ()
) -> Path:
    """Pack a finished run.

    Parameters
    ----------
    run
        Folder of the run, ``results/<run>``.
    config
        The config that it was made with; default: the only file in ``config/`` with this run's name.
    to
        The archive; default ``<run>.tar.gz`` beside the folder.
    also
        Parts to add that are left out by default: keys of ``LEFT_OUT``.

    Returns
    -------
    Path
        The archive.

    Raises
    ------
    MenagerieError
        When the folder is no finished run, lacks what was asked for, or was made with another config.
    """
    run, also = Path(run), sorted(set(also))
    for part in ("report.html", "tables", *also):
        if not (run / part).exists():
            raise MenagerieError(f"{run} has no {part}: it is no finished run. Run the workflow with its config first.")
    survey = Survey.from_config(_config_of(run, config))
    provenance = _provenance(run)
    _check_config(survey, run)
    left_out = {part: reason for part, reason in LEFT_OUT.items() if part not in also}
    contents = dict(_files(run, [*PACKED, *also])) | _sources(survey)
    contents["config.json"] = _json(without_folders(survey.config))
    contents["provenance.json"] = _json(provenance)
    contents["jobs.csv"] = _jobs(run)
    reasons = "\n".join(f"  {part}: {reason}" for part, reason in left_out.items())
    about = {"run": run.name, "version": __version__, "commit": provenance["commit"], "manifest": MANIFEST}
    contents["README.txt"] = README.format(left_out=reasons or "  nothing", **about).encode()
    contents[MANIFEST] = "".join(f"{_sha256(contents[name])}  {name}\n" for name in sorted(contents)).encode()
    to = Path(to) if to else run.with_name(f"{run.name}.tar.gz")
    _write(to, run.name, contents)
    return to


def verify(archive: str | Path) -> int:
    """Compare every file of an archive with the manifest inside; returns their number.

    Raises
    ------
    MenagerieError
        When it is no such archive, or naming the file that is missing, additional or different.
    """
    try:
        with tarfile.open(archive, "r:gz") as file:
            found = {m.name.partition("/")[2]: file.extractfile(m).read() for m in file.getmembers() if m.isfile()}
        lines = found.pop(MANIFEST).decode().splitlines()
    except (OSError, EOFError, tarfile.TarError, KeyError) as error:
        raise MenagerieError(f"{archive} is no archive of a run, or is damaged ({error}). Pack it again.") from error
    sums = {name: checksum for checksum, _, name in (line.partition("  ") for line in lines)}
    for name in sorted(sums.keys() | found.keys()):
        if name not in sums or name not in found or _sha256(found[name]) != sums[name]:
            what = "not in the manifest" if name not in sums else "missing" if name not in found else "another file"
            raise MenagerieError(f"{archive}: {name} is {what}. The archive is not as it was packed.")
    return len(found)


def _config_of(run: Path, given: str | Path | None) -> dict:
    """The config that a run was made with, as it stands."""
    found = {str(given): read_config(given)} if given else dict(_configs(ROOT / "config"))
    named = {name: config for name, config in found.items() if config.get("run") == run.name}
    if len(named) != 1:
        where = str(given) if given else "config/"
        raise MenagerieError(
            f"{where}: configs with run '{run.name}': {', '.join(named) or 'none'}, expected one. "
            "Name the one it was made with: --config."
        )
    return named.popitem()[1]


def _configs(folder: Path) -> Iterator[tuple[str, dict]]:
    """Files that can be read as a config, by name: experiments and whatever else a lab keeps there are passed over."""
    for path in sorted(folder.glob("*.yaml")):
        with suppress(MenagerieError):
            yield path.name, read_config(path)


def _check_config(survey: Survey, run: Path) -> None:
    """Refuse a config that did not make the results, naming every key that differs."""
    found = differences(Recipes(survey, SCRIPTS, trusting=True), Results(run))
    if found:
        more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise MenagerieError(
            f"{run} was not made with this config, found {len(found)} differences, expected none:\n  "
            + "\n  ".join(found[:_SHOWN])
            + f"{more}\nRun the workflow again with this config, or name the config that made the results: --config."
        )


def _sources(survey: Survey) -> dict[str, bytes]:
    """Lock file, and the tables of models and experiments that the run used, where a copy of the workflow has them."""
    paths = {
        "requirements.lock": ROOT / "requirements.lock",
        "models.tsv": Path(survey.registry_file),
        "experiments.yaml": Path(survey.experiments_file),
    }
    found = {name: path.read_bytes().decode() for name, path in paths.items() if path.is_file()}
    return {f"source/{name}": str(without_folders(text)).encode() for name, text in found.items()}


def _provenance(run: Path) -> dict:
    """Origin of the run: commit, version, whether the scoring code is still the same, and the footer of every table."""
    tables = {path.relative_to(run).as_posix(): read_provenance(path) for path in sorted(run.glob("tables/*.parquet"))}
    code = tables.get("tables/layer_scores.parquet", {}).get("code", {}).get("score")
    return {
        "menagerie": __version__,
        "commit": _git("rev-parse", "HEAD") or "unknown: no git checkout",
        "uncommitted": _git("status", "--porcelain", "--untracked-files=no").splitlines(),
        "scoring_code_unchanged": code == code_of(SCRIPTS / "score.py").fingerprint,
        "tables": tables,
    }


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _jobs(run: Path) -> bytes:
    """One row a job: wall and processor seconds, peak memory in MB, and the last line of its log."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["job", "seconds", "cpu_seconds", "peak_mb", "said"])
    for path in sorted((run / "benchmarks").rglob("*.tsv")):
        job = path.relative_to(run / "benchmarks").with_suffix("")
        with path.open(newline="", encoding="utf-8") as file:
            row = next(csv.DictReader(file, delimiter="\t"), {})
        log = (run / "logs" / job).with_name(f"{job.name}.log")
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] if log.is_file() else []
        table.writerow(
            [
                job.as_posix(),
                row.get("s", ""),
                row.get("cpu_time", ""),
                row.get("max_rss", ""),
                *(harmless(without_folders(line)) for line in said or [""]),
            ]
        )
    return text.getvalue().encode()


def _files(run: Path, parts: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for part in parts:
        paths = [run / part] if (run / part).is_file() else sorted((run / part).rglob("*"))
        for path in paths:
            if path.is_file() and not path.name.startswith("."):  # a hidden file is one that a stopped job left
                yield path.relative_to(run).as_posix(), path.read_bytes()


def _write(path: Path, folder: str, contents: Mapping[str, bytes]) -> None:
    """Write the archive with nothing in it that depends on when and by whom: names in order, no times, no owners."""
    with (
        atomic(path) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(contents):
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(contents[name])
            archive.addfile(member, io.BytesIO(contents[name]))


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, default=str) + "\n").encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@command
def main(arguments: list[str] | None = None) -> int:
    """Pack a run, or verify an archive."""
    parser = argparse.ArgumentParser(prog="python -m menagerie.archive", description="Pack a run for a supplement.")
    parser.add_argument("run", help="folder of the run, results/<run>; with --verify, the archive")
    parser.add_argument("--config", help="config that it was made with (default: the one in config/ with its name)")
    parser.add_argument("--to", help="archive to write (default: results/<run>.tar.gz)")
    parser.add_argument("--also", nargs="+", default=[], choices=LEFT_OUT, help="parts that are left out by default")
    parser.add_argument("--verify", action="store_true", help="compare an archive with its manifest")
    given = parser.parse_args(arguments)
    if given.verify:
        print(f"{given.run}: {verify(given.run)} files, all as packed")
        return 0
    archive = pack(given.run, given.config, given.to, given.also)
    print(f"{archive}: {archive.stat().st_size / 1e6:.1f} MB, sha256 {_sha256(archive.read_bytes())}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
