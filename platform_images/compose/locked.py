"""Locks in the plain form that programs in build steps read: lists a shell can split, JSON without a parser's help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from platform_images.compose.values import ContextFile, channel_context
from platform_images.errors import LockError
from platform_images.files import json_text
from platform_images.locks.conda import conda_packages
from platform_images.locks.store import build_requirements, os_packages, requirements
from platform_images.locks.values import (
    BUILD_REQUIREMENTS,
    NOTEBOOKS,
    NPM,
    OS,
    PACKAGE_JSON,
    PACKAGE_LOCK,
    REQUIREMENTS,
    ROOT,
    CondaPackage,
    DebPackage,
    Lock,
    MissionLocks,
    Unit,
)
from platform_images.model.environment import Environment
from platform_images.model.platform import Platform


def lock_of(locks: MissionLocks, unit: Unit) -> Lock | None:
    """Return a unit's lock, or nothing where the image has no such part."""
    return next((lock for lock in locks.locks if lock.unit == unit), None)


def required_lock(locks: MissionLocks, unit: Unit) -> Lock:
    """Return a unit's lock.

    Raises:
        LockError: It is not among them.
    """
    lock = lock_of(locks, unit)
    if lock is None:
        raise LockError(f"{unit} has no lock.", fix=unit.session)
    return lock


def environment_lock(locks: MissionLocks, environment: Environment) -> Lock:
    """Return an environment's lock.

    Raises:
        LockError: It is not among them.
    """
    return required_lock(locks, Unit(scope=environment.scope, part=environment.name))


def lock_files(platform: Platform, lock: Lock) -> tuple[ContextFile, ...]:
    """Return one unit's files for the build context."""
    place = f"locks/{lock.unit}"
    if lock.unit.part in (ROOT, NOTEBOOKS):
        return ()
    if lock.unit.part == OS:
        return (ContextFile(path=f"{place}/packages.list", text=os_list(os_packages(lock).packages)),)
    if lock.unit.part == NPM:
        return tuple(
            ContextFile(path=f"{place}/{name}", text=lock.files[name]) for name in (PACKAGE_JSON, PACKAGE_LOCK)
        )
    files = [ContextFile(path=f"{place}/conda.json", text=_conda_list(platform, conda_packages(lock)))]
    if REQUIREMENTS in lock.files:
        files.append(ContextFile(path=f"{place}/pip/{REQUIREMENTS}", text=requirements(lock)))
    build = build_requirements(lock)
    if build is not None:
        files.append(ContextFile(path=f"{place}/pip/{BUILD_REQUIREMENTS}", text=build))
    return tuple(files)


def local_channels(platform: Platform, lock: Lock) -> tuple[str, ...]:
    """Return the channels of the repository that an environment's lock takes packages from, sorted."""
    names = {package.channel for package in conda_packages(lock)}
    return tuple(sorted(name for name in names if platform.channel(name).path is not None))


def os_list(packages: Iterable[DebPackage]) -> str:
    """Return one line a package: name, version, architecture, sha256, path below the archive's root."""
    return "".join(f"{p.name} {p.version} {p.architecture} {p.sha256} {p.path}\n" for p in packages)


def _conda_list(platform: Platform, packages: tuple[CondaPackage, ...]) -> str:
    """Return what ``install_conda.py`` reads."""
    channels = {name: _channel_place(platform, name) for name in sorted({p.channel for p in packages})}
    return json_text(
        {"platform": platform.subdir, "channels": channels, "packages": [_conda_entry(p) for p in packages]}
    )


def _channel_place(platform: Platform, name: str) -> dict[str, str]:
    """Return where a build step finds a channel."""
    if platform.channel(name).path is not None:
        return {"mount": f"/mnt/{channel_context(name)}"}
    return {"url": platform.channel_base(name)}


def _conda_entry(package: CondaPackage) -> dict[str, Any]:
    """Return one package."""
    return {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "subdir": package.subdir,
        "file": package.filename,
        "channel": package.channel,
        "sha256": package.sha256,
        "md5": package.md5,
        "depends": [f"{name} {spec}".strip() for name, spec in package.dependencies if not name.startswith("__")],
        "noarch_python": package.subdir == "noarch" and any(name == "python" for name, _ in package.dependencies),
    }
