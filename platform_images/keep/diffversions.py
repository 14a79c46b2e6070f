"""How far a version moved, by the rules of each kind of package, and whether it went back. Pure.

Each rule gives the place at which two versions first differ, and in which direction. Where the rules of a kind do not
tell, the level is ``other`` and nothing is called a downgrade.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from packaging.version import InvalidVersion, Version

from platform_images.keep.diffvalues import Kind, Level
from platform_images.solve.deb import order, version_parts

_LEVELS = (Level.MAJOR, Level.MINOR, Level.PATCH)
_SEMVER = re.compile(
    r"(?P<core>\d+\.\d+\.\d+)(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?",
)
_CONDA = re.compile(r"(?:(?P<epoch>\d+)!)?(?P<public>[^+]+)(?:\+(?P<local>.*))?")
_TOKEN = re.compile(r"~|\d+|[a-z]+")
Moved = tuple[Level, bool]


def moved(kind: Kind, old: str, new: str) -> Moved:
    """Return how far a version moved, and whether it went back.

    Args:
        kind: What manages the package.
        old: The version before.
        new: The version now; the same one where only its files are others.
    """
    if old == new:
        return Level.BUILD, False
    match kind:
        case Kind.PIP | Kind.BUILD:
            return _python(old, new)
        case Kind.DEB:
            return _debian(old, new)
        case Kind.CONDA:
            return _conda(old, new)
        case Kind.NPM:
            return _npm(old, new)
        case _:
            return Level.OTHER, False


def _python(old: str, new: str) -> Moved:
    """Compare by PEP 440."""
    try:
        one, two = Version(old), Version(new)
    except InvalidVersion:
        return Level.OTHER, False
    back = two < one
    if one.epoch != two.epoch:
        return Level.MAJOR, back
    level = _first(one.release, two.release)
    if level is not None:
        return level, back
    return (Level.BUILD if one.public == two.public or one == two else Level.PATCH), back


def _npm(old: str, new: str) -> Moved:
    """Compare by semantic versioning, where what follows a ``-`` comes before the release."""
    one, two = _SEMVER.fullmatch(old), _SEMVER.fullmatch(new)
    if one is None or two is None:
        return Level.OTHER, False
    numbers, others = _numbers(one["core"]), _numbers(two["core"])
    level = _first(numbers, others)
    if level is not None:
        return level, others < numbers
    if one["pre"] == two["pre"]:
        return Level.BUILD, False
    return Level.PATCH, _prerelease(two["pre"]) < _prerelease(one["pre"])


def _prerelease(text: str | None) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    """Return what orders prereleases: numbers before words, and a release after all of them."""
    if text is None:
        return 1, ()
    parts = text.split(".")
    return 0, tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)


def _debian(old: str, new: str) -> Moved:
    """Compare epochs, then upstream versions, then revisions."""
    one, two = version_parts(old), version_parts(new)
    if one is None or two is None:
        return Level.OTHER, False
    if one[0] != two[0]:
        return Level.MAJOR, two[0] < one[0]
    if order(one[1], two[1]):
        return _level(one[1], two[1]), order(one[1], two[1]) > 0
    return Level.BUILD, order(one[2], two[2]) > 0


def _conda(old: str, new: str) -> Moved:
    """Compare epochs, then the parts between dots, each in turn, then what follows a ``+``."""
    one, two = _CONDA.fullmatch(old), _CONDA.fullmatch(new)
    if one is None or two is None:
        return Level.OTHER, False
    epochs = int(one["epoch"] or 0), int(two["epoch"] or 0)
    if epochs[0] != epochs[1]:
        return Level.MAJOR, epochs[1] < epochs[0]
    back = _went_back(one["public"].lower(), two["public"].lower())
    if back is not None:
        return _level(one["public"].lower(), two["public"].lower()), back
    same = _tokens(one["public"].lower()) == _tokens(two["public"].lower())
    return (Level.BUILD if same else Level.OTHER), False


def _went_back(one: str, two: str) -> bool | None:
    """Return whether a version went back; None where the parts that differ cannot be compared."""
    parts, others = _tokens(one), _tokens(two)
    if not (parts and others and parts[0].isdigit() and others[0].isdigit()):
        return None
    size = max(len(parts), len(others))
    for here, there in zip(_filled(parts, size), _filled(others, size), strict=True):
        if here == there or (here.isdigit() and there.isdigit() and int(here) == int(there)):
            continue
        if here.isdigit() != there.isdigit():
            return None
        return int(there) < int(here) if here.isdigit() else there < here
    return None


def _level(one: str, two: str) -> Level:
    """Return how far apart two versions are: by the place of the first of their parts that differs."""
    parts, others = _tokens(one), _tokens(two)
    size = max(len(parts), len(others))
    pairs = zip(_filled(parts, size), _filled(others, size), strict=True)
    place = next((place for place, (here, there) in enumerate(pairs) if here != there), None)
    if place is None or not (parts and others and parts[0].isdigit() and others[0].isdigit()):
        return Level.OTHER
    return _LEVELS[min(place, 2)]


def _first(one: Sequence[int], two: Sequence[int]) -> Level | None:
    """Return the level of the first number that differs; None where all are the same."""
    size = max(len(one), len(two))
    filled = ((*each, *(0,) * (size - len(each))) for each in (one, two))
    for place, (here, there) in enumerate(zip(*filled, strict=True)):
        if here != there:
            return _LEVELS[min(place, 2)]
    return None


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers between dots."""
    return tuple(int(part) for part in text.split("."))


def _tokens(text: str) -> tuple[str, ...]:
    """Return the runs of digits and of letters, without zeros in front."""
    return tuple(str(int(token)) if token.isdigit() else token for token in _TOKEN.findall(text))


def _filled(tokens: Sequence[str], size: int) -> tuple[str, ...]:
    """Return parts with zeros for those that the other version has besides."""
    return (*tokens, *("0",) * (size - len(tokens)))
