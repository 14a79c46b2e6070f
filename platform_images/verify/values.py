"""What verifying takes and gives: the files of an image, what is wrong with them, and the result of each check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from platform_images.compose.values import Drift
from platform_images.errors import ExitCode

FILE, DIRECTORY, LINK = "f", "d", "l"
KINDS = {
    FILE: "a file",
    DIRECTORY: "a directory",
    LINK: "a symbolic link",
    "c": "a character device",
    "b": "a block device",
    "p": "a pipe",
}
NOTHING = "-"


class What(StrEnum):
    """How something differs from what it should be."""

    MISSING = "missing"
    EXTRA = "extra"
    VERSION = "version"
    TYPE = "type"
    CONTENT = "content"
    LINK = "link"
    MODE = "mode"
    OWNER = "owner"


class Check(StrEnum):
    """The checks, in the order in which the first failure decides the exit code."""

    LABELS = "labels"
    CONTENT = "content"
    REBUILD = "rebuild"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in an image.

    Attributes:
        kind: ``f``, ``d``, ``l``, ``c``, ``b`` or ``p``.
        mode: Permission bits, set-ids and sticky bit among them.
        uid: Owner.
        gid: Group.
        value: SHA-256 of a file, target of a symbolic link; empty for the rest.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All of an image's files, as they are after the last layer.

    Attributes:
        entries: Each name by its path, without a slash in front.
        md5: MD5 of each file that a Debian package may own.
        texts: Content of the records that are read: manifests, and what package managers write down.
    """

    entries: Mapping[str, Entry]
    md5: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, bytes] = field(default_factory=dict)

    def text(self, path: str) -> str | None:
        """Return a record's text, or None where there is no such file."""
        data = self.texts.get(path)
        return None if data is None else data.decode("utf-8", errors="surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not what it should be.

    Attributes:
        part: The part of the image, a row of the table.
        name: A path, a package or a label.
        what: How it differs.
        expected: What the lock or a record says.
        found: What there is.
        owner: The package that the path belongs to; empty where it is none's.
    """

    part: str
    name: str
    what: What
    expected: str = NOTHING
    found: str = NOTHING
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one package manager's records say.

    Attributes:
        packages: How many packages it has installed.
        owners: Path to the package that owns it.
        findings: What differs from the lock or from the records.
    """

    packages: int = 0
    owners: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """One row of the content table.

    Attributes:
        part: Its name.
        packages: Locked packages; None for a part that has none.
        files: Names in the image that are no directories.
        findings: How many things are not as they should be.
    """

    part: str
    packages: int | None
    files: int
    findings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsResult:
    """What the image says of itself, compared with the locks."""

    findings: tuple[Finding, ...] = ()
    drift: tuple[Drift, ...] = ()
    compared: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> ExitCode:
        """Drift comes first: an image that names it itself is no other image, but not an exact one either."""
        if self.drift:
            return ExitCode.DRIFTED
        return ExitCode.LABELS_DIFFER if self.findings else ExitCode.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentResult:
    """The image's files and packages, compared with the locks and the records."""

    rows: tuple[PartRow, ...]
    findings: tuple[Finding, ...]

    @property
    def packages(self) -> int:
        """How many locked packages there are."""
        return sum(row.packages or 0 for row in self.rows)

    @property
    def files(self) -> int:
        """How many files there are."""
        return sum(row.files for row in self.rows)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of this check alone."""
        return ExitCode.CONTENT_DIFFERS if self.findings else ExitCode.OK
