"""Reference folders: read-only, exactly the files of a commit. What a user has put or changed there is moved aside."""

import os
import stat
from collections.abc import Mapping

from homefiles.merge import Outcome, known
from homefiles.record import Record
from homefiles.trees import FOLDER, LINK, Item, Tree, seen

_READ_ONLY_FOLDER, _OWN_FOLDER = 0o555, 0o755


def intact(tree: Tree, record: Record) -> bool:
    """Whether a folder is what was put there, nothing more and nothing less.

    Raises:
        OSError: It cannot be read.
    """
    present = _paths(tree.top)
    if set(present) != set(record.entries):
        return False
    return all(tree.look(path, known=known(entry)) == entry["default"] for path, entry in record.entries.items())


def mirror(source: "Mapping[str, Item]", tree: Tree, record: Record, *, aside: str) -> "tuple[Outcome, list[str]]":
    """Make a folder exactly what the source is, read-only, and return what was done and what was moved aside.

    Args:
        source: What is to be there, parents first.
        tree: The folder.
        record: What was put there before; brought up to date, not saved.
        aside: The folder that gets what somebody else has put or changed there.

    Raises:
        OSError: Something cannot be written; what was moved aside is safe.
    """
    outcome, moved = Outcome(), []
    os.makedirs(tree.top, exist_ok=True)
    _open(tree.top)
    try:
        for path in sorted(_paths(tree.top), reverse=True):
            if _clear(path, source.get(path), tree, record, aside=aside, moved=moved):
                outcome.removed.append(path)
        before, record.entries = record.entries, {}
        for path, item in source.items():
            wanted = Item(item.identity, mode=_read_only(item), place=item.place)
            if tree.look(path, known=known(before.get(path))) is None and tree.put(path, wanted):
                outcome.put.append(path)
            record.entries[path] = {"default": item.identity}
            if item.identity != FOLDER and not item.identity.startswith(LINK):
                os.chmod(tree.place(path), wanted.mode)
                record.entries[path]["seen"] = seen(tree.place(path))
    finally:
        _protect(tree.top)
    return outcome, moved


def _clear(path: str, item: "Item | None", tree: Tree, record: Record, *, aside: str, moved: "list[str]") -> bool:
    """Make room for what is to be at a path: remove what we had put there, move aside what somebody else has."""
    entry = record.entries.get(path)
    present = tree.look(path, known=known(entry))
    if item is not None and present == item.identity:
        return False
    if present == FOLDER:
        os.rmdir(tree.place(path))  # what was in it is gone by now
    elif entry is not None and present == entry["default"]:
        tree.remove(path)
    else:
        moved.append(_moved(tree.place(path), os.path.join(aside, path)))
        return False
    return item is None


def _read_only(item: Item) -> int:
    """Return permissions to read; folders can be written to until all is there."""
    return _OWN_FOLDER if item.identity == FOLDER else item.mode & 0o555 | 0o444


def _moved(place: str, wanted: str) -> str:
    """Move something to a place, or to the next free name there, and return its name."""
    stem, extension = os.path.splitext(wanted)
    name, number = wanted, 1
    while os.path.lexists(name):
        number += 1
        name = f"{stem}-{number}{extension}"
    os.makedirs(os.path.dirname(name), exist_ok=True)
    os.rename(place, name)
    if not stat.S_ISLNK(os.lstat(name).st_mode):
        os.chmod(name, stat.S_IMODE(os.lstat(name).st_mode) | 0o200)
    return name


def give_back(top: str) -> None:
    """Let a tree be the user's own from now on, files and folders."""
    _open(top)
    for path in _paths(top):
        place = os.path.join(top, path)
        if stat.S_ISREG(os.lstat(place).st_mode):
            os.chmod(place, stat.S_IMODE(os.lstat(place).st_mode) | 0o200)


def _open(top: str) -> None:
    """Let the folders of a tree be written to by its user."""
    for folder in _folders(top):
        os.chmod(folder, _OWN_FOLDER)


def _protect(top: str) -> None:
    """Let nothing be made or deleted in the folders of a tree by accident."""
    for folder in reversed(_folders(top)):
        os.chmod(folder, _READ_ONLY_FOLDER)


def _folders(top: str) -> "list[str]":
    """Return a folder and those below it, outermost first; links are not followed."""
    found = [top]
    for folder in found:
        with os.scandir(folder) as entries:
            found += sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    return found


def _paths(top: str) -> "list[str]":
    """Return the path of everything below a folder."""
    start = len(top) + 1
    found = []
    for folder in _folders(top):
        with os.scandir(folder) as entries:
            found += [entry.path[start:] for entry in entries]
    return found
