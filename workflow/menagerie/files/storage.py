"""Writing files so that nothing half-written is ever left behind, and nothing of two processes gets mixed."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; rename it into place only on success.

    The rename is atomic on POSIX file systems, because both names lie in one folder. The temporary file is removed
    after an error, Ctrl-C and SIGTERM.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with exit_on_sigterm():
        try:
            yield temporary
            temporary.replace(path)
        finally:
            if temporary.exists():  # on a read-only disk even removing what is not there is an error
                temporary.unlink(missing_ok=True)


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Let SIGTERM, with which clusters and ``timeout`` end jobs, unwind the block like Ctrl-C does; exit code 143."""
    ours = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and threading.current_thread() is threading.main_thread()
    if not ours:
        yield
        return

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Wait until no other process holds the lock of ``path``, and hold it; on a file system without locks, go on."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    with exit_on_sigterm():
        handle = _acquire(lock, path)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            handle.close()


def _acquire(lock: Path, path: Path) -> IO[str]:
    while True:
        handle = lock.open("a")
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"Waiting for another process that works on {path}.", file=sys.stderr)
                fcntl.flock(handle, fcntl.LOCK_EX)
            # Whoever held the lock has removed the file: a lock on a removed file locks nobody out.
            if os.fstat(handle.fileno()).st_ino == lock.stat().st_ino:
                return handle
        except FileNotFoundError:
            pass
        except OSError:
            return handle
        except BaseException:
            handle.close()
            raise
        handle.close()
