"""Linking against its peers: one command, JSON and Markdown out.

    python benchmarks/linking.py --out results/benchmarks [--images 1000 --units 4000 --repeats 5 --threads 2]

Seconds are wall-clock and CPU time, best of the repeats. CPU time is what to compare on a machine that
others use too. The rate of single-precision matrix products (sgemm) is measured in the same run. Useful
operations are those of the definitions, symmetric products counted half, nothing that only we compute:
leave-one-out operators and products for every penalty, test predictions once, four RSMs (two where the brain's are
known already).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

N_FEATURES = 5920  # of the projection at the paper's size


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for linking.json and linking.md")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--units", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="threads of the linear algebra library")
    parser.add_argument("--growth", type=int, default=16, help="largest factor of the growth curves; 0 leaves them out")
    return parser.parse_args()


def best(work, repeats: int) -> dict[str, float]:
    """Least wall-clock and CPU seconds of several runs."""
    runs = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        runs.append((time.perf_counter() - wall, time.process_time() - cpu))
    return {"wall_s": min(run[0] for run in runs), "cpu_s": min(run[1] for run in runs)}


def useful_operations(images: int, units: int, penalties: int, rsms: int) -> float:
    """Floating-point operations that the definitions ask for, with this number of RSMs over units."""
    n = images / 2
    return penalties * n**3 + 2 * n * n * units * (penalties + 1) + rsms * n * n * units


def main() -> None:
    """Run everything and write the two files."""
    options = arguments()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)  # before numpy is imported
    sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))
    import linking_cases as cases  # beside this file

    layer, target, features = cases.simulate(options.images, options.units, N_FEATURES)
    sgemm = best(cases.sgemm(), options.repeats)
    rows = {}
    for name, work in cases.peers(layer, target, features).items():
        rows[name] = best(work, options.repeats)
        print(f"{name}: {rows[name]['wall_s']:.3f} s, CPU {rows[name]['cpu_s']:.3f} s", flush=True)
    rate = {key: cases.SGEMM_OPERATIONS / seconds for key, seconds in sgemm.items()}

    def share(name: str, rsms: int) -> dict[str, float]:
        useful = useful_operations(options.images, options.units, cases.N_PENALTIES, rsms)
        return {key: useful / seconds / rate[key] for key, seconds in rows[name].items()}

    result = {
        "images": options.images,
        "units": options.units,
        "threads": options.threads,
        "sgemm": rate,
        "share_of_sgemm": {"first": share(cases.OURS, 4), "further": share(cases.NEXT, 2)},
        "seconds": rows,
        "growth": cases.growth(options.images, options.units, options.growth) if options.growth else {},
        "float32_error": cases.errors(),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "linking.json").write_text(json.dumps(result, indent=2) + "\n")
    (options.out / "linking.md").write_text(markdown(result, cases.OURS))


def markdown(result: dict, ours: str) -> str:
    """The result as tables."""
    shares = result["share_of_sgemm"]
    lines = [
        f"# Linking: {result['images']} images, {result['units']} units, {result['threads']} threads",
        "",
        f"sgemm in the same run: {result['sgemm']['wall_s'] / 1e9:.0f} GFLOP/s by wall-clock, "
        f"{result['sgemm']['cpu_s'] / 1e9:.0f} by CPU time. Our share of it, by wall-clock and CPU time: "
        + "; ".join(f"{which} layer {x['wall_s']:.0%}, {x['cpu_s']:.0%}" for which, x in shares.items())
        + ".",
        "",
        "| what | wall-clock s | CPU s | times ours (CPU) |",
        "| --- | --- | --- | --- |",
    ]
    for name, row in result["seconds"].items():
        ratio = row["cpu_s"] / result["seconds"][ours]["cpu_s"]
        lines.append(f"| {name} | {row['wall_s']:.3f} | {row['cpu_s']:.3f} | {ratio:.1f} |")
    for name, curve in result["growth"].items():
        points = ", ".join(f"{size}: {seconds:.3f} s" for size, seconds in curve["cpu_s"])
        lines += ["", f"Growth in {name}: time ~ size^{curve['slope']:.2f} ({points})."]
    lines += ["", "Largest difference from a float64 reference:", ""]
    lines += [f"- {name}: {value:.1e}" for name, value in result["float32_error"].items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
