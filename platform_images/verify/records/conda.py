"""The conda part of an environment: ``conda-meta/<package>.json``, and the hash of each file in it.

``paths_data.paths`` names each file below the prefix with ``path_type`` and ``sha256``, or ``sha256_in_prefix`` where
installing has written the prefix into it; for a symbolic link the latter is the hash of its target's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from platform_images.files import sha256_bytes
from platform_images.locks.values import CondaPackage
from platform_images.verify.records.packages import package_findings
from platform_images.verify.values import LINK, NOTHING, Finding, Held, Tree, What

_HASHED = ("hardlink", "softlink")


def conda_part(tree: Tree, prefix: str, locked: Sequence[CondaPackage], *, part: str) -> Held:
    """Return what an environment's conda part holds.

    Args:
        tree: The image.
        prefix: The environment's, without the slash in front.
        locked: The locked conda part.
        part: Its name in tables.
    """
    records = _records(tree, prefix)
    by_name = {package.name: package for package in locked}
    installed = {str(record.get("name")): str(record.get("version")) for record in records.values()}
    findings = list(package_findings(part, "conda", {p.name: p.version for p in locked}, installed))
    owners: dict[str, str] = {}
    for path, record in records.items():
        name = f"conda {record.get('name')} {record.get('version')}"
        owners[path] = name
        package = by_name.get(str(record.get("name")))
        if package is not None:
            findings.extend(_unlike(record, package, part=part))
        for row in _paths(record):
            owners[f"{prefix}/{row['_path']}"] = name
            findings.extend(_changed(tree, f"{prefix}/{row['_path']}", row, part=part, owner=name))
    return Held(packages=len(locked), owners=owners, findings=tuple(findings))


def _records(tree: Tree, prefix: str) -> dict[str, dict[str, Any]]:
    """Return the packages' records by path; one that is not JSON is an empty one."""
    found = {}
    for path in sorted(tree.texts):
        if path.startswith(f"{prefix}/conda-meta/") and path.endswith(".json"):
            try:
                record = json.loads(tree.texts[path])
            except ValueError:
                record = {}
            found[path] = record if isinstance(record, dict) else {}
    return found


def _paths(record: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the rows of a record's files."""
    rows = (record.get("paths_data") or {}).get("paths") or ()
    yield from (row for row in rows if isinstance(row, dict) and "_path" in row)


def _unlike(record: dict[str, Any], package: CondaPackage, *, part: str) -> Iterator[Finding]:
    """Yield each way in which a record is not that of the locked package."""
    place = f"{package.subdir}/{package.filename}"
    found_place = "/".join(str(record.get("url", "")).rsplit("/", 2)[-2:])
    pairs = (
        (package.build, str(record.get("build", NOTHING)), What.VERSION),
        (package.sha256, str(record.get("sha256", NOTHING)), What.CONTENT),
        (package.md5, str(record.get("md5", package.md5)), What.CONTENT),
        (place, found_place, What.CONTENT),
    )
    for expected, found, what in pairs:
        if expected != found:
            yield Finding(part=part, name=f"conda {package.name}", what=what, expected=expected, found=found)


def _changed(tree: Tree, path: str, row: dict[str, str], *, part: str, owner: str) -> Iterator[Finding]:
    """Yield a file that is missing, or not what its package recorded."""
    if row.get("path_type") not in _HASHED:
        return
    entry = tree.entries.get(path)
    digest = row.get("sha256_in_prefix") or row.get("sha256") or ""
    if entry is None:
        yield Finding(part=part, name=f"/{path}", what=What.MISSING, expected=digest, owner=owner)
    elif row["path_type"] == "hardlink" and digest and entry.value != digest:
        found = entry.value
        yield Finding(part=part, name=f"/{path}", what=What.CONTENT, expected=digest, found=found, owner=owner)
    elif row["path_type"] == "softlink" and "sha256_in_prefix" in row:
        target = sha256_bytes(entry.value.encode("utf-8", errors="surrogateescape")) if entry.kind == LINK else ""
        if target != row["sha256_in_prefix"]:
            expected = f"a link whose target has sha256 {digest}"
            yield Finding(part=part, name=f"/{path}", what=What.LINK, expected=expected, found=entry.value, owner=owner)
