"""Two sides of a unit, and what differs between them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from platform_images.keep.diffreasons import chain
from platform_images.keep.diffvalues import Change, Held, Kind, Package, Reasons, UnitDiff, What
from platform_images.keep.diffversions import moved
from platform_images.locks.values import NOTEBOOKS, NPM, OS, Lock, Unit

_NO_KERNELS = frozenset({OS, NPM, NOTEBOOKS})


def changes(old: Held, new: Held) -> tuple[Change, ...]:
    """Return every package that is not the same on both sides, by kind and name."""
    return tuple(change for kind in Kind for change in _of_kind(kind, old, new))


def unit_diff(name: str, old: Held, new: Held) -> UnitDiff:
    """Return what differs between the two sides of a unit."""
    return UnitDiff(name=name, changes=changes(old, new))


def same_files(old: Lock | None, new: Lock | None) -> bool:
    """Whether two locks are the same solution, whatever requests they were solved from."""
    return (old.files if old else None) == (new.files if new else None)


def chosen(units: Iterable[Unit], kernels: Sequence[str]) -> tuple[Unit, ...]:
    """Return a mission's units without other kernels than the named ones; all where none is named."""
    return tuple(unit for unit in units if not kernels or unit.part in _NO_KERNELS or unit.part in kernels)


def _of_kind(kind: Kind, old: Held, new: Held) -> Iterator[Change]:
    """Yield what differs in the packages of one kind."""
    before, after = old.packages.get(kind, {}), new.packages.get(kind, {})
    for name in sorted({*before, *after}):
        one, two = before.get(name), after.get(name)
        if two is None:
            was = chain(name, old.reasons.get(kind, Reasons()))
            yield Change(kind=kind, name=name, what=What.REMOVED, old=one, chain=was)
        elif one is None:
            why = chain(name, new.reasons.get(kind, Reasons()))
            yield Change(kind=kind, name=name, what=What.ADDED, new=two, chain=why)
        elif not _same(one, two):
            level, downgrade = moved(kind, one.version, two.version)
            why = chain(name, new.reasons.get(kind, Reasons()))
            yield Change(
                kind=kind,
                name=name,
                what=What.CHANGED,
                level=level,
                downgrade=downgrade,
                old=one,
                new=two,
                chain=why,
            )


def _same(one: Package, two: Package) -> bool:
    """Whether two packages are the same files."""
    return (one.version, one.build, one.content) == (two.version, two.build, two.content)
