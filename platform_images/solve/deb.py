"""Debian packages as values: what dpkg and apt print, and the differences between two sets of packages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from platform_images.locks.values import DebPackage

_URI = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})\s*$")
_POOL = re.compile(r"(?:^|/)(?P<pool>pool/.+)")
_UPSTREAM = re.compile(r"^(?:\d+:)?(?P<upstream>\d+(?:\.\d+)*)")
_VERSION = re.compile(r"(?:(?P<epoch>\d+):)?(?P<upstream>.+?)(?:-(?P<revision>[^-]*))?")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Difference:
    """One thing that is not as locked.

    Attributes:
        name: A package, with ``:architecture`` where that is not the image's own; or ``root``.
        locked: What the lock says; None where it knows nothing of it.
        found: What there is; None where it is gone.
    """

    name: str
    locked: str | None
    found: str | None

    def __str__(self) -> str:
        return f"{self.name}: locked {self.locked or 'nothing'}, found {self.found or 'nothing'}"


def sorted_packages(packages: Iterable[DebPackage]) -> tuple[DebPackage, ...]:
    """Return the packages in the order that locks have."""
    return tuple(sorted(packages, key=lambda package: (package.name, package.architecture)))


def versions(packages: Iterable[DebPackage]) -> dict[str, str]:
    """Return name to version; a name that comes with two architectures carries them, as ``name:architecture``."""
    found = tuple(packages)
    names = [package.name for package in found]
    return {
        f"{package.name}:{package.architecture}" if names.count(package.name) > 1 else package.name: package.version
        for package in found
    }


def differences(locked: Mapping[str, str], found: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return every name whose version differs, or that only one side has, sorted."""
    return tuple(
        Difference(name=name, locked=locked.get(name), found=found.get(name))
        for name in sorted({*locked, *found})
        if locked.get(name) != found.get(name)
    )


def parse_uris(text: str) -> tuple[DebPackage, ...]:
    """Return the packages of ``apt-get install --print-uris``, sorted."""
    return sorted_packages(_from_uri(found) for found in map(_URI.match, text.splitlines()) if found)


def _from_uri(found: re.Match[str]) -> DebPackage:
    name, version, architecture = unquote(found["file"]).removesuffix(".deb").rsplit("_", 2)
    return DebPackage(
        name=name,
        version=version,
        architecture=architecture,
        sha256=found["sha256"],
        size=int(found["size"]),
        path=pool_path(found["uri"]),
    )


def pool_path(uri: str) -> str:
    """Return a package's place below its archive, without the mirror; the whole path where there is no ``pool/``."""
    path = unquote(urlsplit(uri).path).lstrip("/")
    found = _POOL.search(path)
    return found["pool"] if found else path


def parse_records(text: str, *, installed: Mapping[str, str]) -> tuple[DebPackage, ...]:
    """Return the installed packages with their hashes from the text of ``apt-cache show``, sorted.

    Args:
        text: Paragraphs; those of versions that are not installed are passed over.
        installed: Name to installed version.
    """
    records: dict[str, DebPackage] = {}
    for fields in paragraphs(text):
        name = fields.get("Package", "")
        if installed.get(name) == fields.get("Version") and "Filename" in fields:
            records[name] = DebPackage(
                name=name,
                version=fields["Version"],
                architecture=fields["Architecture"],
                sha256=fields["SHA256"],
                size=int(fields["Size"]),
                path=fields["Filename"].removeprefix("./"),
            )
    return sorted_packages(records.values())


def parse_installed(text: str) -> dict[str, str]:
    """Return name to version of the installed packages in a dpkg status file."""
    return {
        fields["Package"]: fields["Version"]
        for fields in paragraphs(text)
        if fields.get("Status", "").endswith(" installed") and "Package" in fields and "Version" in fields
    }


def paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Yield each paragraph's one-line fields."""
    for block in re.split(r"\n{2,}", text):
        fields = {}
        for line in block.splitlines():
            name, separator, value = line.partition(": ")
            if separator and not line[0].isspace():
                fields[name] = value.strip()
        if fields:
            yield fields


def upstream_version(version: str) -> str:
    """Return the upstream part of a Debian version in numbers: ``2.41`` of ``2.41-12+deb13u1``."""
    found = _UPSTREAM.match(version)
    return found["upstream"] if found else version


def version_parts(version: str) -> tuple[int, str, str] | None:
    """Return a version's epoch, upstream version and revision; None where it is no version (deb-version(7))."""
    found = _VERSION.fullmatch(version)
    return (int(found["epoch"] or 0), found["upstream"], found["revision"] or "") if found else None


def is_newer(one: str, other: str) -> bool:
    """Whether a version comes after another one, as dpkg orders them; False where one of them is no version."""
    first, second = version_parts(one), version_parts(other)
    if first is None or second is None:
        return False
    if first[0] != second[0]:
        return first[0] > second[0]
    return (order(first[1], second[1]) or order(first[2], second[2])) > 0


def order(one: str, two: str) -> int:
    """Return below, at or above zero, as dpkg orders two upstream versions or revisions (deb-version(7)).

    Runs of other characters and of digits take turns; ``~`` comes before the end, the end before letters, and those
    before all else.
    """
    runs, others = re.split(r"(\d+)", one), re.split(r"(\d+)", two)
    for place in range(max(len(runs), len(others))):
        first, second = (each[place] if place < len(each) else "" for each in (runs, others))
        if place % 2:
            here, there = int(first or 0), int(second or 0)
            if here != there:
                return here - there
        elif first != second:
            weights, weights_there = ([_weight(character) for character in text] + [0] for text in (first, second))
            return 1 if weights > weights_there else -1
    return 0


def _weight(character: str) -> int:
    """Return a character's place in dpkg's order; the end of a run is 0."""
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
