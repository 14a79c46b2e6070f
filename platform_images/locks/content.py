"""What each kind of lock has to hold. A hash says that a file is the recorded one, and not that it is of any use."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from platform_images.locks.conda import conda_packages
from platform_images.locks.patches import FILE, PATCHES
from platform_images.locks.pip import built_from_source
from platform_images.locks.store import LockStore, commits, damaged, os_packages, root
from platform_images.locks.values import (
    BUILD_REQUIREMENTS,
    COMMITS,
    CONDA_LOCK,
    NOTEBOOKS,
    NPM,
    OS,
    PACKAGE_JSON,
    PACKAGE_LOCK,
    PACKAGES,
    PROJECT_SCOPE,
    REQUIREMENTS,
    ROOT,
    Lock,
    Unit,
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of lock: the files that it has in any case, and what refuses another format, where that is done here."""

    files: tuple[str, ...]
    check: Callable[[Lock], object] | None = None


def read_whole(store: LockStore, unit: Unit) -> Lock | None:
    """Return a unit's lock, or nothing where there is none.

    Raises:
        LockError: It is damaged: a file is not the recorded one, is missing, or is not in its format.
    """
    lock = store.read(unit)
    if lock is not None:
        check_content(lock)
    return lock


def check_content(lock: Lock) -> None:
    """Refuse a lock that lacks a file which every lock of its kind has, or has one in another format.

    Raises:
        LockError: Names the file.
    """
    kind = _HUB if lock.unit.scope == PROJECT_SCOPE else _KINDS.get(lock.unit.part, _ENVIRONMENT)
    backends = (BUILD_REQUIREMENTS,) if built_from_source(lock.files.get(REQUIREMENTS, "")) else ()
    lacking = [name for name in (*kind.files, *backends) if name not in lock.files]
    if lacking:
        raise damaged(lock.unit, f"it has no {' and no '.join(lacking)}")
    if kind.check is not None:
        kind.check(lock)


def _check_npm(lock: Lock) -> None:
    """Refuse what npm would not know as its own.

    Raises:
        LockError: A file is no JSON object.
    """
    for name in (PACKAGE_JSON, PACKAGE_LOCK):
        try:
            value = json.loads(lock.files[name])
        except ValueError as error:
            raise damaged(lock.unit, f"{name} is not in npm's format", str(error)) from error
        if not isinstance(value, dict):
            raise damaged(lock.unit, f"{name} is not in npm's format", "it is no JSON object")


_KINDS = {
    ROOT: _Kind((PACKAGES,), root),
    OS: _Kind((PACKAGES,), os_packages),
    NPM: _Kind((PACKAGE_JSON, PACKAGE_LOCK), _check_npm),
    NOTEBOOKS: _Kind((COMMITS,), commits),
    PATCHES: _Kind((FILE,)),
}
_ENVIRONMENT = _Kind((CONDA_LOCK, REQUIREMENTS), conda_packages)
_HUB = _Kind((REQUIREMENTS, PACKAGE_JSON, PACKAGE_LOCK), _check_npm)
