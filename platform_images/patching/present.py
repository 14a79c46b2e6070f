"""What the present locks have beyond those of an image, as a patch; or why that needs a full build. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from platform_images.errors import UsageError
from platform_images.locks.patches import PatchedPackage
from platform_images.locks.store import ROOT_UNIT, os_packages, root
from platform_images.locks.values import BUILD_REQUIREMENTS, OS, REQUIREMENTS, Lock, MissionLocks
from platform_images.patching.moves import changed_packages
from platform_images.solve.deb import is_newer

_PATCHED = frozenset({REQUIREMENTS, BUILD_REQUIREMENTS})


def beyond(before: MissionLocks, after: MissionLocks) -> tuple[PatchedPackage, ...]:
    """Return the packages that an image needs to be one of the present locks.

    Args:
        before: The locks of the image.
        after: The present ones.

    Raises:
        UsageError: They differ in what a patch cannot change; says in what.
    """
    _refuse(after.mission, _units(before, after))
    packages = changed_packages(before, after, installed=_installed(before))
    back = (
        f"{each.unit}: {each.name} {each.before} -> {each.after} goes back"
        for each in packages
        if each.kind == "deb" and each.before and each.after and is_newer(each.before, each.after)
    )
    _refuse(after.mission, (*(reason for pair in _pairs(before, after) for reason in _reasons(*pair)), *back))
    return packages


def _refuse(mission: str, reasons: Iterable[str]) -> None:
    """Refuse what a patch cannot do, where there is any of it."""
    why = "\n".join(reasons)
    if why:
        raise UsageError(
            "The image cannot be brought to the present locks by a patch.",
            why=why,
            fix=f"invoke build --mission {mission}",
        )


def _units(before: MissionLocks, after: MissionLocks) -> Iterator[str]:
    """Yield the units that only one side has."""
    old, new = {lock.unit for lock in before.locks}, {lock.unit for lock in after.locks}
    yield from (f"{unit} is new" for unit in sorted(new - old))
    yield from (f"{unit} is gone" for unit in sorted(old - new))


def _pairs(before: MissionLocks, after: MissionLocks) -> Iterator[tuple[Lock, Lock]]:
    """Yield the two locks of each unit that differ."""
    old = {lock.unit: lock for lock in before.locks}
    for lock in after.locks:
        if lock.unit in old and old[lock.unit].files != lock.files:
            yield old[lock.unit], lock


def _reasons(old: Lock, new: Lock) -> Iterator[str]:
    """Yield why a patch cannot make one unit of the other."""
    if new.unit.part == OS:
        there = {(each.name, each.architecture) for each in os_packages(new).packages}
        for each in os_packages(old).packages:
            if (each.name, each.architecture) not in there:
                yield f"{new.unit}: {each.name} is gone"
        return
    for name in sorted({*old.files, *new.files} - _PATCHED):
        if old.files.get(name) != new.files.get(name):
            yield f"{new.unit}: {name} is another one"
    if (REQUIREMENTS in old.files) != (REQUIREMENTS in new.files):
        yield f"{new.unit}: only one has a pip part"


def _installed(locks: MissionLocks) -> dict[str, str]:
    """Return name to version of every Debian package; of one that two units have, the later one counts."""
    found: dict[str, str] = {}
    for lock in locks.locks:
        if lock.unit == ROOT_UNIT:
            found.update({each.name: each.version for each in root(lock).packages})
        elif lock.unit.part == OS:
            found.update({each.name: each.version for each in os_packages(lock).packages})
    return found
