"""What the composer takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from platform_images.locks.values import Unit

COMPOSED, TOOLS, NODE, MIRROR = "composed", "tools", "node", "mirror"
FINAL = "final"


def channel_context(name: str) -> str:
    """Return the name of the build context that holds a channel of the repository."""
    return f"channel-{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFile:
    """One file of the build context ``composed``.

    Attributes:
        path: Its place there.
        text: Its text; without it the file is a copy of ``source``.
        source: The file that is copied.
        mode: Its permissions.
    """

    path: str
    text: str | None = None
    source: Path | None = None
    mode: int = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is read from the repository before anything is composed.

    Attributes:
        templates: Name to text of each fragment in ``common/stages``.
        runtime: Files of ``common/runtime``, by their place in the image.
        home: Files of the mission's ``home``, by their place below the home folder.
        hooks: Files of the mission's ``hooks``, by their place below the folder of hooks.
        programs: Programs for build steps, by file name.
        certificates: PEM text to install in the image; None without ``[tls] install``.
        channels: Files of the repository's conda channels, by their place in the image.
    """

    templates: dict[str, str]
    runtime: tuple[ContextFile, ...] = ()
    home: tuple[ContextFile, ...] = ()
    hooks: tuple[ContextFile, ...] = ()
    programs: tuple[ContextFile, ...] = ()
    certificates: str | None = None
    channels: tuple[ContextFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One package that is not the locked one.

    Attributes:
        unit: Whose package it is.
        locked: The locked version; ``-`` where the lock has no such package.
        installed: The installed version; ``-`` where there is none.
    """

    unit: Unit
    name: str
    locked: str
    installed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """One build: everything that BuildKit is given.

    Attributes:
        dockerfile: The text.
        files: The build context ``composed``.
        channels: Channels of the repository that are mounted, by name.
        needs_node: Whether the build context ``node`` is mounted.
        labels: The image's labels, sorted by name.
        tags: ``name:tag`` words, the exact one first.
        lock_digest: 64 hexadecimal digits over the solutions.
        epoch: SOURCE_DATE_EPOCH of every step.
    """

    dockerfile: str
    files: tuple[ContextFile, ...]
    channels: tuple[str, ...]
    needs_node: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    lock_digest: str = ""
    epoch: int = 0
