"""The digest of everything that an image is built from."""

from __future__ import annotations

from platform_images.files import json_text, sha256_bytes
from platform_images.locks.values import MissionLocks


def mission_digest(locks: MissionLocks) -> str:
    """Return 64 hexadecimal digits over the solutions: unit, file name and hash of each file.

    Requests and the versions of solvers do not count: the same packages are the same digest, however they were found.
    """
    entries = sorted(
        (str(lock.unit), name, digest) for lock in locks.locks for name, digest in lock.header.files.items()
    )
    return sha256_bytes(json_text(entries).encode("utf-8"))
