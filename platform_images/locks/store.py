"""The lock store: one folder a unit, read with every hash checked and written in one step."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from platform_images.errors import LockError
from platform_images.files import json_text, replace_folder, sha256_bytes, staged_prefix
from platform_images.locks.values import (
    BASE,
    BUILD_REQUIREMENTS,
    COMMITS,
    COMMON,
    HEADER,
    NOTEBOOKS,
    NPM,
    OS,
    PACKAGES,
    REQUIREMENTS,
    ROOT,
    Commits,
    Header,
    Lock,
    MissionLocks,
    OsPackages,
    RootSystem,
    Unit,
)
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform

_SETTLED = 60.0
M = TypeVar("M", bound=BaseModel)
ROOT_UNIT = Unit(scope=COMMON, part=ROOT)
COMMON_OS = Unit(scope=COMMON, part=OS)
BASE_UNIT = Unit(scope=COMMON, part=BASE)


def units(
    platform: Platform,  # noqa: ARG001 - one day a platform may choose its common parts
    mission: Mission | None,
    kernels: Sequence[Environment | str] | None = None,
) -> tuple[Unit, ...]:
    """Return the units of an image in build order: the common ones, then the mission's.

    Args:
        platform: The platform.
        mission: The mission; without one only the common units are meant.
        kernels: Only these of the mission's kernels; all without it.

    Raises:
        UsageError: The mission has no kernel of a given name.
    """
    common = (ROOT_UNIT, COMMON_OS, BASE_UNIT)
    return common if mission is None else common + mission_units(mission, kernels)


def mission_units(mission: Mission, kernels: Sequence[Environment | str] | None = None) -> tuple[Unit, ...]:
    """Return the mission's own units in build order: OS packages, npm packages, notebooks, kernels.

    Raises:
        UsageError: The mission has no kernel of a given name.
    """
    names = tuple(kernel if isinstance(kernel, str) else kernel.name for kernel in kernels or ())
    parts = [OS] if mission.os_packages else []
    parts += [NPM] if mission.npm_packages else []
    parts += [NOTEBOOKS] if mission.settings.notebooks else []
    parts += [kernel.name for kernel in mission.select(names)]
    return tuple(Unit(scope=mission.name, part=part) for part in parts)


@dataclass(frozen=True, slots=True)
class LockStore:
    """A folder of locks: ``<folder>/<scope>/<part>/``."""

    folder: Path

    def place(self, unit: Unit) -> Path:
        """Return the unit's folder."""
        return self.folder / unit.scope / unit.part

    def read(self, unit: Unit) -> Lock | None:
        """Return a unit's lock, or nothing where there is none.

        Raises:
            LockError: The header or a file is damaged; names the file, the expected and the found hash.
        """
        place = self.place(unit)
        if not (place / HEADER).is_file():
            return None
        header = _header(place / HEADER, unit)
        texts = {path.relative_to(place).as_posix(): path for path in sorted(place.rglob("*")) if path.is_file()}
        texts.pop(HEADER)
        _check_names(unit, expected=set(header.files), found=set(texts))
        return Lock(
            unit=unit,
            header=header,
            files={name: _checked_text(path, unit, header.files[name]) for name, path in texts.items()},
        )

    def units(self) -> tuple[Unit, ...]:
        """Return every unit that has a lock, sorted, whether anything asks for it or not.

        A folder with a point before its name is one that is being made, or that a killed run has left.
        """
        places = [path.parent for path in self.folder.glob(f"*/*/{HEADER}")]
        found = (Unit(scope=place.parent.name, part=place.name) for place in places)
        return tuple(sorted(unit for unit in found if not unit.scope.startswith(".") and not unit.part.startswith(".")))

    def require(self, unit: Unit) -> Lock:
        """Return a unit's lock.

        Raises:
            LockError: It is missing or damaged; carries the command that cures it.
        """
        lock = self.read(unit)
        if lock is None:
            raise LockError(f"{unit} has no lock.", fix=unit.session)
        return lock

    def write(self, unit: Unit, *, files: dict[str, str], inputs: dict[str, str], solvers: dict[str, str]) -> bool:
        """Save a solution in the place of the old one, in one step.

        Args:
            unit: What was solved.
            files: Name to text of each file.
            inputs: Name to SHA-256 of each input.
            solvers: Name to version of each solver.

        Returns:
            Whether anything changed.
        """
        hashes = {name: sha256_bytes(text.encode("utf-8")) for name, text in files.items()}
        header = Header(inputs=inputs, solvers=solvers, files=hashes)
        self._remove_leftovers(unit)
        return replace_folder(self.place(unit), {**files, HEADER: json_text(header.model_dump())})

    def _remove_leftovers(self, unit: Unit) -> None:
        """Remove what killed runs have left while they wrote this unit's lock; one that runs takes no minute to."""
        place = self.place(unit)
        for left in sorted(place.parent.glob(f"{staged_prefix(place)}*")):
            with suppress(FileNotFoundError):  # a run that goes on has taken it for its lock by now
                if time.time() - left.stat().st_mtime > _SETTLED:
                    shutil.rmtree(left)

    def read_mission(
        self, platform: Platform, mission: Mission, kernels: Sequence[Environment | str] | None = None
    ) -> MissionLocks:
        """Return everything that an image of the mission is built from, in build order.

        Raises:
            LockError: A lock is missing or damaged; carries the command that cures it.
            UsageError: The mission has no kernel of a given name.
        """
        locks = tuple(self.require(unit) for unit in units(platform, mission, kernels))
        return MissionLocks(mission=mission.name, locks=locks)


