"""Who uses which part of the user's cache, and when a part was used last: what `invoke clean` goes by.

A command holds a shared lock on each kind of thing that it uses, for as long as it does; `invoke clean` removes things
of a kind only while it has the lock for itself. When a thing was used last is the time of an empty file beside the
kinds, since a thing's own times may be a part of what it is.
"""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from pathlib import Path

from platform_images.errors import PrerequisiteError
from platform_images.temporary import PREFIX, locked

LOCKS = ".locks"
USED = ".used"
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


class Kind(StrEnum):
    """What is kept between runs and may be in use."""

    TOOLS = "tools"
    ROOTS = "roots"
    HUB = "hub"
    DEBS = "debs"
    LOGS = "logs"
    IMAGES = "images"


def cache_folder() -> Path:
    """Return this program's folder in the user's cache.

    Raises:
        PrerequisiteError: This user has no home.
    """
    from platformdirs import user_cache_path

    with _of_a_home("XDG_CACHE_HOME"):
        return user_cache_path("platform-images")


def logs_folder() -> Path:
    """Return the folder of the builds' logs, in the user's state.

    Raises:
        PrerequisiteError: This user has no home.
    """
    from platformdirs import user_state_path

    with _of_a_home("XDG_STATE_HOME"):
        return user_state_path("platform-images") / "builds"


def moved_by(path: Path) -> str | None:
    """Return the variable that puts one of this program's own folders elsewhere, where a path has to do with one."""
    with suppress(FileNotFoundError):  # there is no folder for temporary files
        top = Path(tempfile.gettempdir())
        if any(place.parent == top and place.name.startswith(PREFIX) for place in (path, *path.parents)):
            return "TMPDIR"
    for variable, folder in (("XDG_CACHE_HOME", cache_folder), ("XDG_STATE_HOME", logs_folder)):
        with suppress(PrerequisiteError):
            if path.is_relative_to(folder()) or folder().is_relative_to(path):  # or one that has to be made before it
                return variable
    return None


@contextmanager
def _of_a_home(variable: str) -> Iterator[None]:
    """Say what to set where a folder would lie in a home, and there is none."""
    try:
        yield
    except RuntimeError as error:
        raise PrerequisiteError(
            "This user has no home folder, where a cache and logs could be.",
            why="HOME is not set to a whole path, and the machine knows no home of this user",
            fix=f"set HOME to a folder that this user may write, or {variable}",
        ) from error


@contextmanager
def using(*kinds: Kind) -> Iterator[None]:
    """Keep `invoke clean` away from these kinds meanwhile; wait where it is just removing some."""
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(_shared(kind))
        yield


@contextmanager
def reserved(*kinds: Kind) -> Iterator[frozenset[Kind]]:
    """Give those kinds that nobody uses, and have who wants to use one wait meanwhile."""
    with ExitStack() as stack:
        yield frozenset(kind for kind in kinds if stack.enter_context(_exclusive(kind)))


def free(*kinds: Kind) -> frozenset[Kind]:
    """Return those kinds that nobody uses now; nothing is written."""
    return frozenset(kind for kind in kinds if not locked(_lock(kind)))


def mark(kind: Kind, name: str) -> None:
    """Note that a thing is used now."""
    path = mark_path(kind, name)
    with suppress(OSError):  # a cache that cannot be written: it serves nevertheless
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def mark_path(kind: Kind, name: str) -> Path:
    """Return the file whose time is when a thing was used last."""
    return cache_folder() / USED / kind / name


def _lock(kind: Kind) -> Path:
    return cache_folder() / LOCKS / kind


@contextmanager
def _shared(kind: Kind) -> Iterator[None]:
    """Hold a kind's lock together with others."""
    try:
        handle = _opened(kind)
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
        yield  # nobody removes anything from a cache that cannot be written
        return
    try:
        with suppress(OSError):  # a file system without locks: invoke clean cannot get one either
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


@contextmanager
def _exclusive(kind: Kind) -> Iterator[bool]:
    """Hold a kind's lock alone, where nobody else has it; say whether that is so."""
    try:
        handle = _opened(kind)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:
        alone = False
    try:
        yield alone
    finally:
        os.close(handle)


def _opened(kind: Kind) -> int:
    """Return a handle of a kind's lock, which is made where it is missing."""
    path = _lock(kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
