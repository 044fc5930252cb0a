"""Memory and time of reading a subject of LAION-fMRI at full size: 143 x 143 x 143 voxels, 1,062 trials a session.

One session is written as the release has it: float32, noise in 271,557 voxels of a brain, zeros outside, packed by
gzip; about 1.15 GB, like the release. Further sessions are the same file under other names, with tables of their
own, so that the design fits into 30 tables. One or two sessions are read; the rest is reckoned from them:

    time   = sessions x seconds of one session + seconds of maps and masks
    memory = what a process with one session took + 16 bytes x voxels x (images kept - images of that session):
             sums in double precision, means, and their copy without voxels that are left out

    python benchmarks/laion_full.py --folder /tmp/laion_full --sessions 2
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import time
from pathlib import Path

import numpy as np

from menagerie.brain.laion.layout import SESSIONS, Layout
from menagerie.brain.laion.trials import read_trials
from menagerie.brain.readers import laion
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.twins.laion.labels import shared_labels, unique_labels
from menagerie.twins.laion.twin_files import write_session, write_text, write_trials, write_volumes
from menagerie.twins.laion.twin_geometry import Voxels

SUBJECT, SHAPE = "sub-01", (143, 143, 143)
N_BRAIN, N_OTC = 271_557, 6_662  # sub-01: brain mask; OTC as the dataset's authors counted it
N_SESSIONS, N_IMAGES = 30, 1121


def full_voxels(rng: np.random.Generator) -> Voxels:
    """A ball of a brain's size; OTC is its lower part, and one voxel in 17 there."""
    x, y, z = np.meshgrid(*(np.arange(n) - n / 2 for n in SHAPE), indexing="ij")
    order = np.argsort((x**2 + y**2 + z**2).ravel(), kind="stable")[:N_BRAIN]
    at = np.sort(order)
    xyz = np.stack(np.unravel_index(at, SHAPE), axis=1)
    low = np.flatnonzero(xyz[:, 2] < SHAPE[2] / 2)
    otc = np.zeros(N_BRAIN, dtype=bool)
    otc[rng.choice(low, size=N_OTC, replace=False)] = True
    nothing = np.zeros(N_BRAIN, dtype=bool)
    names = (
        "OFA",
        "FFA1",
        "FFA2",
        "EBA",
        "FBA",
        "VWFA1",
        "VWFA2",
        "mfswords",
        "pSTSwords",
        "PPA",
        "OPA",
        "laionlateral",
    )
    return Voxels(
        shape=SHAPE,
        xyz=xyz,
        ncsnr=rng.uniform(0.25, 0.9, N_BRAIN).astype(np.float32),
        r2mean=np.full(N_BRAIN, 4, dtype=np.float32),
        rois={"laiongeneral": otc, "laionventral": otc} | dict.fromkeys(names, nothing),
        z={},
        plant=np.full(N_BRAIN, ""),
    )


def write_subject(root: Path, n_sessions: int) -> None:
    """Trial tables of the whole design in 30 sessions; betas of the first ``n_sessions``."""
    layout, rng = Layout(root), np.random.default_rng(0)
    labels = [*shared_labels(641, 240, 240, 371), *unique_labels(SUBJECT, 4712)]
    counts = [12 if "12rep" in label else 4 for label in labels]
    order = rng.permutation(np.repeat(np.arange(len(labels)), counts))
    voxels = full_voxels(rng)
    write_volumes(layout, SUBJECT, voxels)
    parts = np.array_split(order, N_SESSIONS)
    first = layout.betas(SUBJECT, SESSIONS[0])
    for session, shown in zip(SESSIONS[:n_sessions], parts, strict=False):
        runs = 1 + np.arange(len(shown)) * 12 // len(shown)
        write_trials(layout.trials(SUBJECT, session), session, [labels[i] for i in shown], runs)
        path = layout.betas(SUBJECT, session)
        if path == first:
            write_session(path, voxels, Noise(len(shown), len(voxels)))
        elif len(shown) == len(parts[0]):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(first, path)
    write_text(layout.twin_note, {"what": "simulated, for benchmarks/laion_full.py"})


class Noise:
    """Betas that are drawn volume by volume when they are written."""

    def __init__(self, n_trials: int, n_voxels: int):
        self.shape, self.rng = (n_trials, n_voxels), np.random.default_rng(1)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self):
        for _ in range(len(self)):
            yield self.rng.standard_normal(self.shape[1], dtype=np.float32)


def measure(root: Path, n_sessions: int, answers: multiprocessing.Queue) -> None:
    """Read the OTC of a tree in a process of its own: seconds and peak memory."""
    options = {"laion_root": str(root), "regions": ["OTC"], "missing": "average"}
    labels = sorted(shared_labels(641, 240, 240, 0))
    path = root / f"stimuli{n_sessions}.h5"
    write_stimuli(path, (np.zeros((2, 2, 3), dtype=np.uint8) for _ in labels), labels, {})
    start = time.process_time(), time.perf_counter()
    target = laion.read_target("laion", SUBJECT, options=options, stimuli=Stimuli(path))
    answers.put(
        {
            "sessions": n_sessions,
            "images": len(target.image_ids),
            "voxels": int(target.responses.shape[1]),
            "processor_seconds": round(time.process_time() - start[0], 1),
            "seconds": round(time.perf_counter() - start[1], 1),
            "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 3),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("/tmp/laion_full"))
    parser.add_argument("--sessions", type=int, default=2)
    given = parser.parse_args()
    context, found = multiprocessing.get_context("spawn"), []
    for n_sessions in range(1, given.sessions + 1):
        root = given.folder / str(n_sessions)
        start = time.perf_counter()
        if not (root / "menagerie_twin.json").is_file():
            write_subject(root, n_sessions)
            print(f"written in {time.perf_counter() - start:.0f} s", flush=True)
        path = Layout(root).betas(SUBJECT, SESSIONS[0])
        n_trials = len(read_trials(Layout(root).trials(SUBJECT, SESSIONS[0]), SUBJECT, SESSIONS[0]))
        answers = context.Queue()
        process = context.Process(target=measure, args=(root, n_sessions, answers))
        process.start()
        found.append(answers.get() | {"gb_a_session": round(path.stat().st_size / 1e9, 3), "trials": n_trials})
        process.join()
        print(json.dumps(found[-1]), flush=True)
    if len(found) > 1:
        each = found[-1]["processor_seconds"] - found[-2]["processor_seconds"]
        maps = found[0]["processor_seconds"] - each
        more = 16 * found[-1]["voxels"] * max(N_IMAGES - found[0]["images"], 0) / 1e9
        print(
            f"reckoned for {N_SESSIONS} sessions: {(maps + N_SESSIONS * each) / 60:.0f} min of one processor, ", end=""
        )
        print(f"{found[0]['peak_gb'] + more:.2f} GB")


if __name__ == "__main__":
    main()
