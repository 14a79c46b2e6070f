"""Folders that a run needs and nobody afterwards: each has a name that tells what it is, and is locked by its owner.

A lock ends with its owner, so what a killed run has left can be told from what is in use: `invoke clean` does that.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

PREFIX = "platform-images-"


class Role(StrEnum):
    """What a folder is for; its name says it."""

    APT = "apt"
    BUILD = "build"
    CHANNEL = "channel"
    CONTEXT = "context"
    ENGINE = "engine"
    HUB = "hub"
    INDEX = "index"
    LOCKS = "locks"
    MIRROR = "mirror"
    PINS = "pins"
    PKGS = "pkgs"
    PREFIX = "prefix"
    ROOT = "root"
    SOLVE = "solve"


LOCKED = ".locked"  # what the name of a folder ends with whose owner locks it
_NAME = re.compile(rf"{PREFIX}(?P<role>{'|'.join(Role)})-[a-z0-9_]{{8}}(?:{re.escape(LOCKED)})?")


@contextmanager
def folder(role: Role) -> Iterator[Path]:
    """Give an empty folder that is gone afterwards, locked for as long as this process has it."""
    with tempfile.TemporaryDirectory(prefix=prefix(role), suffix=LOCKED, ignore_cleanup_errors=True) as name:
        handle = os.open(name, os.O_RDONLY)
        try:
            with suppress(OSError):  # a file system without locks: there nobody can tell that it is free
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            yield Path(name)
        finally:
            os.close(handle)


def prefix(role: Role) -> str:
    """Return what the name of a folder of this role begins with."""
    return f"{PREFIX}{role}-"


def role_of(name: str) -> Role | None:
    """Return what a folder of this name is for; None where the name is not one of ours."""
    found = _NAME.fullmatch(name)
    return Role(found["role"]) if found else None


def locked(path: Path) -> bool:
    """Return whether somebody has locked a folder or file, or that cannot be told."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
