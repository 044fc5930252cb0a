"""Why a checkpoint is not read: three kinds, because the user can do something else about each."""

from __future__ import annotations


class DamagedError(Exception):
    """The file is cut short or changed: another copy may be whole."""


class RefusedError(Exception):
    """The file holds code or objects of other packages: no copy of it will be read."""


class LayoutError(Exception):
    """The file may be whole and harmless, but is laid out in a way that is not read here."""


class Budget:
    """Bytes that the content of a file may take up in memory: a small file cannot ask for a large machine.

    Parameters
    ----------
    n_bytes
        Size of the file.
    factor, base
        It may take up ``factor * n_bytes + base``. Tensors that share a storage count each, therefore a multiple.
    """

    def __init__(self, n_bytes: int, factor: int = 16, base: int = 1 << 20):
        self._factor, self._left = factor, factor * n_bytes + base

    def spend(self, n_bytes: int) -> None:
        """Take ``n_bytes`` off.

        Raises
        ------
        DamagedError
            When nothing is left.
        """
        self._left -= n_bytes
        if self._left < 0:
            raise DamagedError(f"content that asks for more memory than {self._factor} times the size of the file")


def printable(text: str, limit: int = 100) -> str:
    """Text out of a file, for a message: without control characters, and not long."""
    shown = "".join(character if character.isprintable() else "?" for character in text[: limit + 1])
    return shown if len(shown) <= limit else shown[:limit] + "..."
