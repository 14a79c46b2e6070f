"""Lay out packages for one environment as they are for another one that has the same: each file once, under both names.

Only what names the environment is written anew: scripts in bin/, whose first line is the path of their Python, and the
rows of the RECORDs that have their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from pathlib import Path

PROGRAMS = "bin"


def lay_out(first: Path, place: Path, *, prefix: str, other: str) -> None:
    """Give ``place`` what ``first`` has.

    Args:
        first: Where the packages are laid out for the environment ``prefix``.
        place: An empty folder on the same file system.
        prefix: Where the first environment is in the image.
        other: Where the second one is.
    """
    for folder, folders, names in os.walk(first):
        below = place / Path(folder).relative_to(first)
        for name in folders:
            path = Path(folder, name)
            if path.is_symlink():
                os.link(path, below / name, follow_symlinks=False)
            else:
                (below / name).mkdir()
                shutil.copymode(path, below / name)
        for name in names:
            path = Path(folder, name)
            if path.is_symlink() or path.stat().st_size:
                os.link(path, below / name, follow_symlinks=False)
            else:  # several names for nothing save nothing
                shutil.copy(path, below / name)
    written = rewritten(place, prefix.encode(), other.encode())
    for listed in sorted(place.glob("lib/python3.*/site-packages/*.dist-info/RECORD")):
        retold(listed, written, place)


def rewritten(place: Path, prefix: bytes, other: bytes) -> dict[str, str]:
    """Write the scripts anew that name the first environment; return what a RECORD says of each, by its path."""
    found = {}
    for path in sorted((place / PROGRAMS).glob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if prefix + b"/" not in content:
            continue
        content = content.replace(prefix + b"/", other + b"/")
        mode = path.stat().st_mode
        path.unlink()  # it is the first one's as well
        path.write_bytes(content)
        path.chmod(mode)
        found[f"{PROGRAMS}/{path.name}"] = row(content)
    return found


def retold(listed: Path, written: dict[str, str], place: Path) -> None:
    """Correct the rows of scripts in a RECORD."""
    lines = listed.read_text(encoding="utf-8").splitlines(keepends=True)
    told = []
    for line in lines:
        path, _, _ = line.partition(",sha256=")
        name = os.path.relpath(listed.parent.parent / path, place)
        told.append(f"{path},{written[name]}\n" if name in written else line)
    if told != lines:
        listed.unlink()
        listed.write_text("".join(told), encoding="utf-8")


def row(content: bytes) -> str:
    """Return the hash and the size of a file, as a RECORD has them (PEP 376, PEP 427)."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(content)}"
