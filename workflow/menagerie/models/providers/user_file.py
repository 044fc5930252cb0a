"""Running a user's Python file as Python runs a script: its neighbours can be imported whenever the code asks.

Two networks may have neighbours of the same names (``utils.py``), so what a file imports from its folder is put into
``sys.modules`` only while its own code runs. A working folder that it changes to, too, is its own; default type and
device of torch are set back, since all networks run in single precision where the config says.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from menagerie.errors import MenagerieError

_SOURCE_SUFFIXES = (".py", ".pyc", ".pyi", ".so", ".pyd")


class UserFile:
    """A Python file, loaded.

    Parameters
    ----------
    path
        The file.
    model
        Name of the model, for messages.
    declared
        Files that it says it opens (``SOURCES``), besides itself and its neighbours' code.

    Attributes
    ----------
    module
        The loaded module.
    """

    def __init__(self, path: Path, model: str, declared: list[Path]):
        self.path = path.absolute()
        self._model = model
        self._allowed = {file.resolve() for file in declared}
        self._modules: dict[str, ModuleType] = {}
        self._folder = ""  # where its code has changed to
        name = f"menagerie_user_{path.stem}_{hashlib.sha256(str(self.path).encode()).hexdigest()[:12]}"
        described = importlib.util.spec_from_file_location(name, self.path)
        self.module = importlib.util.module_from_spec(described)
        # Dataclasses with annotations as text look their module up.
        sys.modules[name] = self.module
        with self.running(), self.watched():
            described.loader.exec_module(self.module)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the file's code import its neighbours, and forget them afterwards."""
        folder = str(self.path.parent)
        own = _importable(self.path.parent)
        displaced = {name: module for name, module in sys.modules.items() if self._shadowed(name, module, own)}
        for name in displaced:
            del sys.modules[name]
        before = set(sys.modules)
        sys.modules.update(self._modules)
        sys.path.insert(0, folder)
        try:
            with self._settings():
                yield
        finally:
            with suppress(ValueError):
                sys.path.remove(folder)
            for name, module in list(sys.modules.items()):
                if name not in before and _top(name) in own and _lies_in(module, self.path.parent):
                    self._modules[name] = sys.modules.pop(name)
            sys.modules.update(displaced)

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """The working folder that its code has chosen; afterwards everyone's, with the defaults of torch as before."""
        folder, dtype, device = Path.cwd(), torch.get_default_dtype(), torch.get_default_device()
        if self._folder:
            os.chdir(self._folder)
        try:
            yield
        finally:
            self._folder = "" if Path.cwd() == folder else str(Path.cwd())
            if self._folder:
                os.chdir(folder)
            torch.set_default_dtype(dtype)
            if torch.get_default_device() != device:
                torch.set_default_device(None)

    def _shadowed(self, name: str, module: ModuleType, own: set[str]) -> bool:
        """Whether a loaded module hides a neighbour of the same name."""
        top = _top(name)
        return top in own and top not in sys.stdlib_module_names and not _lies_in(module, self.path.parent)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Refuse data files below the file's folder that its code opens without having declared them.

        Raises
        ------
        MenagerieError
            Naming the first of them.
        """
        opened: list[Path] = []
        _WATCHERS.append(opened)
        try:
            yield
        finally:
            _WATCHERS.remove(opened)
        folder = self.path.parent.resolve()
        for path in filter(Path.is_file, opened):
            if path.resolve().is_relative_to(folder) and not self._is_known(path.resolve(), folder):
                name = path.resolve().relative_to(folder)
                raise MenagerieError(
                    f"Model '{self._model}': {self.path} opens {name}, which it does not declare; expected every file "
                    "that the network is built from to be known, so that results are made again when it changes. Add "
                    f'a line to the Python file: SOURCES = ["{name}"].'
                )

    def _is_known(self, path: Path, folder: Path) -> bool:
        packages = [Path(place).resolve() for place in (sys.prefix, sys.base_prefix)]
        return (
            path in self._allowed
            or path.suffix in _SOURCE_SUFFIXES
            or any(path.is_relative_to(place) for place in packages)
            or "site-packages" in path.parts
            or any(part.startswith(".") for part in path.relative_to(folder).parts)
        )

    def follow(self, network: nn.Module) -> None:
        """Let the network import neighbours when it runs, too."""
        entered: list[Any] = []

        def enter(*_: Any) -> None:
            entered.append(self.running())
            entered[-1].__enter__()

        def leave(*_: Any) -> None:
            if entered:
                entered.pop().__exit__(None, None, None)

        network.register_forward_pre_hook(enter)
        network.register_forward_hook(leave, always_call=True)


def _top(name: str) -> str:
    return name.partition(".")[0]


def _importable(folder: Path) -> set[str]:
    """Names that ``import`` finds in a folder."""
    entries = list(folder.iterdir()) if folder.is_dir() else []
    return {entry.stem if entry.suffix == ".py" else entry.name for entry in entries} - {"__pycache__"}


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", None) or [])
    installed = any("site-packages" in str(place) for place in places)
    return not installed and any(Path(place).is_relative_to(folder) for place in places)


# Lists of files that are opened for reading, one for each file that is watched now.
_WATCHERS: list[list[Path]] = []


def _note_opened(event: str, arguments: tuple) -> None:
    if event != "open" or not _WATCHERS:
        return
    path, mode, flags = arguments
    reads = "r" in mode if isinstance(mode, str) else not (flags or 0) & 3
    if reads and isinstance(path, str | bytes):
        for opened in _WATCHERS:
            opened.append(Path(path.decode(errors="replace") if isinstance(path, bytes) else path).absolute())


# Hooks cannot be removed: one for all, which does nothing unless a file is watched.
sys.addaudithook(_note_opened)
