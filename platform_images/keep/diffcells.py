"""A change in words: what the cells of a table hold, whoever draws it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from platform_images.clean.amounts import shown_size
from platform_images.keep.diffreasons import environment_folder
from platform_images.keep.diffvalues import Chain, Change, Diff, Kind, Level, Package, What
from platform_images.locks.values import Unit

UNKNOWN = "?"
_SHORT = 12
_HASHED = frozenset({Kind.SYSTEM, Kind.NOTEBOOKS})
Row = tuple[str, ...]


def headline(diff: Diff) -> str:
    """Return what is compared, in a few words."""
    return f"What changed from {diff.old} to {diff.new}"


def nothing(diff: Diff) -> str:
    """Return the sentence for two sides that are the same."""
    return f"Nothing changed from {diff.old} to {diff.new}."


def columns(changes: Sequence[Change], *, detailed: bool) -> Row:
    """Return the names of the columns: those about licences, sizes and reasons only where something is known."""
    both = [package for change in changes for package in (change.old, change.new) if package is not None]
    names = ["kind", "package", "change", "from", "to"]
    names += ["licence"] if detailed or any(package.licence for package in both) else []
    names += ["size"] if detailed or any(package.size is not None for package in both) else []
    names += ["asked for by"] if any(change.chain for change in changes) else []
    return tuple(names)


def rows(unit: str, changes: Sequence[Change], *, detailed: bool) -> tuple[Row, ...]:
    """Return the rows below these columns."""
    names = columns(changes, detailed=detailed)
    cells = [_cells(unit, change, detailed=detailed) for change in changes]
    return tuple(tuple(each[name] for name in names) for each in cells)


def _cells(unit: str, change: Change, *, detailed: bool) -> dict[str, str]:
    """Return every cell of a change by its column."""
    asked = detailed and change.kind is Kind.PIP
    return {
        "kind": str(change.kind),
        "package": change.name,
        "change": word(change),
        "from": shown_version(change, change.old),
        "to": shown_version(change, change.new),
        "licence": licence(change, asked=asked),
        "size": size(change, asked=asked),
        "asked for by": shown_chain(unit, change.chain) if change.chain else "",
    }


def word(change: Change) -> str:
    """Return what happened: ``added``, ``removed``, or how far a version moved."""
    if change.what is not What.CHANGED:
        return str(change.what)
    return f"{change.level}, downgrade" if change.downgrade else str(change.level)


def shown_version(change: Change, package: Package | None) -> str:
    """Return a version; with the build where that is all that tells the two sides apart, and hashes cut short."""
    if package is None:
        return ""
    if change.kind in _HASHED:
        head, colon, digits = package.version.rpartition(":")
        hexadecimal = len(digits) >= 40 and not set(digits) - set("0123456789abcdef")
        return f"{head}{colon}{digits[:_SHORT]}" if hexadecimal else package.version
    if change.level is Level.BUILD and package.build:
        return f"{package.version} {package.build}"
    return package.version


def shown_chain(unit: str, chain: Chain) -> str:
    """Return why a package is there: the line, and what leads from it; of the unit's own files without the folder."""
    scope, _, part = unit.partition("/")
    place = chain.place
    for folder in (environment_folder(Unit(scope=scope, part=part)), f"deployments/{scope}"):
        place = place.removeprefix(f"{folder}/")
    above = chain.packages[:-1]
    return " > ".join([place, *above])


def licence(change: Change, *, asked: bool) -> str:
    """Return a package's licence, both where it changed; a question mark where one was asked for and not found."""
    found = [package.licence for package in (change.old, change.new) if package is not None]
    if not any(found) and not asked:
        return ""
    words = list(dict.fromkeys(each or UNKNOWN for each in found))
    return " -> ".join(words)


def size(change: Change, *, asked: bool) -> str:
    """Return the size of a package that came or went, or how much a changed one grew."""
    sizes = [package.size for package in (change.old, change.new) if package is not None]
    known = [each for each in sizes if each is not None]
    if len(known) < len(sizes):
        return UNKNOWN if asked else ""
    if change.what is not What.CHANGED:
        sign = "+" if change.what is What.ADDED else "-"
        return f"{sign}{shown_size(known[0])}"
    grown = known[1] - known[0]
    return f"{'+' if grown > 0 else '-'}{shown_size(abs(grown))}" if grown else "same"
