"""The pip part of an environment: its distributions, and the hash of each file in their ``RECORD``.

``RECORD`` is CSV, ``path,sha256=<digest>,size``, by the wheel specification: paths are relative to site-packages,
digests URL-safe base64 without padding; a row without a digest, as that of ``RECORD`` itself, says nothing.
"""

from __future__ import annotations

import base64
import csv
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from platform_images.locks.pip import pins
from platform_images.verify.records.packages import package_findings
from platform_images.verify.values import DIRECTORY, Finding, Held, Tree, What

_INFO = re.compile(r"(?P<site>lib/python[^/]+/site-packages)/(?P<name>[^/]+?)-(?P<version>[^/]+)[.]dist-info")


def pip_part(tree: Tree, prefix: str, requirements: str, *, part: str, conda: frozenset[str]) -> Held:
    """Return what an environment's pip part holds.

    Args:
        tree: The image.
        prefix: The environment's, without the slash in front.
        requirements: The locked pip part, in pip's own format.
        part: Its name in tables.
        conda: Paths that a conda package owns: a distribution that conda brought is not pip's.
    """
    everything = dict(_distributions(tree, prefix))
    infos = {path: info for path, info in everything.items() if f"{path}/RECORD" not in conda}
    locked = pinned(requirements)
    found = {
        str(canonicalize_name(name)): version
        for path, (name, version) in everything.items()
        if path in infos or canonicalize_name(name) in locked
    }
    findings = package_findings(part, "pip", locked, found, same=same_version)
    claims = claimed(tree, infos)
    owners = {path: f"pip {name} {found[name]}" for path, (name, _) in claims.items()}
    return Held(packages=len(locked), owners=owners, findings=(*findings, *_changed(tree, claims, owners, part)))


def pinned(requirements: str) -> dict[str, str]:
    """Return name to version of each package of a locked pip part."""
    return {str(canonicalize_name(pin.name)): pin.version for pin in pins(requirements)}


def claimed(tree: Tree, infos: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return path to the distribution that has it, and its SHA-256 there; empty where none is recorded.

    Where two distributions bring a file of the same name, the last one by name is the one that was installed last.
    """
    found: dict[str, tuple[str, str]] = {}
    for path, (name, _) in sorted(infos.items(), key=lambda item: canonicalize_name(item[1][0])):
        text = tree.text(f"{path}/RECORD") or ""
        for row, digest in recorded(text.splitlines()):
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), row))
            found[place] = (canonicalize_name(name), digest)
    return found


def recorded(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield path and SHA-256 of each row of a ``RECORD``; empty where the row has none."""
    for row in csv.reader(lines):
        if row:
            kind, _, digest = row[1].partition("=") if len(row) > 1 else ("", "", "")
            yield row[0], hexadecimal(digest) if kind == "sha256" else ""


def hexadecimal(digest: str) -> str:
    """Return a digest of a ``RECORD`` as hexadecimal digits."""
    try:
        return base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)).hex()
    except ValueError:
        return f"unreadable: {digest}"


def same_version(one: str, other: str) -> bool:
    """Return whether two versions are the same, as Python packages count them."""
    try:
        return Version(one) == Version(other.replace("_", "-"))
    except InvalidVersion:
        return one == other


def _distributions(tree: Tree, prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each distribution's folder, name and version."""
    for path, entry in tree.entries.items():
        if entry.kind == DIRECTORY and path.endswith(".dist-info") and path.startswith(f"{prefix}/lib/"):
            info = _INFO.fullmatch(path, len(prefix) + 1)
            if info:
                yield path, (info["name"], info["version"])


def _changed(
    tree: Tree, claims: Mapping[str, tuple[str, str]], owners: Mapping[str, str], part: str
) -> Iterator[Finding]:
    """Yield each file that is missing, or not what its distribution recorded."""
    for path, (_, digest) in claims.items():
        entry = tree.entries.get(path)
        if entry is None:
            yield Finding(
                part=part, name=f"/{path}", what=What.MISSING, expected=digest or "a file", owner=owners[path]
            )
        elif digest and entry.value != digest:
            yield Finding(
                part=part,
                name=f"/{path}",
                what=What.CONTENT,
                expected=digest,
                found=entry.value,
                owner=owners[path],
            )
