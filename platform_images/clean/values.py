"""What there is on a machine, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Kinds of things that the program keeps, in the order of the table."""

    TOOLS = "tools"
    ROOT = "root"
    HUB_PROGRAMS = "hub programs"
    DEB = "Debian package"
    LOG = "build log"
    OTHER = "other file"
    TEMPORARY = "temporary folder"
    SECOND_ENGINE = "second engine"
    CACHE_MOUNT = "build cache"
    BUILD_STEPS = "build steps"
    IMAGE = "image"
    CONTAINER = "container"
    HUB = "hub"
    NETWORK = "network"
    VOLUME = "volume"


class State(StrEnum):
    """What an entry is to the program."""

    CACHE = "cache"  # of use to a later run; may go when it is old, or when there is too much
    LEFTOVER = "leftover"  # of a run that was killed; of use to nobody
    IN_USE = "in use"
    KEPT = "kept"  # not for `invoke clean` to remove


class Action(StrEnum):
    """What becomes of an entry."""

    KEPT = "kept"
    REMOVED = "removed"
    IN_USE = "in use"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing on the machine.

    Attributes:
        kind: What kind it is of.
        name: What it is called in the table.
        size: Its bytes on the disk; None where that is not known.
        used: When it was used last, in seconds since 1970; None where that is not known.
        state: What it is to the program.
        why: Why it is kept, in use or a leftover; empty for a cache.
        handle: What removes it: a path, or a name or id in the engine.
    """

    kind: Kind
    name: str
    size: int | None
    used: float | None
    state: State
    why: str = ""
    handle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is asked for.

    Attributes:
        older_than: Seconds after which a cache that nobody has used goes; None for never.
        max_size: Bytes that caches may have together; None for any number.
    """

    older_than: float | None = None
    max_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An entry and what becomes of it, with the reason."""

    entry: Entry
    action: Action
    why: str = ""
