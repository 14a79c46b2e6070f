"""What distributions say of themselves, kept from one plan to the next: a release always says the same.

A folder of the cache has, for each environment's Python and each release of a lock, the distribution's ``dist-info`` as
it was installed, with what plans read of it. Nothing is installed from there. What is built from source is never kept,
since each build may say something else.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pip_part import (  # type: ignore[import-not-found,unused-ignore]  # it lies beside this file in a build step
    CACHE,
    MIRROR,
    SAID,
    infos,
    normalised,
)

KEPT = ("RECORD", *SAID)
FORMAT = "1"


def shelf(prefix: Path) -> Path:
    """Return the folder for the Python of an environment: which wheel of a release is taken depends on it.

    Scripts name the environment, and RECORDs have their hashes; which wheels fit depends on the C library, too.
    """
    python = sorted(path.name for path in (prefix / "conda-meta").glob("python-[0-9]*.json"))
    library = os.confstr("CS_GNU_LIBC_VERSION") or ""
    words = (FORMAT, str(prefix), *python, platform.machine(), library, str(MIRROR.is_dir()))
    return Path(CACHE, "known", _hashed("\0".join(words)))


def take(folder: Path, place: Path, releases: Mapping[str, str]) -> set[str]:
    """Lay out what is known below ``place``.

    Args:
        folder: Where it is kept, see `shelf`.
        place: Where other distributions may be installed already.
        releases: Normalised name to the lines of the lock.

    Returns:
        The names of those that were laid out.
    """
    taken = set()
    for name, lines in releases.items():
        for info in infos(folder / _hashed(lines)):
            below = place / info.relative_to(folder / _hashed(lines))
            below.parent.mkdir(parents=True, exist_ok=True)
            below.symlink_to(info)
            taken.add(name)
    return taken


def keep(folder: Path, place: Path, releases: Mapping[str, str], names: Iterable[str]) -> None:
    """Keep what some distributions say that are installed below ``place``; steps may do so at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = set(names)
    for info in infos(place):
        name = normalised(info.name.split("-", 1)[0])
        if name not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix=".", dir=folder) as made:
            entry = Path(made, "entry")
            kept = entry / info.relative_to(place)
            kept.mkdir(parents=True)
            for each in KEPT:
                if (info / each).is_file():
                    shutil.copyfile(info / each, kept / each)
            with suppress(OSError):  # another step was first
                os.rename(entry, folder / _hashed(releases[name]))  # noqa: PTH104 - it never replaces what is there


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
