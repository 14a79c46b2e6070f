"""The locks that an image was built from, where they are not the present ones: git has them, if they were committed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import ValidationError

from platform_images.errors import PrerequisiteError, ToolError
from platform_images.keep.diffsides import revision
from platform_images.keep.revisions import git
from platform_images.locks.digest import mission_digest
from platform_images.locks.store import LockStore, units
from platform_images.locks.values import HEADER, Header, Lock, MissionLocks, Unit
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform

MOST_COMMITS = 500


def past_locks(
    platform: Platform, mission: Mission, kernels: tuple[Environment, ...], digest: str
) -> MissionLocks | None:
    """Return the locks with a digest, of the newest commit that has them; None where none of the last ones has.

    Args:
        platform: The platform.
        mission: The mission.
        kernels: The kernels whose locks count.
        digest: 64 hexadecimal digits, as ``mission_digest`` gives them.

    Raises:
        LockError: The commit's locks are damaged.
    """
    wanted = units(platform, mission, kernels)
    try:
        listed = git(platform.folder, "log", f"--max-count={MOST_COMMITS}", "--format=%H", "--", "locks").split()
    except (ToolError, PrerequisiteError):  # no checkout of git, or no git
        return None
    for commit in listed:
        if _digest(platform, mission, wanted, commit) == digest:
            with revision(platform.folder, commit, (mission.name,)) as side:
                return LockStore(side.folder / "locks").read_mission(platform, mission, kernels)
    return None


def _digest(platform: Platform, mission: Mission, wanted: Sequence[Unit], commit: str) -> str | None:
    """Return the lock digest at a commit, from the headers alone; None where it lacks one."""
    names = [f"{commit}:./locks/{unit}/{HEADER}" for unit in wanted]
    try:
        headers = _headers(git(platform.folder, "show", *names))
    except (ToolError, ValidationError, ValueError):
        return None
    if len(headers) != len(wanted):
        return None
    locks = tuple(Lock(unit=unit, header=header, files={}) for unit, header in zip(wanted, headers, strict=True))
    return mission_digest(MissionLocks(mission=mission.name, locks=locks))


def _headers(text: str) -> list[Header]:
    """Return the headers of several files, one after the other."""
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(text):
        value, place = decoder.raw_decode(text, place)
        found.append(Header.model_validate(value))
        while place < len(text) and text[place].isspace():
            place += 1
    return found
