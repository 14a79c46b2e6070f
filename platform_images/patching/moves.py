"""What a patch changes, from the locks before and after it, and what of that nobody has asked for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from platform_images.errors import UsageError
from platform_images.locks.patches import PatchedPackage
from platform_images.locks.pip import pins
from platform_images.locks.store import COMMON_OS, os_packages
from platform_images.locks.values import OS, REQUIREMENTS, DebPackage, Lock, MissionLocks, Unit
from platform_images.patching.request import PatchRequest
from platform_images.solve.deb import sorted_packages


@dataclass(frozen=True, slots=True, kw_only=True)
class OsUnit:
    """The Debian packages of one unit after a patch."""

    unit: Unit
    packages: tuple[DebPackage, ...]


def placed(found: Sequence[DebPackage], units: Sequence[OsUnit], *, installed: Collection[str]) -> tuple[OsUnit, ...]:
    """Return the units that new packages change, each with all of its packages.

    A package takes the place of the one that its unit has. One of the root, which is what it is, and one that is new,
    comes to the common unit; one that is new beside packages of the mission alone, to the mission's.

    Args:
        found: The new packages.
        units: The present ones: the common one first, then perhaps the mission's.
        installed: Names of all that is in the image: of those, the root has what no unit has.
    """
    names = {each.unit: {package.name for package in each.packages} for each in units}
    own = [each.unit for each in units if each.unit != COMMON_OS]
    in_own = [package for package in found if own and package.name in names[own[0]]]
    rest = [package for package in found if package not in in_own]
    alone = bool(in_own) and all(package.name not in installed for package in rest)
    changed = []
    for each in units:
        new = [*in_own, *(rest if alone else ())] if each.unit in own else [] if alone else rest
        if new:
            kept = [one for one in each.packages if not any(_takes_place(other, one) for other in new)]
            changed.append(OsUnit(unit=each.unit, packages=sorted_packages([*kept, *new])))
    return tuple(changed)


def changed_packages(
    before: MissionLocks, after: MissionLocks, *, installed: Mapping[str, str]
) -> tuple[PatchedPackage, ...]:
    """Return every package that is not the same in both locks, by unit, kind and name.

    Args:
        before: The locks of the released image.
        after: Those after the patch.
        installed: Debian packages of the released image: a unit may come to have one that the root has.
    """
    old = {lock.unit: lock for lock in before.locks}
    found = [each for lock in after.locks for each in _of_unit(old[lock.unit], lock, installed)]
    return tuple(sorted(found, key=lambda each: (each.unit, each.kind, each.name)))


def not_asked(packages: Sequence[PatchedPackage], request: PatchRequest) -> tuple[PatchedPackage, ...]:
    """Return the packages that come along."""
    named = {"deb": request.named_systems, "pip": request.named_packages}
    return tuple(each for each in packages if each.name not in named[each.kind])


def check_allowed(packages: Sequence[PatchedPackage], request: PatchRequest) -> None:
    """Refuse packages that come along and are not allowed to.

    Raises:
        UsageError: Says which, and how to allow them.
    """
    others = not_allowed(packages, request)
    if others:
        names = sorted({each.name for each in others})
        raise UsageError(
            f"The patch would change {counted(len(names))} that nobody asked for.",
            why="\n".join(line(each) for each in others),
            fix=f"add {allow_words(others)}, or ask for another version",
        )


def not_allowed(packages: Sequence[PatchedPackage], request: PatchRequest) -> tuple[PatchedPackage, ...]:
    """Return the packages that come along and are not allowed to."""
    allowed = {*request.allow, *(str(canonicalize_name(name)) for name in request.allow)}
    return tuple(each for each in not_asked(packages, request) if each.name not in allowed)


def allow_words(packages: Sequence[PatchedPackage]) -> str:
    """Return the options that allow some packages to come along."""
    return " ".join(f"--allow {name}" for name in sorted({each.name for each in packages}))


def counted(count: int) -> str:
    """Return a number of packages in words."""
    return "one package" if count == 1 else f"{count} packages"


def line(package: PatchedPackage) -> str:
    """Return a change in words."""
    return f"{package.unit}: {package.name} {package.before or 'new'} -> {package.after or 'gone'}"


def _takes_place(new: DebPackage, old: DebPackage) -> bool:
    """Whether a package replaces another one; for all architectures or for the image's own, it is the same one."""
    architectures = {new.architecture, old.architecture}
    return new.name == old.name and (len(architectures) == 1 or "all" in architectures)


def _of_unit(old: Lock, new: Lock, installed: Mapping[str, str]) -> Iterator[PatchedPackage]:
    """Yield what differs in one unit."""
    if old.files == new.files:
        return
    if new.unit.part == OS:
        had = {(each.name, each.version) for each in os_packages(old).packages}
        for each in os_packages(new).packages:
            if (each.name, each.version) not in had:
                yield PatchedPackage(
                    unit=str(new.unit),
                    kind="deb",
                    name=each.name,
                    before=installed.get(each.name),
                    after=each.version,
                )
        return
    was, now = _versions(old), _versions(new)
    for name in sorted({*was, *now}):
        if was.get(name) != now.get(name):
            yield PatchedPackage(unit=str(new.unit), kind="pip", name=name, before=was.get(name), after=now.get(name))


def _versions(lock: Lock) -> dict[str, str]:
    """Return name to version of an environment's pip part."""
    return {str(canonicalize_name(pin.name)): pin.version for pin in pins(lock.files.get(REQUIREMENTS, ""))}
