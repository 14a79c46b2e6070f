"""What is installed in an environment, read from its files: nothing of it is started."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usertools.errors import ToolError


@dataclass(frozen=True)
class Distribution:
    """A Python package that pip or uv installed; ``requirement`` pins it."""

    name: str
    version: str
    requirement: str


def conda_records(prefix: Path) -> list[dict[str, Any]]:
    """Return the records of conda packages, sorted by name; the image's leave out what a build knows only."""
    records = [_conda_record(path) for path in sorted((prefix / "conda-meta").glob("*.json"))]
    return sorted((record for record in records if "name" in record), key=lambda record: str(record["name"]))


def _conda_record(path: Path) -> dict[str, Any]:
    """Return one record.

    Raises:
        ToolError: It is damaged.
    """
    try:
        return dict(json.loads(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise ToolError(
            f"The environment at {path.parent.parent} is damaged.",
            why=f"{path} is not readable: {error}",
            fix="make it anew: conda env export --from-history, conda env remove, conda env create",
        ) from error


def site_folders(prefix: Path) -> tuple[Path, ...]:
    """Return the folders of Python packages of an environment."""
    found = sorted(prefix.glob("lib/python3.*/site-packages"))
    return tuple(dict.fromkeys(folder.resolve() for folder in found if folder.is_dir()))


def pip_distributions(prefix: Path) -> list[Distribution]:
    """Return what pip or uv installed, sorted by name."""
    owned = {
        Path(file).parent.name
        for record in conda_records(prefix)
        for file in record.get("files", ())
        if file.endswith(".dist-info/METADATA")
    }
    return distributions(site_folders(prefix), leave_out=owned)


def distributions(folders: Iterable[Path], *, leave_out: Iterable[str] = ()) -> list[Distribution]:
    """Return the distributions of folders, sorted by name; of two of one name the first counts."""
    from importlib.metadata import distributions as found_in

    left_out = set(leave_out)
    found: dict[str, Distribution] = {}
    for folder in folders:
        for each in found_in(path=[str(folder)]):
            info = Path(str(getattr(each, "_path", ""))).name
            name = each.metadata["Name"] if each.metadata else None
            if not name or info in left_out or not info.endswith(".dist-info"):
                continue
            requirement = _requirement(name, each.version, each.read_text("direct_url.json"))
            found.setdefault(_canonical(name), Distribution(name, each.version, requirement))
    return [found[name] for name in sorted(found)]


def _canonical(name: str) -> str:
    """Return a name as package indexes compare it."""
    import re

    return re.sub(r"[-_.]+", "-", name).lower()


def _requirement(name: str, version: str, origin: str | None) -> str:
    """Return a line of requirements that brings this distribution again."""
    if not origin:
        return f"{name}=={version}"
    found = json.loads(origin)
    url = str(found["url"])
    if found.get("dir_info", {}).get("editable"):
        return f"-e {url}"
    if "vcs_info" in found:
        url = f"{found['vcs_info']['vcs']}+{url}@{found['vcs_info']['commit_id']}"
    if found.get("subdirectory"):
        url += f"#subdirectory={found['subdirectory']}"
    return f"{name} @ {url}"
