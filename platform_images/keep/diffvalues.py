"""What changed between two states of a solution, as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What manages a package; the order is that of tables."""

    SYSTEM = "system"
    DEB = "deb"
    CONDA = "conda"
    PIP = "pip"
    BUILD = "build"
    NPM = "npm"
    NOTEBOOKS = "notebooks"


class What(StrEnum):
    """What happened to a package."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Level(StrEnum):
    """How far a version moved.

    ``build`` is the same version in other files: another build, revision or set of hashes. ``other`` are versions of
    which nobody can say how far apart they are, such as commits.
    """

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    BUILD = "build"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package on one side.

    Attributes:
        version: Its version; of notebooks, the commit.
        build: What else tells it apart for a person, such as conda's build; empty without such.
        content: The hashes of its files.
        licence: As its metadata has it; None where that is not known.
        size: Bytes of the file that is fetched; None where that is not known.
    """

    version: str
    build: str = ""
    content: frozenset[str] = frozenset()
    licence: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Why a package is there: the shortest way from a line that a person wrote.

    Attributes:
        file: The file of requests, relative to the project.
        line: The line's number; None where the line cannot be told.
        packages: What that line asks for, what that needs, and so on to the package itself.
    """

    file: str
    line: int | None
    packages: tuple[str, ...]

    @property
    def place(self) -> str:
        """File and line."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Who asks for the packages of one kind.

    Attributes:
        asked: Package to the file and line that asks for it.
        parents: Package to those that need it.
    """

    asked: Mapping[str, tuple[str, int | None]] = field(default_factory=dict)
    parents: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a unit holds on one side.

    Attributes:
        packages: By kind and name.
        reasons: By kind.
    """

    packages: Mapping[Kind, Mapping[str, Package]] = field(default_factory=dict)
    reasons: Mapping[Kind, Reasons] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One package that is not the same on both sides.

    Attributes:
        level: How far a changed one moved; None for the others.
        downgrade: Whether it went back.
        old: The package before; None where it was added.
        new: The package now; None where it was removed.
        chain: Why it is there, or was; None where the lock does not know.
    """

    kind: Kind
    name: str
    what: What
    level: Level | None = None
    downgrade: bool = False
    old: Package | None = None
    new: Package | None = None
    chain: Chain | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitDiff:
    """What changed in one unit, or in one part of an image.

    Attributes:
        name: Its name, such as ``tike/tess``.
        changes: Every package that differs, by kind and name.
    """

    name: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What changed.

    Attributes:
        old: Name of the side that is compared with: a revision, or an image.
        new: Name of the other side.
        units: What differs; one without changes differs in something else than packages.
        detailed: Whether an index was asked for what locks do not know.
    """

    old: str
    new: str
    units: tuple[UnitDiff, ...]
    detailed: bool = False


def counts(changes: Sequence[Change]) -> dict[str, int]:
    """Return how many changes there are of each sort, every sort named."""
    whats = Counter(change.what for change in changes)
    levels = Counter(change.level for change in changes)
    return {
        **{str(what): whats[what] for what in What},
        **{str(level): levels[level] for level in Level},
        "downgrades": sum(change.downgrade for change in changes),
    }


def counted(changes: Sequence[Change]) -> str:
    """Return the counts in words: ``2 added, 1 removed, 3 changed (1 major, 2 patch), 1 downgrade``."""
    number = counts(changes)
    words = [f"{number[what]} {what}" for what in What if number[what]]
    levels = ", ".join(f"{number[level]} {level}" for level in Level if number[level])
    if levels:
        words[-1] += f" ({levels})"  # changed ones are the last of them
    if number["downgrades"]:
        words.append(f"{number['downgrades']} downgrade" + ("s" if number["downgrades"] > 1 else ""))
    return ", ".join(words) or "the same packages, otherwise recorded"
