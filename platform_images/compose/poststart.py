"""What the start of a user's server needs: notebooks with their commits, reference data, the mission's hooks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from platform_images.compose.locked import required_lock
from platform_images.compose.stages import Build
from platform_images.compose.values import ContextFile
from platform_images.files import json_text
from platform_images.locks.store import commits
from platform_images.locks.values import NOTEBOOKS, Unit
from platform_images.model.mission import Mission

SETTINGS = "final/opt/environments/etc/post-start.json"
HOOKS = "final/opt/environments"


def post_start_files(build: Build, mission: Mission) -> tuple[ContextFile, ...]:
    """Return the settings of the post-start hook, where there are any, and the mission's own hooks.

    Raises:
        LockError: The mission has notebooks, and their lock is not among the build's.
    """
    found: dict[str, Any] = {"notebooks": _notebooks(build, mission), "data": _data(build, mission)}
    settings = (ContextFile(path=SETTINGS, text=json_text(found)),) if any(found.values()) else ()
    return (*settings, *(replace(file, path=f"{HOOKS}/{file.path}") for file in build.sources.hooks))


def _notebooks(build: Build, mission: Mission) -> list[dict[str, Any]]:
    """Return each folder of notebooks with the commit that is locked for it."""
    if not mission.settings.notebooks:
        return []
    lock = required_lock(build.locks, Unit(scope=mission.name, part=NOTEBOOKS))
    locked = {row.folder: row.commit for row in commits(lock).notebooks}
    return [{**each.model_dump(), "commit": locked[each.folder]} for each in mission.settings.notebooks]


def _data(build: Build, mission: Mission) -> list[dict[str, Any]]:
    """Return the data sets of the mission and of the image's kernels that have a link, each link once."""
    every = (*mission.settings.data, *(each for kernel in build.environments for each in kernel.settings.data))
    links = {each.link: {"path": each.path, "link": each.link} for each in every if each.link is not None}
    return [links[name] for name in sorted(links)]
