"""What every script does around its work: log file, threads, and errors a person can read."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import NoReturn, TypeVar

from menagerie.errors import MenagerieError, on_screen
from menagerie.provenance.note import note_for_log
from menagerie.provenance.recipe import Recipe, read_recipe

T = TypeVar("T")


def offer_package() -> None:
    """Let processes started from here import this package, in whatever environment they run."""
    here = str(Path(__file__).parents[2])
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != here]
    os.environ["PYTHONPATH"] = os.pathsep.join([here, *others])
    os.environ["MENAGERIE_JOB"] = "1"


@contextmanager
def job(snakemake: object) -> Iterator[Recipe | None]:
    """Send the output of the block to the job's log; on failure, print the reason on the terminal and exit with 1.

    Yields the job's recipe; None for rules without. A :class:`MenagerieError` is a problem that the user can solve: its
    message is printed without a traceback. Any other exception leaves its traceback in the log.
    """
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    terminal = os.dup(2)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        planned = snakemake.input.get("recipe")
        recipe = read_recipe(planned) if planned else None
        yield recipe
        if recipe:
            _note_results(snakemake.output, recipe)
    except MenagerieError as error:
        _fail(terminal, log, str(error), str(error))
    except KeyboardInterrupt:
        print("Stopped by Ctrl-C.", file=sys.stderr, flush=True)
        raise
    except Exception as error:
        _fail(terminal, log, traceback.format_exc(), on_screen(f"{type(error).__name__}: {error}"))


def _note_results(outputs: Iterable[str], recipe: Recipe) -> None:
    """Lines in the log for results that have no room for a note of what they were made from."""
    for path in map(Path, outputs):
        if path.suffix in (".csv", ".svg", ".html"):
            print(note_for_log(path, recipe.fingerprint), flush=True)


def or_stop(function: Callable[..., T], *arguments: object, but: tuple[type[Exception], ...] = ()) -> T:
    """Value of a function that decides what a job needs; any exception ``but`` some ends Snakemake with its message.

    Snakemake catches exceptions there, and takes the job's output as it is where it exists: stale, in silence.
    """
    try:
        return function(*arguments)
    except but:
        raise
    except MenagerieError as error:
        stop(str(error))
    except Exception:
        stop(traceback.format_exc())


def stop(message: str) -> NoReturn:
    """End Snakemake with a message, from within an input function."""
    print(f"\n{message}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def command(main: Callable[..., int]) -> Callable[..., int]:
    """For the ``main`` of a command line: a :class:`MenagerieError` becomes its message and exit code 2, as that of a
    wrong argument. Other exceptions keep their traceback."""

    @wraps(main)
    def guarded(arguments: Sequence[str] | None = None) -> int:
        try:
            return main(arguments)
        except MenagerieError as error:
            print(error, file=sys.stderr)
            return 2

    return guarded


def _fail(terminal: int, log: Path, full: str, short: str) -> None:
    print(full, file=sys.stderr, flush=True)
    os.write(terminal, f"\n{short}\n(log: {log})\n".encode())
    raise SystemExit(1)
