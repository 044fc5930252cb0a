"""The benchmarks run, at sizes that say nothing about speed, and write what they promise."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_linking(tmp_path: Path) -> None:
    sizes = ["--images", "60", "--units", "40", "--repeats", "1", "--growth", "0", "--threads", "1"]
    run("benchmarks/linking.py", "--out", str(tmp_path), *sizes)
    found = json.loads((tmp_path / "linking.json").read_text())
    assert {"first", "further"} == set(found["share_of_sgemm"])
    assert all(seconds["cpu_s"] > 0 for seconds in found["seconds"].values())
    assert found["float32_error"]["scores"] < 1e-5
    assert "scikit-learn RidgeCV" in (tmp_path / "linking.md").read_text()


def test_intervals() -> None:
    rows = run("benchmarks/intervals.py", "--images", "20", "--repeats", "5").splitlines()
    assert len(rows) == 5 and all(row.startswith("| 20 |") for row in rows[2:])


def test_panel() -> None:
    sizes = ["--images", "40", "--features", "20", "--units", "20", "--repeats", "2"]
    assert "| `cka` |" in run("benchmarks/panel.py", "values", *sizes)
    assert "| the whole panel |" in run("benchmarks/panel.py", "cost", *sizes)
    assert "| `knn` |" in run("benchmarks/panel.py", "intervals", *sizes)


def test_parity(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("# package\tname\ntimm\ttest_vit.r160_in1k\ntimm\tno_such_network\n")
    arguments = ["benchmarks/parity_2026.py", str(tmp_path / "names.txt"), "--out", str(tmp_path), "--most-layers", "9"]
    run(*arguments)
    with (tmp_path / "parity_2026.tsv").open() as file:
        first, second = csv.DictReader(file, delimiter="\t")
    assert first["layers"] == "60" and first["compared"] == first["ok"] == "9" and float(first["gram"]) < 1e-4
    assert "no_such_network" in second["network"] and "Unknown model" in second["statuses"]
    assert "| timm/test_vit.r160_in1k |" in (tmp_path / "parity_2026.md").read_text()


def test_preprocessing(tmp_path: Path) -> None:
    said = run("benchmarks/preprocessing.py", "--out", str(tmp_path), "--only", "torchvision")
    (row,) = [line.split(" | ") for line in said.splitlines() if line.startswith("| torchvision |")]
    assert int(row[1]) > int(row[2]) > 100 and float(row[4]) <= 1e-5
    assert "it is a detection network" in said and "OTHER PIXELS" not in said
    assert (tmp_path / "preprocessing.md").read_text() in said


WITHOUT = """
import runpy, sys
# A module that is None in here counts as not installed.
sys.modules |= dict.fromkeys(("snakemake", "pyarrow", "pandas", "nibabel", "sklearn", "patsy"))
sys.path.insert(0, "benchmarks")
runpy.run_path("benchmarks/gpu.py", run_name="__main__")
"""


def test_gpu_in_an_environment_of_a_few_packages(tmp_path: Path) -> None:
    said = run("-c", WITHOUT, "--device", "cpu", "--quick", "--out", str(tmp_path))
    found = json.loads((tmp_path / "gpu.json").read_text())
    rows = found["Parity with double precision"]
    assert len(rows) == 2 and all(0 < row["scores, one penalty"] < 1e-5 and row["layers"] == 3 for row in rows)
    assert [row["network"] for row in found["Extraction"]] == ["resnet18"]
    assert len(found["The survey in hours"]) == 5 and (tmp_path / "gpu.md").read_text().count("## ") == said.count(
        "## "
    )


CODE = '''"""Says 1."""
LIMIT = 3


def share(x: float = 0.5, axis=0):
    """Of 2."""
    if x < 0:
        raise ValueError(f"{x + 1} is below {0}")
    return max(x * LIMIT, 1) - (not x)
'''
MUTANTS = [
    ("3 in LIMIT = 3", "4"),
    ("0.5 in def share(x: float=0.5, axis=0):", "1.0"),
    ("0.5 in def share(x: float=0.5, axis=0):", "0.0"),
    ("0 in def share(x: float=0.5, axis=0):", "1"),
    ("if x < 0:", "if False: raise ValueError(f'{x + 1} is below {0}')"),
    ("x < 0", "x <= 0"),
    ("0 in x < 0", "1"),
    ("max(x * LIMIT, 1) - (not x)", "max(x * LIMIT, 1) + (not x)"),
    ("max(x * LIMIT, 1)", "x * LIMIT"),
    ("x * LIMIT", "x / LIMIT"),
    ("1 in max(x * LIMIT, 1)", "2"),
    ("not x", "x"),
]


def test_mutants_change_what_is_computed_and_not_what_is_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import mutants

    (tmp_path / "code.py").write_text(CODE)
    found = mutants.mutants_of(tmp_path / "code.py")
    assert [(one.before, one.after) for one in found] == MUTANTS
    names: dict = {}
    exec(compile(mutants.mutated(tmp_path / "code.py", 7), "code.py", "exec"), names)
    assert names["share"](2.0) == 6.0 and names["LIMIT"] == 3  # the eighth: max(6, 1) + False
    exec(compile(mutants.mutated(tmp_path / "code.py", 0), "code.py", "exec"), names)
    assert names["share"](2.0) == 8.0


SMALL_ROOM = """
import sys
sys.path.insert(0, "benchmarks")
import mutations
mutations.OTHERS = ()
mutations.ROOMS = {"edges": (("linking/edges.py",), ("tests/unit/linking/test_edges.py",))}
sys.argv = ["mutations.py", "--sample", "4"]
mutations.main()
"""


def test_mutations_are_noticed_by_the_tests_that_come_by() -> None:
    row = run("-c", SMALL_ROOM).splitlines()[2]
    room, mutants, killed = row.strip("| ").split(" | ")[:3]
    assert (room, mutants) == ("edges", "4") and 2 <= int(killed) <= 4
