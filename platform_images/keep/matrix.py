"""`invoke matrix`: the missions that changes touch, as a matrix of GitHub Actions, so that only those are built."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from platform_images import console
from platform_images.keep.changes import changed_paths
from platform_images.model import Platform, load_platform, mission_names

if TYPE_CHECKING:
    from rich.table import Table

# What every image is made from or by. locks/project/hub is not among them: it is what `invoke hub` runs.
EVERYWHERE = (
    "bootstrap",
    "common",
    "locks/common",
    "locks/project/requirements.txt",
    "noxfile.py",
    "platform.toml",
    "platform_images",
    "pyproject.toml",
    "tasks.py",
)
ALL = "all"
MOST_REASONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A mission whose image changes may change.

    Attributes:
        mission: Its name.
        reasons: What was changed: the first files by name, and how many more; or ``all``.
    """

    mission: str
    reasons: tuple[str, ...]


def touched(
    paths: Sequence[str], missions: Sequence[str], *, everywhere: Sequence[str] = EVERYWHERE
) -> tuple[Touched, ...]:
    """Return the missions that changed files touch, in the order given.

    Args:
        paths: Files that were changed, made or deleted, from the project's top folder on.
        missions: Names of the missions that there are.
        everywhere: Files and folders that touch every mission.
    """
    common = [path for path in paths if _is_in(path, everywhere)]
    found = []
    for mission in missions:
        own = (f"deployments/{mission}", f"locks/{mission}")
        reasons = {*common, *(path for path in paths if _is_in(path, own))}
        if reasons:
            found.append(Touched(mission=mission, reasons=_short(sorted(reasons))))
    return tuple(found)


def _is_in(path: str, places: Sequence[str]) -> bool:
    """Whether a path is one of the places or below one."""
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _short(reasons: Sequence[str]) -> tuple[str, ...]:
    """Return so many reasons as are read, and how many more there are."""
    more = len(reasons) - MOST_REASONS
    return tuple(reasons) if more <= 0 else (*reasons[:MOST_REASONS], f"and {more} more")


def everywhere(platform: Platform) -> tuple[str, ...]:
    """Return what touches every mission, with the folders and files of this project that ``platform.toml`` names."""
    settings = platform.settings
    named = [channel.path for channel in settings.channels if channel.path is not None]
    if settings.tls.ca_bundle is not None:
        named.append(settings.tls.ca_bundle)
    return (*EVERYWHERE, *(str(PurePosixPath(name)) for name in named))


def matrix_line(found: Sequence[Touched]) -> str:
    """Return the missions as one line of JSON that ``fromJSON`` makes a ``strategy.matrix`` of; ASCII only."""
    return json_module.dumps({"include": [asdict(each) for each in found]})


def table(found: Sequence[Touched]) -> Table:
    """Return the missions as a table for people."""
    from rich.table import Table

    result = Table("mission", "reasons", box=None, pad_edge=False, header_style="bold")
    result.columns[1].overflow = "fold"
    for each in found:
        result.add_row(each.mission, ", ".join(each.reasons))
    return result


def show(project: Path, *, since: str | None, json: bool) -> int:
    """Print the missions that were touched since a revision, or all: for people on a terminal, else for machines.

    Raises:
        UsageError: The revision is not known, or this is no checkout of git.
        PrerequisiteError: There is no git here.
    """
    platform = load_platform(project)
    names = mission_names(platform)
    if since:
        found = touched(changed_paths(project, since), names, everywhere=everywhere(platform))
    else:
        found = tuple(Touched(mission=name, reasons=(ALL,)) for name in names)
    if json or not sys.stdout.isatty():  # rich may be told to take anything for a terminal
        sys.stdout.write(matrix_line(found) + "\n")
    elif found:
        console.stdout().print(table(found))
    else:
        console.say(f"No image is made from what has changed since {since}.")
    return 0
