"""Reading ``repodata.json``: what a channel inside this repository has."""

from __future__ import annotations

import json
from pathlib import Path

from platform_images.errors import UsageError

_FILE = "repodata.json"
_PARTS = ("packages", "packages.conda")


def listed(project: Path, subdir: Path) -> dict[str, str]:
    """Return file name to SHA-256 of one subdir of a channel; empty where there is none.

    Args:
        project: The project's folder.
        subdir: The subdir's folder below it, relative.

    Raises:
        UsageError: The file is not what an index of a channel looks like.
    """
    path = project / subdir / _FILE
    if not path.is_file():
        return {}
    try:
        return _hashes(path.read_bytes())
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"{(subdir / _FILE).as_posix()} is damaged: it is not the index of a channel.",
            why=str(error),
            fix=f"git restore {subdir.parent.as_posix()}; invoke channel writes common/channel anew",
        ) from error


def _hashes(data: bytes) -> dict[str, str]:
    """Return file name to SHA-256.

    Raises:
        TypeError: A part of it is no mapping.
        ValueError: It is no JSON.
    """
    whole = _mapping(json.loads(data), "the file")
    found: dict[str, str] = {}
    for part in _PARTS:
        for name, entry in _mapping(whole.get(part, {}), part).items():
            found[name] = str(_mapping(entry, f"{part}: {name}").get("sha256", ""))
    return found


def _mapping(value: object, what: str) -> dict[str, object]:
    """Return what is a mapping as one."""
    if not isinstance(value, dict):
        raise TypeError(f"{what} is no mapping, but {json.dumps(value)[:60]}")
    return value
