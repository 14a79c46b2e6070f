"""What the program keeps in the user's cache and state and in folders for temporary files. Links are not followed."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from platform_images import temporary, usage
from platform_images.clean import secondengines
from platform_images.clean.values import Entry, Kind, State

SETTLED = 60.0  # what was made a moment ago may not be locked yet
DAY = 86_400.0
_BLOCK = 512
_FOLDERS = {
    usage.Kind.TOOLS: Kind.TOOLS,
    usage.Kind.ROOTS: Kind.ROOT,
    usage.Kind.HUB: Kind.HUB_PROGRAMS,
    usage.Kind.DEBS: Kind.DEB,
}
_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_OWN = (usage.LOCKS, usage.USED)
_LINK = "a link, which is not followed"
_LARGE = Path("/var/tmp")  # noqa: S108 - the system's place for what is large and temporary
IMAGE = ".ext4"


def entries(free: frozenset[usage.Kind], *, now: float) -> tuple[Entry, ...]:
    """Return what there is on this machine's disks.

    Args:
        free: The kinds that no command uses.
        now: The time.
    """
    return (*_cache(free, now=now), *_logs(free, now=now), *_temporary(now=now), *secondengines.entries())


def _cache(free: frozenset[usage.Kind], *, now: float) -> Iterator[Entry]:
    """Give what is in the user's cache, one level below the kinds."""
    top = usage.cache_folder()
    if top.is_symlink():
        yield _entry(Kind.OTHER, top, State.KEPT, f"{_LINK}; XDG_CACHE_HOME moves it")
    for path in _listed(top):
        kind = next((each for each in _FOLDERS if each == path.name), None)
        if path.name in _OWN:
            continue
        if kind is None or path.is_symlink():
            why = _LINK if path.is_symlink() else "not known to this program"
            yield _entry(Kind.OTHER, path, State.KEPT, why)
            continue
        for each in _listed(path):
            state, why = _state(each, kind, free, now=now)
            yield _entry(_FOLDERS[kind], each, state, why, used=_marked(kind, each))


def _logs(free: frozenset[usage.Kind], *, now: float) -> Iterator[Entry]:
    """Give the logs of builds."""
    for path in _listed(usage.logs_folder()):
        if path.suffix == ".log" or path.name.startswith("."):
            state, why = _state(path, usage.Kind.LOGS, free, now=now)
            yield _entry(Kind.LOG, path, state, why)


def _state(path: Path, kind: usage.Kind, free: frozenset[usage.Kind], *, now: float) -> tuple[State, str]:
    """Return what something in a kind's folder is; with a point before its name it was never finished."""
    if path.is_symlink():
        return State.KEPT, _LINK
    if kind not in free:
        return State.IN_USE, f"a command that uses {kind} runs"
    if not path.name.startswith("."):
        return State.CACHE, ""
    if now - _changed(path) < SETTLED:
        return State.IN_USE, "just made"
    return State.LEFTOVER, "never finished"


def _temporary(*, now: float) -> Iterator[Entry]:
    """Give this user's temporary folders with a name of ours; a second engine's data are one with their file."""
    claimed = secondengines.claimed()
    lines = _command_lines()
    for folder in dict.fromkeys((Path(tempfile.gettempdir()).resolve(), _LARGE.resolve())):
        for path in _listed(folder):
            folder_name = path.name.removesuffix(IMAGE)
            if not _is_ours(path) or folder_name in claimed:
                continue
            if path.name != folder_name and path.with_name(folder_name).exists():
                continue
            told = any(path.name in line for line in lines)
            state, why = _temporary_state(path, told=told, age=now - _changed(path))
            yield _entry(Kind.TEMPORARY, path, state, why, more=_size(path.with_name(f"{path.name}{IMAGE}")))


def _temporary_state(path: Path, *, told: bool, age: float) -> tuple[State, str]:
    """Return what a temporary folder is; ``told`` says that a process was told of it."""
    if told or temporary.locked(path) or os.path.ismount(path):
        return State.IN_USE, "its owner runs"
    if age < SETTLED:
        return State.IN_USE, "just made"
    engine = temporary.role_of(path.name.removesuffix(IMAGE)) is temporary.Role.ENGINE  # known by its place instead
    if not engine and not path.name.endswith(temporary.LOCKED) and age < DAY:
        return State.IN_USE, "its owner does not lock it; a leftover when it is a day old"
    return State.LEFTOVER, "of a run that has ended"


def _is_ours(path: Path) -> bool:
    """Whether a path is a folder that this user has made by way of ``temporary``, or a second engine's data."""
    role = temporary.role_of(path.name.removesuffix(IMAGE))
    try:
        found = path.lstat()
    except OSError:
        return False
    whole = stat.S_ISDIR(found.st_mode) or (
        stat.S_ISREG(found.st_mode) and role is temporary.Role.ENGINE and path.suffix == IMAGE
    )
    return role is not None and found.st_uid == os.geteuid() and whole


def _command_lines() -> tuple[str, ...]:
    """Return the command lines of all processes, where the system shows them: a child may outlive its killed owner."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return tuple(found)


def _entry(kind: Kind, path: Path, state: State, why: str, *, used: float | None = None, more: int = 0) -> Entry:
    """Return the entry of a path; a temporary folder has its whole path for a name, and of a hash 12 digits do."""
    name = str(path) if kind is Kind.TEMPORARY else _HASH.sub(r"\1", path.name)
    last = max(used or 0.0, _changed(path)) or None
    return Entry(kind=kind, name=name, size=_size(path) + more, used=last, state=state, why=why, handle=str(path))


def _marked(kind: usage.Kind, path: Path) -> float | None:
    """Return when something was used last, where that was noted."""
    try:
        return usage.mark_path(kind, path.name).lstat().st_mtime
    except OSError:
        return None


def _changed(path: Path) -> float:
    """Return when a path was changed last; 0 where it is gone."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    """Return the bytes that a file or folder takes on the disk; a file with several names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for each in (str(path), *_below(path)):
        try:
            found = os.lstat(each)
        except OSError:
            continue
        if (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            total += found.st_blocks * _BLOCK
    return total


def _below(path: Path) -> Iterator[str]:
    """Give every path below a folder."""
    if path.is_dir() and not path.is_symlink():
        for top, folders, names in os.walk(path):
            yield from (os.path.join(top, name) for name in (*folders, *names))  # noqa: PTH118 - many of them


def _listed(folder: Path) -> list[Path]:
    """Return what is in a folder, by name; nothing where it is a link, is missing or cannot be read."""
    try:
        return [] if folder.is_symlink() else sorted(folder.iterdir())
    except OSError:
        return []
