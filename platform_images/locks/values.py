"""Lock values: what a solver gives, what the store writes, what the composer reads.

A *unit* is what is solved and saved as one: the root, a list of OS packages, an environment, a list of npm packages,
the commits of notebooks. Its folder is ``locks/<scope>/<part>/``, with scope ``common`` or a mission, and part
``root``, ``os``, ``npm``, ``notebooks``, ``base`` or a kernel's name. Each folder holds ``lock.json`` (the header)
beside the solver's own files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, StringConstraints, model_serializer

COMMON = "common"
PROJECT_SCOPE = "project"  # programs that this project itself runs; no part of an image
ROOT, OS, NPM, BASE, NOTEBOOKS = "root", "os", "npm", "base", "notebooks"
HEADER = "lock.json"
PACKAGES = "packages.json"
CONDA_LOCK = "conda-lock.yml"
REQUIREMENTS = "requirements.txt"
BUILD_REQUIREMENTS = "build-requirements.txt"
PACKAGE_JSON = "package.json"
PACKAGE_LOCK = "package-lock.json"
COMMITS = "commits.json"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ImageId = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Unit:
    """What is solved and saved as one."""

    scope: str
    part: str

    def __str__(self) -> str:
        return f"{self.scope}/{self.part}"

    @property
    def session(self) -> str:
        """The command that solves it."""
        return f'nox -s "lock({self.scope}, {self.part})"'


class LockModel(BaseModel):
    """Base of the JSON parts of locks: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Header(LockModel):
    """``lock.json``: what a unit was solved from and with, and the hashes of its files.

    Attributes:
        version: Version of this format.
        inputs: Name of each input (a path in the repository, or ``file#part``) to the SHA-256 of its bytes.
        solvers: Name to version of each program that had a part in the solution.
        files: Name of each other file in the folder to its SHA-256.
    """

    version: Literal[1] = 1
    inputs: dict[str, Sha256]
    solvers: dict[str, str]
    files: dict[str, Sha256]


class DebPackage(LockModel):
    """One Debian package.

    Attributes:
        path: Path below the archive's root (``pool/...``), without a host.
        size: Bytes.
    """

    name: str
    version: str
    architecture: str
    sha256: Sha256
    size: int
    path: str


class OsPackages(LockModel):
    """``packages.json`` of an ``os`` unit: every package that the unit adds to what lies below it, sorted by name."""

    packages: tuple[DebPackage, ...]


class RootSystem(LockModel):
    """``packages.json`` of the root unit.

    Attributes:
        provider: ``debootstrap`` or ``image``.
        source: Debian suite, or the image reference.
        digest: ``sha256:...`` of the root's uncompressed tar, or the image's own digest.
        epoch: SOURCE_DATE_EPOCH for all that is built on it: seconds since 1970, from the archive, not from a clock.
        glibc: Version of the C library, for solvers.
        packages: Every package of the root, sorted by name; empty for provider ``image``.
        image_id: SHA-256 of the image's configuration, by which a saved copy of it is known; None for other providers,
            and in locks of earlier versions.
    """

    provider: Literal["debootstrap", "image"]
    source: str
    digest: str
    epoch: int
    glibc: str
    packages: tuple[DebPackage, ...]
    image_id: ImageId | None = None

    @model_serializer(mode="wrap")
    def _as_locked(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Leave out an id that there is not: locks without one keep their bytes."""
        return {name: value for name, value in handler(self).items() if value is not None}


class LockedRef(LockModel):
    """Where the ref of one folder of notebooks was when it was locked. The repository is in ``mission.toml``.

    Attributes:
        folder: The folder below the home, which names it.
        ref: The branch, tag or commit that was asked for.
    """

    folder: str
    ref: str
    commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class Commits(LockModel):
    """``commits.json`` of a ``notebooks`` unit, in the order of the folders' names."""

    notebooks: tuple[LockedRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaPackage:
    """One package of a ``conda-lock.yml``.

    Attributes:
        url: ``<channel name>/<subdir>/<file>``: the name of a channel in ``platform.toml``, never a host.
    """

    name: str
    version: str
    build: str
    subdir: str
    url: str
    md5: str
    sha256: str
    dependencies: tuple[tuple[str, str], ...]

    @property
    def channel(self) -> str:
        """Name of the channel in ``platform.toml``."""
        return self.url.split("/", 1)[0]

    @property
    def filename(self) -> str:
        """File name in the channel's subdir."""
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One unit's saved solution as it lies on disk: its header and its files' texts."""

    unit: Unit
    header: Header
    files: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionLocks:
    """Everything that an image of a mission is built from.

    Attributes:
        mission: Name of the mission.
        locks: Every unit's lock, in build order.
    """

    mission: str
    locks: tuple[Lock, ...]
