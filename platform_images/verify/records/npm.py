"""The npm packages of an image: ``package-lock.json`` as locked, and the version in each ``package.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from platform_images.files import sha256_bytes
from platform_images.verify.records.packages import package_findings
from platform_images.verify.values import NOTHING, Finding, Held, Tree, What

PLACE = "opt/npm"
_LOCK = f"{PLACE}/package-lock.json"
_PACKAGE = re.compile(
    rf"{PLACE}/(?P<key>node_modules/(?:@[^/]+/)?[^/]+(?:/node_modules/(?:@[^/]+/)?[^/]+)*)/package[.]json"
)


def npm_part(tree: Tree, lock_text: str, *, part: str) -> Held:
    """Return what an image has of npm packages.

    Args:
        tree: The image.
        lock_text: The locked ``package-lock.json``.
        part: Its name in tables.
    """
    entries: dict[str, dict[str, Any]] = json.loads(lock_text).get("packages", {})
    locked = {key: str(entry.get("version", NOTHING)) for key, entry in entries.items() if _is_package(key, entry)}
    optional = frozenset(key for key in locked if entries[key].get("optional") or entries[key].get("peer"))
    found = _installed(tree)
    findings = [_other_lock(tree, lock_text, part)] if tree.text(_LOCK) != lock_text else []
    findings += package_findings(part, "npm", locked, found, optional=optional)
    return Held(packages=len(locked), owners=_owners(tree, found), findings=tuple(findings))


def _is_package(key: str, entry: Mapping[str, Any]) -> bool:
    """Whether an entry is an installed package: not the project itself, not a link to a folder."""
    return bool(key) and not entry.get("link")


def _installed(tree: Tree) -> dict[str, str]:
    """Return place to version of each package that is there."""
    found = {}
    for path in tree.texts:
        place = _PACKAGE.fullmatch(path)
        if place:
            found[place["key"]] = _version(tree.texts[path])
    return found


def _version(text: bytes) -> str:
    """Return the version in a ``package.json``."""
    try:
        return str(json.loads(text)["version"])
    except (ValueError, KeyError, TypeError):
        return "unreadable"


def _other_lock(tree: Tree, lock_text: str, part: str) -> Finding:
    """Return the finding of a package-lock.json that is not the locked one."""
    found = tree.entries.get(_LOCK)
    return Finding(
        part=part,
        name=f"/{_LOCK}",
        what=What.CONTENT if found else What.MISSING,
        expected=sha256_bytes(lock_text.encode("utf-8")),
        found=found.value if found else NOTHING,
    )


def _owners(tree: Tree, found: Mapping[str, str]) -> dict[str, str]:
    """Return path to the package that it belongs to: the innermost one."""
    owners = {}
    for path in tree.entries:
        if path.startswith(f"{PLACE}/node_modules/"):
            place = path.removeprefix(f"{PLACE}/")
            while place and place not in found:
                place = place.rpartition("/")[0]
            if place:
                owners[path] = f"npm {place.rpartition('node_modules/')[2]} {found[place]}"
    return owners
