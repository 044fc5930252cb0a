"""One wrong input, and what its message must say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from menagerie.brain.readers import own
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import Target, check_target
from menagerie.errors import MenagerieError
from menagerie.survey.contents import Survey

N, V = 12, 3


@dataclass(frozen=True)
class Case:
    """``act`` does, in an empty folder, what the user did; the other texts are parts of the message.

    Attributes
    ----------
    wrong
        What the user did, in words.
    act
        Runs it through a public entry point.
    where, found, expected, remedy
        The file or key; what was there; what should be; what to do.
    """

    wrong: str
    act: Callable[[Path], object]
    where: str
    found: str
    expected: str
    remedy: str

    def message(self, folder: Path) -> str:
        """The message that the user reads, with the folder's path as ``mine``."""
        try:
            self.act(folder)
        except MenagerieError as error:
            return " ".join(str(error).replace(str(folder), "mine").replace(str(Path.cwd()), "here").split())
        raise AssertionError(f"{self.wrong}: nothing was refused")


def survey(**changes: object) -> Survey:
    """A valid config with changes, checked as Snakemake checks it."""
    config = {
        "run": "r",
        "registry": str(Path(__file__).parents[2] / "config" / "models.tsv"),
        "models": ["resnet18_random"],
        "datasets": {"people": {"reader": "kriegeskorte92"}},
    }
    found = Survey.from_config(config | changes)
    found.check()
    return found


def dataset(folder: Path, responses: object = None) -> Path:
    """A dataset of the reader ``own``: twelve images, one subject."""
    (folder / "images").mkdir()
    (folder / "s1").mkdir()
    rng = np.random.default_rng(0)
    for number in range(N):
        pixels = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"pic{number:02d}.png")
    np.save(folder / "s1" / "responses.npy", rng.standard_normal((N, V)) if responses is None else responses)
    return folder


def read(folder: Path) -> Target:
    """Stimuli and target of subject s1, as the workflow reads them."""
    options = {"folder": str(folder)}
    own.inputs(options, "", "s1")
    write_stimuli(folder / "stimuli.h5", *own.read_stimuli(options, {}))
    target = own.read_target("d", "s1", options=options, inputs={}, stimuli=Stimuli(folder / "stimuli.h5"))
    check_target(target)
    return target
