"""A copy of the project to be measured in: missions of the benchmark's own, from kernels that are there.

Nothing of the project changes, and no image of the user's loses its name: a mission's name is that of its image.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platform_images.errors import LockError
from platform_images.files import write_text
from platform_images.locks.freshness import inputs
from platform_images.locks.store import LockStore, mission_units
from platform_images.locks.values import Unit
from platform_images.model import Environment, Mission, Platform, load_mission, load_missions, load_platform

PREFIX = "platform-images-bench"
THREE = "three"
KERNELS = 3
SMALL = Path("tests") / "small"
_TOP = ("platform.toml", "tasks.py", "noxfile.py")
_SKIPPED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")


@dataclass(frozen=True, slots=True)
class Part:
    """A kernel of a mission, and the name that it gets."""

    mission: str
    kernel: str
    name: str


def copy_project(project: Path, folder: Path, *, small: bool) -> Platform:
    """Copy what solving and building read; with ``small``, the small mission of the tests in place of all others."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _TOP:
        shutil.copy2(project / name, folder / name)
    for name in ("common", "locks/common", *(() if small else ("deployments", "locks"))):
        shutil.copytree(project / name, folder / name, ignore=_SKIPPED, dirs_exist_ok=True)
    if small:
        shutil.copytree(project / SMALL, folder, ignore=_SKIPPED, dirs_exist_ok=True)
    return load_platform(folder)


def image_of(name: str) -> str:
    """Return the name that a mission of the benchmark has, which is its image's."""
    return f"{PREFIX}-{name}"


def own_missions(platform: Platform) -> tuple[Mission, ...]:
    """Return the project's missions, without those of the benchmark."""
    return tuple(mission for mission in load_missions(platform) if not mission.name.startswith(PREFIX))


def three_kernels(missions: Sequence[Mission]) -> tuple[Part, ...]:
    """Return three kernels for one mission: of missions without OS packages of their own first, each in turn.

    Where there are fewer than three, some come again under another name.
    """
    ordered = sorted(missions, key=lambda mission: (bool(mission.os_packages), mission.name))
    turns = max((len(mission.kernels) for mission in ordered), default=0)
    found = [
        (mission.name, mission.kernels[turn].name)
        for turn in range(turns)
        for mission in ordered
        if turn < len(mission.kernels) and mission.kernels[turn].settings.solver == "uv"
    ]
    if not found:
        raise LockError("No mission has a kernel that uv solves.", fix="name one with --mission")
    several = found * KERNELS
    return tuple(Part(m, k, k if n < len(found) else f"{k}-{n + 1}") for n, (m, k) in enumerate(several[:KERNELS]))


def adopt(platform: Platform, name: str, parts: Sequence[Part], *, like: str | None = None) -> Mission:
    """Make a mission of the benchmark from kernels that have locks.

    Args:
        platform: The copy.
        name: What it is called, after the benchmark's prefix.
        parts: Its kernels.
        like: The mission that gives all the rest: OS packages, files, steps. A plain one without it.

    Raises:
        LockError: A kernel has no lock.
    """
    folder = platform.deployments / image_of(name)
    if folder.exists():
        return load_mission(platform, folder.name)
    if like is not None:
        shutil.copytree(platform.deployments / like, folder, symlinks=True, ignore=shutil.ignore_patterns("kernels"))
    folder.mkdir(exist_ok=True)
    for part in parts:
        source = platform.deployments / part.mission / "kernels" / part.kernel
        shutil.copytree(source, folder / "kernels" / part.name)
    write_text(folder / "mission.toml", _mission_text(platform, name, parts, like=like))
    mission = load_mission(platform, folder.name)
    _adopt_locks(platform, mission, parts, like=like)
    return mission


def _mission_text(platform: Platform, name: str, parts: Sequence[Part], *, like: str | None) -> str:
    """Return ``mission.toml``: that of another mission with these kernels, or the least that there can be."""
    import tomlkit

    if like is None:
        document = tomlkit.document()
        document.update({"title": f"Benchmark: {name}", "version": "1"})
    else:
        document = tomlkit.parse((platform.deployments / like / "mission.toml").read_text(encoding="utf-8"))
    document["kernels"] = [part.name for part in parts]
    return tomlkit.dumps(document)


def _adopt_locks(platform: Platform, mission: Mission, parts: Sequence[Part], *, like: str | None) -> None:
    """Give the mission the solutions that its parts have, recorded as solved from its own requests."""
    store = LockStore(platform.locks)
    kernels = {part.name: Unit(scope=part.mission, part=part.kernel) for part in parts}
    for unit in mission_units(mission):
        lock = store.require(kernels.get(unit.part) or Unit(scope=like or mission.name, part=unit.part))
        found = inputs(platform, mission, unit, store=store)
        store.write(unit, files=lock.files, inputs=found, solvers=lock.header.solvers)


def all_kernels(mission: Mission) -> tuple[Part, ...]:
    """Return a mission's kernels, under their own names."""
    return tuple(Part(mission.name, kernel.name, kernel.name) for kernel in mission.kernels)


def environments(platform: Platform, mission: Mission) -> tuple[Environment, ...]:
    """Return what an image installs: the base, then the kernels."""
    return (platform.base, *mission.kernels)
