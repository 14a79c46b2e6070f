"""The Debian packages of an image: dpkg's own database, and the MD5 of each file in it.

``status`` names what is installed, ``info/<package>.md5sums`` has ``<md5>  <path>`` a line, ``info/<package>.list``
each path, ``info/<package>.conffiles`` what a person may change. ``diversions`` has three lines each: a path, where it
is instead, and the package that may still use the path itself. ``dpkg.cfg.d`` may leave files out (``path-exclude``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from platform_images.solve.deb import parse_installed
from platform_images.verify.records.packages import package_findings
from platform_images.verify.values import DIRECTORY, LINK, Finding, Held, Tree, What

_STATUS, _DIVERSIONS = "var/lib/dpkg/status", "var/lib/dpkg/diversions"
_INFO = re.compile(r"var/lib/dpkg/info/(?P<package>[^/:]+)(?::[^/.]+)?[.](?P<kind>md5sums|list|conffiles)")
_FILTER = re.compile(r"^\s*path-(?P<verb>exclude|include)\s*=\s*(?P<glob>\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedDebian:
    """The locked Debian packages.

    Attributes:
        versions: Name to version.
        parts: Name to the part of the image that has it.
        whole: Whether these are all: a root that somebody else made has packages that no lock names.
    """

    versions: Mapping[str, str]
    parts: Mapping[str, str]
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Database:
    """What dpkg has written down."""

    installed: Mapping[str, str]
    info: Mapping[tuple[str, str], str]
    diversions: Mapping[str, tuple[str, str]]
    filters: tuple[tuple[str, str], ...]


def debian_part(tree: Tree, locked: LockedDebian, *, part: str) -> Held:
    """Return what an image has of Debian packages.

    Args:
        tree: The image.
        locked: What it should have.
        part: The part that packages belong to which no lock names.
    """
    database = _database(tree)
    findings = [
        each
        for each in package_findings(part, "deb", locked.versions, database.installed)
        if locked.whole or each.what is not What.EXTRA
    ]
    findings = [_placed(each, locked, part) for each in findings]
    for package in sorted(database.installed):
        findings.extend(_changed(tree, database, package, part=locked.parts.get(package, part)))
    return Held(packages=len(locked.versions), owners=_owners(tree, database), findings=tuple(findings))


def sums(text: str) -> Iterator[tuple[str, str]]:
    """Yield path and MD5 of each line of a ``md5sums``."""
    for line in text.splitlines():
        digest, separator, path = line.partition("  ")
        if separator:
            yield path.removeprefix("./").lstrip("/"), digest


def diverted(text: str) -> dict[str, tuple[str, str]]:
    """Return path to where it is instead, and the package for which it is not."""
    lines = [line.lstrip("/") for line in text.splitlines()]
    return {old: (new, package) for old, new, package in zip(lines[::3], lines[1::3], lines[2::3], strict=False)}


def left_out(path: str, filters: tuple[tuple[str, str], ...]) -> bool:
    """Return whether dpkg was told not to unpack a path; the last rule that fits decides."""
    fitting = [verb for verb, glob in filters if fnmatchcase(f"/{path}", glob)]
    return bool(fitting) and fitting[-1] == "exclude"


def _database(tree: Tree) -> _Database:
    """Read what dpkg has written down."""
    info = {}
    for path in tree.texts:
        found = _INFO.fullmatch(path)
        if found:
            info[found["package"], found["kind"]] = tree.text(path) or ""
    settings = "\n".join(tree.text(path) or "" for path in sorted(tree.texts) if path.startswith("etc/dpkg/"))
    return _Database(
        installed=parse_installed(tree.text(_STATUS) or ""),
        info=info,
        diversions=diverted(tree.text(_DIVERSIONS) or ""),
        filters=tuple((found["verb"], found["glob"]) for found in _FILTER.finditer(settings)),
    )


def _placed(finding: Finding, locked: LockedDebian, part: str) -> Finding:
    """Return a package's finding in the part that the package belongs to."""
    name = finding.name.removeprefix("deb ")
    return Finding(
        part=locked.parts.get(name, part),
        name=finding.name,
        what=finding.what,
        expected=finding.expected,
        found=finding.found,
    )


def _changed(tree: Tree, database: _Database, package: str, *, part: str) -> Iterator[Finding]:
    """Yield each file of a package that is missing, or not what the package brought."""
    owner = f"deb {package} {database.installed[package]}"
    free = set(database.info.get((package, "conffiles"), "").replace(" ", "\n").split("\n"))
    for listed, digest in sums(database.info.get((package, "md5sums"), "")):
        path = _present(tree, _moved(listed, package, database))
        if f"/{listed}" in free:
            continue
        if path not in tree.entries:
            if not left_out(listed, database.filters):
                yield Finding(part=part, name=f"/{path}", what=What.MISSING, expected=f"md5 {digest}", owner=owner)
        elif path not in tree.md5:
            kind = tree.entries[path].kind
            yield Finding(part=part, name=f"/{path}", what=What.TYPE, expected="a file", found=kind, owner=owner)
        elif tree.md5[path] != digest:
            expected, found = f"md5 {digest}", f"md5 {tree.md5[path]}"
            yield Finding(part=part, name=f"/{path}", what=What.CONTENT, expected=expected, found=found, owner=owner)


def _moved(path: str, package: str, database: _Database) -> str:
    """Return where a package's path is, if another package has had it moved."""
    new, owner = database.diversions.get(path, (path, package))
    return path if owner == package else new


def _present(tree: Tree, path: str) -> str:
    """Return a path with its first folder resolved: of a merged system, ``/lib`` is ``/usr/lib``."""
    top, slash, rest = path.partition("/")
    entry = tree.entries.get(top)
    if slash and entry is not None and entry.kind == LINK:
        return f"{entry.value.strip('/')}/{rest}"
    return path


def _owners(tree: Tree, database: _Database) -> dict[str, str]:
    """Return path to the package that owns it, for all but directories."""
    owners = {}
    for (package, kind), text in database.info.items():
        if kind != "list" or package not in database.installed:
            continue
        for line in text.splitlines():
            path = _present(tree, _moved(line.lstrip("/"), package, database))
            entry = tree.entries.get(path)
            if entry is None or entry.kind != DIRECTORY:
                owners[path] = f"deb {package} {database.installed[package]}"
    return owners
