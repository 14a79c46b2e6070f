"""Writing and removing files so that nothing half-made stays."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from usertools.errors import ToolError, undisturbed, usage


def read_text(path: Path) -> str:
    """Return the text of a file that somebody has named.

    Raises:
        ToolError: It is not there, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise usage(f"{path} cannot be read: {why}.", fix="give the path of another file") from error


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove a folder, read-only folders in it as well.

    Raises:
        ToolError: Something in it cannot be removed.
    """
    for wait in (0.0, 0.1, 0.3, 1.0):  # a linking thread that was told to stop may still write
        time.sleep(wait)
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink(missing_ok=True)
        else:
            _make_writable(folder)
            shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
    raise ToolError(f"{folder} cannot be removed.", why="another program may be using it", fix=f"rm -rf {folder}")


def empty(folder: Path) -> None:
    """Remove what is in a folder: the folder itself may be a link to a larger disk."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        remove(path)


def _make_writable(folder: Path) -> None:
    """Give this user write permission to a folder and those below it, as conda packages do not always."""
    _give_access(folder)
    for place, names, _ in os.walk(folder):
        for name in names:
            _give_access(Path(place, name))


def _give_access(folder: Path) -> None:
    """Give this user all permissions to one folder."""
    if not folder.is_symlink() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        with contextlib.suppress(OSError):
            folder.chmod(folder.stat().st_mode | stat.S_IRWXU)


@contextlib.contextmanager
def new_folder(folder: Path, *, replace: bool = False) -> Iterator[None]:
    """Within it a folder is made; where that fails or is interrupted, the folder is gone again.

    With ``replace``, what lay there before is moved aside, and back where the new one fails.

    Raises:
        ToolError: Another program is making it, or it is there already.
    """
    recover(folder)
    before, done = _aside(folder, "before"), _aside(folder, "done")
    with _alone(folder):
        if os.path.lexists(folder):
            if not replace:
                raise usage(f"{folder} is there already.", fix="choose another name")
            folder.rename(before)
        try:
            yield
        except BaseException:
            with undisturbed():
                remove(folder)
                if os.path.lexists(before):
                    before.rename(folder)
            raise
        with undisturbed():
            if os.path.lexists(before):
                before.rename(done)  # from here on the new one counts
                remove(done)


def recover(folder: Path) -> None:
    """Put back what a program that was killed within ``new_folder`` has moved aside.

    Raises:
        ToolError: The program is still at it.
    """
    before, done = _aside(folder, "before"), _aside(folder, "done")
    if not os.path.lexists(before) and not os.path.lexists(done):
        return
    with _alone(folder):
        remove(done)
        if os.path.lexists(before):
            remove(folder)
            before.rename(folder)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other programs from making the same folder."""
    path = _aside(folder, "lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ToolError(f"Another program is making {folder} just now.", fix="wait for it") from error
        except OSError:  # a home on a network may have no locks
            pass
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _aside(folder: Path, word: str) -> Path:
    """Return the place beside a folder for what lay there before."""
    return folder.with_name(f".{folder.name}.{word}")
