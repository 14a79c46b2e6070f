"""Second engines (``engine/second.py``): those that run, and what is left of those whose owner was killed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from platform_images import temporary
from platform_images.clean.values import Entry, Kind, State
from platform_images.engine import second


def entries() -> tuple[Entry, ...]:
    """Return the places of second engines that have something in them."""
    return tuple(_entry(place) for place in _places())


def claimed() -> frozenset[str]:
    """Return the names of the data folders that belong to such a place."""
    links = [place / "data" for place in _places()]
    return frozenset(link.readlink().name for link in links if link.is_symlink())


def remove(place: Path) -> bool:
    """Take away what a killed owner has left; return False where a new owner has the place by now."""
    handle = os.open(place.with_suffix(".lock"), os.O_CREAT | os.O_RDONLY, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        second.clear(place)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _places() -> list[Path]:
    """Return the folders of places, by name; nothing where this user may not look."""
    try:
        return sorted(path for path in second.PLACES.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []


def _entry(place: Path) -> Entry:
    """Return one place; only its owner, root, can tell that it is free."""
    busy = os.geteuid() != 0 or temporary.locked(place.with_suffix(".lock"))
    data = place / "data"
    image = second.data_file(data.readlink()) if data.is_symlink() else None
    size = image.lstat().st_blocks * 512 if image is not None and image.is_file() else None
    return Entry(
        kind=Kind.SECOND_ENGINE,
        name=place.name,
        size=size,
        used=place.lstat().st_mtime,
        state=State.IN_USE if busy else State.LEFTOVER,
        why="its owner runs" if busy else "of a run that has ended",
        handle=str(place),
    )
