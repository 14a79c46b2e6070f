"""The packages of a lock, by kind and name. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from platform_images.errors import LockError
from platform_images.keep.diffvalues import Kind, Package
from platform_images.locks.conda import conda_packages
from platform_images.locks.pip import pins
from platform_images.locks.store import commits, os_packages, root
from platform_images.locks.values import (
    BUILD_REQUIREMENTS,
    CONDA_LOCK,
    NOTEBOOKS,
    NPM,
    OS,
    PACKAGE_LOCK,
    REQUIREMENTS,
    ROOT,
    DebPackage,
    Lock,
    RootSystem,
)

Packages = dict[str, Package]
IMAGE, SUITE = "image", "suite"


def lock_packages(lock: Lock) -> dict[Kind, Packages]:
    """Return all packages that a lock names.

    Raises:
        LockError: A file of it is not in its format.
    """
    match lock.unit.part:
        case part if part == ROOT:
            system = root(lock)
            return {Kind.SYSTEM: _system(system), Kind.DEB: _deb(system.packages)}
        case part if part == OS:
            return {Kind.DEB: _deb(os_packages(lock).packages)}
        case part if part == NPM:
            return {Kind.NPM: _npm(lock)}
        case part if part == NOTEBOOKS:
            return {Kind.NOTEBOOKS: {each.folder: Package(version=each.commit) for each in commits(lock).notebooks}}
    return {
        Kind.CONDA: _conda(lock),
        Kind.PIP: pip_packages(lock.files.get(REQUIREMENTS, "")),
        Kind.BUILD: pip_packages(lock.files.get(BUILD_REQUIREMENTS, "")),
    }


def pip_packages(text: str) -> Packages:
    """Return the packages of a lock in pip's format."""
    return {canonicalize_name(pin.name): Package(version=pin.version, content=pin.hashes) for pin in pins(text)}


def npm_entries(lock: Lock) -> dict[str, dict[str, Any]]:
    """Return what npm's lock has, by place below ``node_modules``; the packages that were asked for are at ``""``.

    Raises:
        LockError: It is not in npm's format.
    """
    try:
        entries = json.loads(lock.files[PACKAGE_LOCK])["packages"]
        return {str(place): dict(entry) for place, entry in entries.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LockError(
            f"The lock of {lock.unit} is damaged: {PACKAGE_LOCK} is not in npm's format.",
            why=f"{type(error).__name__}: {error}",
            fix=lock.unit.session,
        ) from error


def npm_name(place: str) -> str:
    """Return a package's name from its place: that of one inside another is ``outer/node_modules/inner``."""
    return place.removeprefix("node_modules/")


def _system(system: RootSystem) -> Packages:
    """Return what the root is: a suite of Debian, of which the packages are known, or an image."""
    if system.provider == IMAGE:
        return {system.source: Package(version=system.digest, build=system.image_id or "")}
    return {SUITE: Package(version=system.source)}


def _deb(packages: Iterable[DebPackage]) -> Packages:
    """Return Debian packages; a name that comes with two architectures carries them."""
    found = tuple(packages)
    names = [package.name for package in found]
    return {
        package.name if names.count(package.name) == 1 else f"{package.name}:{package.architecture}": Package(
            version=package.version, content=frozenset({package.sha256}), size=package.size
        )
        for package in found
    }


def _conda(lock: Lock) -> Packages:
    """Return the conda part; an environment without one has none."""
    if CONDA_LOCK not in lock.files:
        return {}
    return {
        package.name: Package(version=package.version, build=package.build, content=frozenset({package.sha256}))
        for package in conda_packages(lock)
    }


def _npm(lock: Lock) -> Packages:
    """Return npm's packages."""
    return {
        npm_name(place): Package(
            version=str(entry.get("version", "")),
            content=frozenset({str(entry.get("integrity", ""))}),
            licence=_licence(entry),
        )
        for place, entry in npm_entries(lock).items()
        if place and not entry.get("link")
    }


def _licence(entry: Mapping[str, Any]) -> str | None:
    """Return a package's licence where npm's lock has it in words."""
    licence = entry.get("license")
    return licence if isinstance(licence, str) else None
