"""The manifests that a build leaves in an image: every name with its type, permissions, owner and content.

A manifest has one JSON array a line, ``[path, type, mode, uid, gid, value]``, sorted by path: the path without a slash
in front, the mode as octal digits, and as value a file's SHA-256 or a link's target. Beside it, ``<name>.deleted`` has
the names of what is gone of that which lies below, one JSON string a line; all below a directory is gone with it.
A patched image has one more for each patch, ``patch.1``, ``patch.2`` and so on, with what is new in any place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from platform_images.model.environment import Environment
from platform_images.verify.values import DIRECTORY, KINDS, NOTHING, Entry, Finding, Tree, What

FOLDER = "opt/environments/record/manifest"
IN_PREFIX = "conda-meta/platform-images.jsonl"
_OF_PACKAGES = re.compile(r"conda-meta/platform-images[.][^/]+[.]jsonl")
_OF_PATCH = re.compile(rf"{re.escape(FOLDER)}/patch[.](?P<number>[1-9][0-9]*)[.]jsonl")
_SHOWN = 100
ROOT, SYSTEM, MISSION, FILES, PATCH = "root", "system", "mission", "files", "patch"
# What the engine puts in place in every container.
_ENGINE = frozenset({".dockerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "dev", "proc", "sys"})
_ENGINE_FOLDERS = ("dev/", "proc/", "sys/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Where one manifest lies.

    Attributes:
        layer: ``root``, ``system``, ``mission``, ``files``, ``patch``, or an environment's prefix.
        path: Its place in the image.
    """

    layer: str
    path: str

    @property
    def deleted(self) -> str:
        """Where the names lie that are gone with this layer."""
        return f"{self.path.removesuffix('.jsonl')}.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What the manifests say together.

    Attributes:
        entries: Each name by its path.
        layers: Path to the layer that has it last; of what a patch has changed, the one that had it before.
        findings: Manifests that the image does not have, or that cannot be read.
    """

    entries: dict[str, Entry]
    layers: dict[str, str]
    findings: tuple[Finding, ...] = ()


def manifests(environments: Sequence[Environment], there: Iterable[str]) -> tuple[Manifest, ...]:
    """Return an image's manifests, each after those it overrides.

    Args:
        environments: The base and the kernels.
        there: What the image has: an environment has one manifest for each layer of its packages, and a patched image
            one for each patch.
    """
    below, above = (ROOT, SYSTEM), (MISSION, FILES)
    names = sorted(there)
    return (
        *(Manifest(layer=name, path=f"{FOLDER}/{name}.jsonl") for name in below),
        *(Manifest(layer=place(e), path=path) for e in environments for path in _of_environment(place(e), names)),
        *(Manifest(layer=name, path=f"{FOLDER}/{name}.jsonl") for name in above),
        *(Manifest(layer=PATCH, path=patch_path(number)) for number in patches_there(names)),
    )


def patches_there(there: Iterable[str]) -> tuple[int, ...]:
    """Return the numbers of the patches that left a manifest in an image, the oldest first."""
    return tuple(sorted(int(found["number"]) for found in map(_OF_PATCH.fullmatch, there) if found))


def patch_path(number: int) -> str:
    """Return the place of a patch's manifest in the image."""
    return f"{FOLDER}/{PATCH}.{number}.jsonl"


def _of_environment(prefix: str, there: Sequence[str]) -> Iterator[str]:
    """Yield the manifests of one environment."""
    yield f"{prefix}/{IN_PREFIX}"
    for path in there:
        if path.startswith(f"{prefix}/") and _OF_PACKAGES.fullmatch(path, len(prefix) + 1):
            yield path


def place(environment: Environment) -> str:
    """Return an environment's prefix without the slash in front."""
    return str(environment.prefix).lstrip("/")


def merged(tree: Tree, listed: Sequence[Manifest]) -> Listed:
    """Return what the manifests say together: later ones override and delete what earlier ones have."""
    found = Listed(entries={}, layers={})
    findings = []
    for manifest in listed:
        text = tree.texts.get(manifest.path)
        if text is None:
            findings.append(_lacking(manifest, What.MISSING, NOTHING))
            continue
        try:
            _delete(found, deleted_names(tree.texts.get(manifest.deleted, b"")))
            folders = parents(found.entries)
            for path, entry in parsed(text):
                before = found.layers.get(path) if manifest.layer == PATCH else None
                if entry.kind != DIRECTORY and path in folders:  # what was below is not among the deleted names
                    _delete(found, frozenset({path}))
                found.entries[path] = entry
                found.layers[path] = before or manifest.layer
        except ValueError as error:
            findings.append(_lacking(manifest, What.CONTENT, str(error)))
    return Listed(entries=found.entries, layers=found.layers, findings=tuple(findings))


def parsed(text: bytes) -> Iterator[tuple[str, Entry]]:
    """Yield each name of a manifest.

    Raises:
        ValueError: A line is not in this format; says which.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            name, kind, mode, uid, gid, value = json.loads(line)
            entry = Entry(kind, int(mode, 8), int(uid), int(gid), str(value))
        except (ValueError, TypeError) as error:
            raise _unreadable(number, line) from error
        if kind not in KINDS or not isinstance(name, str):
            raise _unreadable(number, line)
        yield name, entry


def deleted_names(text: bytes) -> frozenset[str]:
    """Return the names that a layer deletes.

    Raises:
        ValueError: A line is not in this format; says which.
    """
    names = set()
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            name = json.loads(line)
        except ValueError as error:
            raise _unreadable(number, line) from error
        if not isinstance(name, str):
            raise _unreadable(number, line)
        names.add(name)
    return frozenset(names)


def above(path: str) -> Iterator[str]:
    """Yield the directories above a path, the nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def is_the_engine_s(path: str) -> bool:
    """Return whether the engine puts this in place, whatever the image has there."""
    return path in _ENGINE or path.startswith(_ENGINE_FOLDERS)


def unlisted(listed: Sequence[Manifest]) -> frozenset[str]:
    """Return what no manifest can list: the manifests themselves."""
    return frozenset({FOLDER, *(each.path for each in listed), *(each.deleted for each in listed)})


def parents(names: Iterable[str]) -> frozenset[str]:
    """Return every directory above these names."""
    found: set[str] = set()
    for path in names:
        for directory in above(path):
            if directory in found:
                break
            found.add(directory)
    return frozenset(found)


def parent() -> Entry:
    """Return how a directory looks that is only there for what is below it."""
    return Entry(DIRECTORY, 0o755, 0, 0)


def _delete(found: Listed, names: frozenset[str]) -> None:
    """Take away these names and all that is below them."""
    if not names:
        return
    for path in [path for path in found.entries if path in names or any(up in names for up in above(path))]:
        del found.entries[path], found.layers[path]


def _lacking(manifest: Manifest, what: What, found: str) -> Finding:
    return Finding(part=manifest.layer, name=f"/{manifest.path}", what=what, expected="a manifest", found=found)


def _unreadable(number: int, line: bytes) -> ValueError:
    return ValueError(f"line {number}: {line[:_SHOWN].decode('utf-8', errors='replace')}")