def root(lock: Lock) -> RootSystem:
    """Return the root unit's content.

    Raises:
        LockError: It is not in the format of this version.
    """
    return _parsed(lock, PACKAGES, RootSystem)


def root_image_id(system: RootSystem) -> str:
    """Return the id of a locked registry image.

    Raises:
        LockError: The lock is of an earlier version and does not say it.
    """
    if system.image_id is None:
        raise LockError(
            f"The lock of {ROOT_UNIT} does not say the id of {system.source}, by which a saved copy of it is known.",
            fix=f"{ROOT_UNIT.session} locks it with its id",
        )
    return system.image_id


def os_packages(lock: Lock) -> OsPackages:
    """Return an ``os`` unit's content.

    Raises:
        LockError: It is not in the format of this version.
    """
    return _parsed(lock, PACKAGES, OsPackages)


def commits(lock: Lock) -> Commits:
    """Return a ``notebooks`` unit's content.

    Raises:
        LockError: It is not in the format of this version.
    """
    return _parsed(lock, COMMITS, Commits)


def requirements(lock: Lock) -> str:
    """Return an environment's pip part: pip's own format, with hashes.

    Raises:
        LockError: The lock holds none.
    """
    return file_text(lock, REQUIREMENTS)


def build_requirements(lock: Lock) -> str | None:
    """Return the pinned build backends of an environment that builds sdists; nothing where it builds none."""
    return lock.files.get(BUILD_REQUIREMENTS)


def file_text(lock: Lock, name: str) -> str:
    """Return one file of a lock.

    Raises:
        LockError: The lock has no such file.
    """
    try:
        return lock.files[name]
    except KeyError as error:
        raise LockError(f"The lock of {lock.unit} holds no {name}.", fix=lock.unit.session) from error


def _header(path: Path, unit: Unit) -> Header:
    """Read and validate ``lock.json``."""
    try:
        return Header.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise damaged(unit, f"{HEADER} is not a lock header", str(error)) from error


def _check_names(unit: Unit, *, expected: set[str], found: set[str]) -> None:
    """Refuse a folder that lacks a recorded file or has one more."""
    if expected != found:
        lines = [f"missing: {name}" for name in sorted(expected - found)]
        lines += [f"not recorded: {name}" for name in sorted(found - expected)]
        raise damaged(unit, f"{HEADER} records other files than the folder has", "\n".join(lines))


def _checked_text(path: Path, unit: Unit, expected: str) -> str:
    """Return a file's text where its hash is the recorded one."""
    data = path.read_bytes()
    found = sha256_bytes(data)
    if found != expected:
        raise damaged(
            unit,
            f"{path.name} is not the file that was recorded",
            f"expected sha256 {expected}\nfound sha256    {found}",
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise damaged(unit, f"{path.name} is not UTF-8 text", str(error)) from error


def _parsed(lock: Lock, name: str, model: type[M]) -> M:
    """Return a JSON file of a lock as a model."""
    try:
        return model.model_validate(json.loads(file_text(lock, name)), strict=False)
    except (ValidationError, ValueError) as error:
        raise damaged(lock.unit, f"{name} is not in the format of this version", str(error)) from error


def damaged(unit: Unit, what: str, why: str | None = None) -> LockError:
    """Return the error for a damaged lock."""
    return LockError(
        f"The lock of {unit} is damaged: {what}.",
        why=why,
        fix=f"git restore locks/{unit}, or solve it again: {unit.session}",
    )
