"""Networks looked at in a child process, beside other work: code of users and packages can hang, crash or print.

Specs go in as JSON; out come two lines for each, one when its provider is imported and building starts, one with what
was found. A child that hangs or dies costs the network that it was building; another goes on with the rest.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import menagerie
from menagerie.models.examine import Examined, examine, offline
from menagerie.models.registry import ModelSpec

EACH = 8.0
"""Seconds for building one network; imports of packages are not counted."""

ALL = 60.0
"""Seconds for all of them; a survey of hundreds is looked at in part."""


class Examination:
    """Starts at once and goes on in the background; to be used in a ``with`` block, whose end stops it.

    Parameters
    ----------
    specs
        Networks by name; those of users' files come last, since they are the likeliest to hang.
    transform
        Convention of the image transform, see ``make_transform``.
    each, patience
        Seconds for one network, and for all.
    """

    def __init__(
        self, specs: Mapping[str, ModelSpec], transform: str = "model", *, each: float = EACH, patience: float = ALL
    ):
        self._transform, self._each = transform, each
        self._left = dict(sorted(specs.items(), key=lambda item: item[1].provider == "python"))
        self._until = time.monotonic() + patience
        self._found: dict[str, Examined] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __enter__(self) -> Examination:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        if self._child is not None:
            self._child.kill()
        self._thread.join()

    def found(self) -> dict[str, Examined]:
        """What was found, by name, when all is done; a network that time did not suffice for is not in it."""
        self._thread.join()
        return self._found

    def _work(self) -> None:
        while self._left and time.monotonic() < self._until and not self._stopped:
            self._follow_child()

    def _follow_child(self) -> None:
        """One child's work, until it is done, dies, or takes too long."""
        rows = {name: spec.build_row() for name, spec in self._left.items()}
        environment = os.environ | {"PYTHONPATH": str(menagerie.__path__[0]).removesuffix("menagerie")}
        with tempfile.TemporaryFile() as said:
            command = [sys.executable, "-m", __name__, self._transform]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": said}
            self._child = child = subprocess.Popen(command, env=environment, **pipes)
            if self._stopped:  # while it was being started
                child.kill()
            with child:
                threading.Thread(target=_send, args=(child, json.dumps(rows).encode()), daemon=True).start()
                building, in_time = self._listen(child)
                child.kill()
                child.wait()
            said.seek(0)
            last = said.read().decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
        if building and not in_time:
            told = f"its network was not built within {self._each:g} s, and was left"
            self._note(building, Examined(warning=told))
        elif building:
            self._note(building, Examined(problem=f"building its network ended Python ({last[0][:200]})"))
        elif in_time and not self._stopped:
            for name in list(self._left):
                self._note(name, Examined(problem=f"no network can be looked at here ({last[0][:200]})"))

    def _listen(self, child: subprocess.Popen[bytes]) -> tuple[str, bool]:
        """The network that was being built when the child fell silent, '' for none; and whether it was in time."""
        building, until, text = "", self._until, b""
        while True:
            ready, _, _ = select.select([child.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return building, False
            received = os.read(child.stdout.fileno(), 1 << 16)
            if not received:
                return building, True
            *lines, text = (text + received).split(b"\n")
            for line in lines:
                name, values = json.loads(line)
                if values is None:
                    building, until = name, min(self._until, time.monotonic() + self._each)
                else:
                    building, until = "", self._until
                    self._note(name, Examined(**values | {"modules": tuple(values["modules"])}))

    def _note(self, name: str, found: Examined) -> None:
        self._found[name] = found
        del self._left[name]


def _send(child: subprocess.Popen[bytes], data: bytes) -> None:
    try:
        child.stdin.write(data)
        child.stdin.close()
    except OSError:  # the child is gone; its output says why
        pass


def main() -> None:
    """The child: specs from standard input, lines to standard output; what networks print goes elsewhere."""
    rows = json.loads(sys.stdin.buffer.read())
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        offline()
        for name, row in rows.items():
            spec = ModelSpec.from_row(row)
            _import(spec)
            _answer(answers, name, None)
            _answer(answers, name, vars(examine(spec, sys.argv[1])))


def _import(spec: ModelSpec) -> None:
    """What takes long the first time, and says nothing of a network."""
    from menagerie.models.providers import PROVIDERS, provider

    if spec.provider in PROVIDERS:
        provider(spec.provider)


def _answer(answers: Any, name: str, values: Mapping[str, Any] | None) -> None:
    answers.write(json.dumps([name, values]) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
