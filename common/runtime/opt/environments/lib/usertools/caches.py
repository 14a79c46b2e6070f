"""The caches below $HOME: how large they are, and emptying them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from usertools import places


@dataclass(frozen=True)
class Cache:
    """One cache.

    Attributes:
        name: What it is called here.
        path: Where it is.
        about: What is in it.
        usual: Whether ``cache-clear`` empties it without being told to.
    """

    name: str
    path: Path
    about: str
    usual: bool = True


@dataclass(frozen=True)
class Size:
    """How much a folder holds, and how much of it its removal frees: environments share files with caches."""

    held: int = 0
    freed: int = 0


def known() -> tuple[Cache, ...]:
    """Return all caches that the tools know."""
    return (
        Cache("conda", places.conda_cache(), "conda packages and channel indexes"),
        Cache("uv", places.uv_cache(), "packages that uv and kernel-create fetched"),
        Cache("pip", places.pip_cache(), "packages that pip fetched"),
        Cache("npm", places.npm_cache(), "packages that npm fetched"),
        Cache("astropy", places.home() / ".astropy" / "cache", "data that astropy fetched", usual=False),
        Cache("trash", places.trash(), "files deleted in JupyterLab", usual=False),
    )


def measure(folder: Path) -> Size:
    """Return how much a folder holds on the disk; a file with two names in it counts once."""
    seen: dict[tuple[int, int], list[int]] = {}
    for place, names, files in os.walk(folder):
        for name in (*names, *files):
            try:
                found = os.lstat(os.path.join(place, name))  # noqa: PTH118 - pathlib is slow for this many
            except OSError:
                continue
            entry = seen.setdefault((found.st_dev, found.st_ino), [found.st_blocks * 512, found.st_nlink, 0])
            entry[2] += 1
            if name in names:
                entry[1] = 1  # a folder's links are the folders in it
    return Size(
        held=sum(size for size, _, _ in seen.values()),
        freed=sum(size for size, links, here in seen.values() if here >= links),
    )
