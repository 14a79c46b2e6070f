"""Edits of locks by somebody who renews the recorded hash as well."""

from __future__ import annotations

import json
from pathlib import Path

from platform_images.files import sha256_bytes


def recorded_anew(place: Path, name: str, data: bytes | None) -> None:
    """Write, or with None delete, one file of a lock, and its hash in the header."""
    header = json.loads((place / "lock.json").read_bytes())
    if data is None:
        (place / name).unlink()
        del header["files"][name]
    else:
        (place / name).write_bytes(data)
        header["files"][name] = sha256_bytes(data)
    (place / "lock.json").write_text(json.dumps(header))
