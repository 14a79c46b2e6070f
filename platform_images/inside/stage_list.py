"""What a stage has, as far as it tells whether a later one has changed it: looked at where it is, or read from a list.

A list has one line for each path, by path, a JSON array: path without the first slash; mode, user, group, device, size,
time of change of the content in seconds and of anything in nanoseconds, as lstat gives them; the SHA-256 of a file's
content or the target of a link; extended attributes by name, in hexadecimal.

Why not mount the earlier stage and compare with that? For a mount BuildKit reads and hashes all of the stage first.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

import manifest  # type: ignore[import-not-found]  # it lies beside this file in a build step

NAME = "stage.jsonl"


class Seen(NamedTuple):
    """What lstat says of a path."""

    st_mode: int
    st_uid: int
    st_gid: int
    st_rdev: int
    st_size: int
    st_mtime: float
    st_ctime_ns: int


class Told(NamedTuple):
    """What has to be read: the digest of a file or the target of a link, and the extended attributes."""

    content: str
    extended: Mapping[str, str]


class Listed(NamedTuple):
    """A stage: what lstat says of each path, and who tells the rest."""

    seen: dict[str, Seen]
    tell: Callable[[str], Told]


def looked_at(top: Path, skipped: frozenset[str], known: manifest.Digests | None = None) -> Listed:
    """Return what there is below a folder, without the paths ``skipped`` and what is below them."""
    start = len(str(top).rstrip("/")) + 1
    found = {entry.path[start:]: entry.stat(follow_symlinks=False) for entry in manifest.below(str(top), skipped)}

    def tell(path: str) -> Told:
        return told(top / path, found[path].st_mode, known)

    return Listed({path: seen(each) for path, each in found.items()}, tell)


def seen(found: os.stat_result) -> Seen:
    """Return what counts of what lstat says."""
    return Seen(*(getattr(found, name) for name in Seen._fields))


def told(path: Path, mode: int, known: manifest.Digests | None = None) -> Told:
    """Read what lstat does not say."""
    content = ""
    if stat.S_ISREG(mode):
        content = manifest.known_digest(path, path.lstat(), known)
    elif stat.S_ISLNK(mode):
        content = str(path.readlink())
    names = os.listxattr(path, follow_symlinks=False)
    return Told(content, {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in names})


def read(file: Path, skipped: frozenset[str]) -> Listed:
    """Return what a list says, without the paths ``skipped`` and what is below them."""
    found: dict[str, Seen] = {}
    rest: dict[str, Told] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        path, *numbers, content, extended = json.loads(line)
        if not skipped.isdisjoint(above(f"/{path}")):
            continue
        found[path] = Seen(*numbers)
        rest[path] = Told(content, extended)
    return Listed(found, rest.__getitem__)


def above(path: str) -> Iterator[str]:
    """Yield a path and the folders above it, but for the root."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def write(file: Path, now: Listed, same: Iterable[str], earlier: Callable[[str], Told]) -> None:
    """Write the list of a stage; of paths that are the ``same``, the rest is what was told of the earlier one."""
    unchanged = frozenset(same)
    with file.open("w", encoding="utf-8") as stream:
        for path in sorted(now.seen, key=os.fsencode):
            rest = earlier(path) if path in unchanged else now.tell(path)
            stream.write(manifest.encoded([path, *now.seen[path], *rest]) + "\n")
