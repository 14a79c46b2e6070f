"""What an index has of a project: its pages as JSON (PEP 691) or HTML (PEP 503), and the newest release. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from platform_images.keep.target import Target

if TYPE_CHECKING:
    from packaging.version import Version

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tgz")
_HASH = re.compile(r"sha256=([0-9a-f]{64})")


class PageError(ValueError):
    """An answer is not a page of an index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a release.

    Attributes:
        address: Where it is.
        sha256: Of the file; empty where the index does not say it.
        metadata: SHA-256 of its metadata, empty where the index has them and says none; None where it has none.
        requires_python: Empty where it says nothing.
        yanked: Whether its makers have withdrawn it.
    """

    filename: str
    address: str
    sha256: str = ""
    metadata: str | None = None
    requires_python: str = ""
    yanked: bool = False

    @property
    def wheel(self) -> bool:
        """Whether it is a wheel."""
        return self.filename.endswith(".whl")

    @property
    def version(self) -> str:
        """The release's version, as the file's name has it."""
        if self.wheel:
            return self.filename.split("-")[1] if self.filename.count("-") >= 4 else ""
        stem = next((self.filename.removesuffix(end) for end in _SDISTS if self.filename.endswith(end)), "")
        return stem.rpartition("-")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest release that is offered, not withdrawn, and for the environment's Python.

    Attributes:
        fits: Whether it has a file that can be installed.
    """

    version: str
    fits: bool


def page(data: bytes, address: str) -> tuple[File, ...]:
    """Return the files that a page names.

    Raises:
        PageError: It is no such page.
    """
    if not data.lstrip().startswith(b"{"):
        return tuple(_html_files(data.decode("utf-8", errors="replace"), address))
    try:
        return tuple(_json_file(entry, address) for entry in json.loads(data)["files"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PageError(f"{type(error).__name__}: {error}") from error


def _json_file(entry: dict[str, Any], address: str) -> File:
    """Return one entry of a JSON page (PEP 691, 700, 714)."""
    core = next((entry[key] for key in ("core-metadata", "dist-info-metadata") if entry.get(key)), None)
    return File(
        filename=str(entry["filename"]),
        address=urljoin(address, str(entry["url"])),
        sha256=str(entry.get("hashes", {}).get("sha256", "")),
        metadata=None if core is None else str(core.get("sha256", "")) if isinstance(core, dict) else "",
        requires_python=str(entry.get("requires-python") or ""),
        yanked=bool(entry.get("yanked")),
    )


def _html_files(text: str, address: str) -> Iterator[File]:
    """Yield the files of an HTML page.

    Raises:
        PageError: It is not HTML.
    """
    if "<" not in text:
        raise PageError("it is neither JSON nor HTML")
    reader = _Anchors()
    reader.feed(text)
    for each in reader.found:
        place, fragment = urldefrag(urljoin(address, each["href"]))
        name = unquote(urlsplit(place).path.rpartition("/")[2])
        if not name.endswith((".whl", *_SDISTS)):
            continue
        core = next((each[key] for key in ("data-core-metadata", "data-dist-info-metadata") if key in each), None)
        yield File(
            filename=name,
            address=place,
            sha256=_hash(fragment),
            metadata=None if core in (None, "false") else _hash(str(core)),
            requires_python=each.get("data-requires-python", ""),
            yanked="data-yanked" in each,
        )


def _hash(text: str) -> str:
    """Return the SHA-256 in a fragment or attribute, empty where there is none."""
    found = _HASH.search(text)
    return found[1] if found else ""


class _Anchors(HTMLParser):
    """Collects what links of a page say."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link."""
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in values:
            self.found.append(values)


def newest(files: Iterable[File], target: Target, *, sdist: bool, early: bool = False) -> Newest | None:
    """Return the newest release that the environment's Python accepts; nothing where there is none.

    Args:
        files: What the index has of a project.
        target: Where it is to run.
        sdist: Whether the environment builds it from source.
        early: Whether pre-releases are offered, as they are to those that have one already; final ones always are.
    """
    releases: dict[str, list[File]] = {}
    for file in files:
        if not file.yanked:
            releases.setdefault(file.version, []).append(file)
    for text in sorted((each for each in releases if _offered(each, early=early)), key=parsed, reverse=True):
        accepted = [file for file in releases[text] if target.accepts(file.requires_python)]
        if accepted:
            fits = any(target.fits(file.filename) if file.wheel else sdist for file in accepted)
            return Newest(version=str(parsed(text)), fits=fits)
    return None


def locked_file(files: Iterable[File], hashes: frozenset[str], target: Target) -> File | None:
    """Return the file of a locked release whose metadata are read: a wheel that fits, else any."""
    return _best((file for file in files if file.sha256 in hashes), target)


def file_of(files: Iterable[File], version: str, target: Target) -> File | None:
    """Return the file of a release whose metadata are read: a wheel that fits, else any."""
    return _best((file for file in files if parsed(file.version) == parsed(version)), target)


def versions(files: Iterable[File], *, early: bool = False) -> tuple[str, ...]:
    """Return every release that is offered and has not been withdrawn."""
    offered = (file.version for file in files if not file.yanked and _offered(file.version, early=early))
    return tuple(dict.fromkeys(offered))


def _best(files: Iterable[File], target: Target) -> File | None:
    """Return a wheel that fits where there is one, else any file."""
    return max(files, key=lambda file: (file.wheel, file.wheel and target.fits(file.filename)), default=None)


def kind(old: str, new: str) -> str:
    """Return what the step between two versions is: ``major``, ``minor`` or ``patch``."""
    one, other = parsed(old), parsed(new)
    if (one.epoch, one.major) != (other.epoch, other.major):
        return "major"
    return "minor" if one.minor != other.minor else "patch"


def newer(new: str, old: str) -> bool:
    """Whether a version is newer than another."""
    return parsed(new) > parsed(old)


@cache
def parsed(text: str) -> Version:
    """Return a version (PEP 440); the lowest there is for what is none."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        return Version("0.dev0")


def is_early(version: str) -> bool:
    """Whether a version is a pre-release or one of development, and no final one."""
    return parsed(version).is_prerelease


@cache
def _offered(text: str, *, early: bool) -> bool:
    """Whether a version is one at all, and final, or pre-releases count as well."""
    from packaging.version import InvalidVersion, Version

    try:
        version = Version(text)
    except InvalidVersion:
        return False
    return early or not version.is_prerelease
