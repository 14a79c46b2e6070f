"""What ``invoke lab --dev`` mounts: the mission's and common's sources, over their places in the image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from platform_images.model import Mission, Platform

HOOKS = PurePosixPath("/opt/environments/hooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file or folder of this machine and its place in the container."""

    source: Path
    target: PurePosixPath


def dev_mounts(platform: Platform, mission: Mission, home: PurePosixPath | None) -> tuple[Mount, ...]:
    """Return a mount for every start-up file of common, and for the mission's extra files, home and hooks.

    Args:
        platform: The platform.
        mission: The mission.
        home: The home folder in the image; None where a folder of the user's own takes its place.
    """
    runtime = platform.common / "runtime"
    mounts = [
        Mount(source=file, target=PurePosixPath("/") / file.relative_to(runtime).as_posix())
        for file in sorted(runtime.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    ]
    mounts += [
        Mount(source=mission.folder / file.source, target=PurePosixPath(file.target)) for file in mission.settings.files
    ]
    if home is not None:
        mounts += [Mount(source=entry, target=home / entry.name) for entry in _entries(mission.folder / "home")]
    mounts += [Mount(source=entry, target=HOOKS / entry.name) for entry in _entries(mission.folder / "hooks")]
    return tuple(mounts)


def _entries(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.iterdir())) if folder.is_dir() else ()
