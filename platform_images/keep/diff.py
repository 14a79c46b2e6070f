"""What changed in the locks since a revision, or between two images: ``invoke diff``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from platform_images.errors import ExitCode, LockError, UsageError
from platform_images.keep import diffreport
from platform_images.keep.diffparts import lock_packages
from platform_images.keep.diffplan import chosen, same_files, unit_diff
from platform_images.keep.diffreasons import lock_reasons
from platform_images.keep.diffsides import Side, build_order, revision
from platform_images.keep.diffvalues import Diff, Held, UnitDiff
from platform_images.locks.values import COMMON, Lock, Unit
from platform_images.model import Platform, load_mission, load_platform

HERE = "the locks here"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRequest:
    """What is compared.

    Attributes:
        missions: These missions, and what they stand on; every mission without it.
        since: A revision of git.
        kernels: Of the mission only these kernels.
        images: Two images, in place of locks.
        details: Whether the package index is asked for licences and sizes.
    """

    missions: tuple[str, ...] = ()
    since: str = "HEAD"
    kernels: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    details: bool = False


def run(project: Path, request: DiffRequest, *, json: bool, markdown: bool, exit_code: bool) -> int:
    """Print what changed.

    Returns:
        0; with ``exit_code`` 1 where something differs.

    Raises:
        UsageError: There is no such mission, kernel, revision or image.
        LockError: A lock is damaged, here or there.
        PrerequisiteError: There is no git, or for images no engine.
    """
    diff = _images(request.images) if request.images else _locks(project, request)
    diffreport.show(diff, json=json, as_markdown=markdown)
    return int(ExitCode.FAILED) if exit_code and diff.units else 0


def _images(images: Sequence[str]) -> Diff:
    """Compare two images.

    Raises:
        UsageError: There are not two.
    """
    from platform_images.keep.diffimages import compare_images

    if len(images) != 2:
        raise UsageError(
            f"Two images are compared with each other, and {len(images)} given.",
            fix="invoke diff --image tike:2026.1 --image tike:latest; the older one first",
        )
    return compare_images(*images)


def _locks(project: Path, request: DiffRequest) -> Diff:
    """Compare the locks of a revision with those that lie here."""
    platform = load_platform(project)
    for name in request.missions:
        load_mission(platform, name)
    here = Side(name=HERE, folder=project)
    with revision(project, request.since, request.missions or None) as there:
        _check_kernels(platform, request, (there, here))
        diff = compare(there, here, missions=request.missions, kernels=request.kernels)
        if request.details:
            from platform_images.keep.diffdetails import with_details

            return with_details(diff, platform, there, here)
    return diff


def compare(old: Side, new: Side, *, missions: Sequence[str] = (), kernels: Sequence[str] = ()) -> Diff:
    """Return what differs between two sides: in what is common, then in each mission; all without names.

    Raises:
        LockError: A lock is damaged.
    """
    scopes = missions or sorted({*old.scopes(), *new.scopes()})
    units = [unit for scope in (COMMON, *scopes) for unit in _units(old, new, scope, kernels)]
    return Diff(old=old.name, new=new.name, units=tuple(_different(old, new, units)))


def _units(old: Side, new: Side, scope: str, kernels: Sequence[str]) -> tuple[Unit, ...]:
    """Return the units of a mission that either side has."""
    both = sorted({*old.units(scope), *new.units(scope)}, key=lambda unit: build_order(unit.part))
    return chosen(both, kernels) if scope != COMMON else tuple(both)


def _different(old: Side, new: Side, units: Iterable[Unit]) -> Iterator[UnitDiff]:
    """Yield what differs, unit by unit; of those that are the same, only the files are read."""
    for unit in units:
        before, after = old.lock(unit), new.lock(unit)
        if not same_files(before, after):
            yield unit_diff(str(unit), _held(old, before), _held(new, after))


def _held(side: Side, lock: Lock | None) -> Held:
    """Return what a unit holds on one side; nothing without a lock."""
    if lock is None:
        return Held()
    try:
        return Held(packages=lock_packages(lock), reasons=lock_reasons(lock, side.text))
    except LockError as error:
        raise side.unreadable(error) from error


def _check_kernels(platform: Platform, request: DiffRequest, sides: Sequence[Side]) -> None:
    """Refuse a kernel that neither the mission nor a lock of either side has.

    Raises:
        UsageError: There is one.
    """
    if not request.kernels:
        return
    [mission] = request.missions
    locked = {unit.part for side in sides for unit in side.units(mission)}
    load_mission(platform, mission).select(tuple(name for name in request.kernels if name not in locked))
