"""What each unit of an image needs, as its lock names it, before anybody knows where that is. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from platform_images.errors import LockError
from platform_images.locks.conda import conda_packages
from platform_images.locks.store import build_requirements, os_packages, root, root_image_id
from platform_images.locks.values import (
    NOTEBOOKS,
    NPM,
    OS,
    PACKAGE_LOCK,
    REQUIREMENTS,
    ROOT,
    CondaPackage,
    DebPackage,
    Lock,
    MissionLocks,
    RootSystem,
)
from platform_images.mirror import manifest
from platform_images.mirror.manifest import solution_digest

TOOLS, NODE = "project/tools", "project/node"
_INTEGRITY = "sha512"


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmTarball:
    """One tarball of an npm registry.

    Attributes:
        spec: ``name@version``.
        path: Its place in a mirror.
        sha512: 128 hexadecimal digits.
        places: Where the lock installs it, such as ``node_modules/is-number``.
    """

    spec: str
    path: str
    sha512: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one unit needs.

    Attributes:
        name: ``<scope>/<part>``.
        digest: Digest of its solution.
        system: The root, for the root's unit.
        debs: Debian packages.
        conda: Conda packages.
        requirements: Texts in pip's format, with hashes, solved apart from each other.
        python: Version of the environment's Python, for the requirements.
        npm: Tarballs of an npm registry.
    """

    name: str
    digest: str
    system: RootSystem | None = None
    debs: tuple[DebPackage, ...] = ()
    conda: tuple[CondaPackage, ...] = ()
    requirements: tuple[str, ...] = ()
    python: str = ""
    npm: tuple[NpmTarball, ...] = ()


def needs(locks: MissionLocks) -> tuple[Need, ...]:
    """Return what every unit of an image needs, in build order.

    Raises:
        LockError: A lock is not in the format of this version.
    """
    return tuple(need(lock) for lock in locks.locks)


def need(lock: Lock) -> Need:
    """Return what one unit needs.

    Raises:
        LockError: Its lock is not in the format of this version.
    """
    name, digest = str(lock.unit), solution_digest(lock)
    if lock.unit.part == ROOT:
        system = root(lock)
        return Need(name=name, digest=digest, system=system, debs=system.packages)
    if lock.unit.part == OS:
        return Need(name=name, digest=digest, debs=os_packages(lock).packages)
    if lock.unit.part == NOTEBOOKS:
        return Need(name=name, digest=digest)  # fetched when a server starts, never by a build
    if lock.unit.part == NPM:
        return Need(name=name, digest=digest, npm=npm_tarballs(lock))
    packages = conda_packages(lock)
    texts = (lock.files.get(REQUIREMENTS), build_requirements(lock))
    return Need(
        name=name,
        digest=digest,
        conda=packages,
        requirements=tuple(text for text in texts if text is not None),
        python=_python(packages, lock),
    )


def deb_path(package: DebPackage) -> str:
    """Return a Debian package's place in a mirror."""
    return f"{manifest.DEBIAN}/{package.path}"


def conda_path(package: CondaPackage) -> str:
    """Return a conda package's place in a mirror."""
    return f"{manifest.CONDA}/{package.url}"


def root_path(system: RootSystem) -> str:
    """Return the root's place in a mirror: by its tar's digest, or by its id where it is an image of a registry.

    Raises:
        LockError: It is such an image, and its lock does not say the id.
    """
    digest = root_image_id(system) if system.provider == "image" else system.digest
    return f"{manifest.ROOTS}/{digest.removeprefix('sha256:')}.tar"


def npm_tarballs(lock: Lock) -> tuple[NpmTarball, ...]:
    """Return the tarballs that a ``package-lock.json`` names, sorted by name and version.

    Raises:
        LockError: One has no SHA-512 integrity.
    """
    found: dict[str, dict[str, Any]] = {}
    places: dict[str, list[str]] = {}
    for place, entry in sorted(json.loads(lock.files[PACKAGE_LOCK])["packages"].items()):
        if not place or entry.get("link"):
            continue
        spec = f"{entry.get('name') or place.rpartition('node_modules/')[2]}@{entry['version']}"
        found[spec] = entry
        places.setdefault(spec, []).append(place)
    return tuple(
        NpmTarball(spec=spec, path=_npm_path(spec), sha512=_sha512(spec, found[spec], lock), places=tuple(places[spec]))
        for spec in sorted(found)
    )


def _npm_path(spec: str) -> str:
    """Return a tarball's place in a mirror, as registries lay them out."""
    name, _, version = spec.rpartition("@")
    return f"{manifest.NPM}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"


def _sha512(spec: str, entry: dict[str, Any], lock: Lock) -> str:
    """Return the digits of an integrity (W3C Subresource Integrity: ``sha512-`` and base64)."""
    for word in str(entry.get("integrity", "")).split():
        kind, _, value = word.partition("-")
        if kind == _INTEGRITY:
            return base64.b64decode(value).hex()
    raise LockError(f"{PACKAGE_LOCK} of {lock.unit} has no {_INTEGRITY} for {spec}.", fix=lock.unit.session)


def _python(packages: Iterable[CondaPackage], lock: Lock) -> str:
    """Return the version of an environment's Python."""
    for package in packages:
        if package.name == "python":
            return package.version
    raise LockError(f"The lock of {lock.unit} holds no python.", fix=lock.unit.session)
