"""``manifest.json`` of a mirror: which files it holds, with their hashes, and which of them each unit needs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from platform_images.errors import UsageError
from platform_images.files import json_text, sha256_bytes, write_text
from platform_images.locks.values import Lock, Sha256

MANIFEST = "manifest.json"
CONDA, DEBIAN, NPM, PYPI, ROOTS = "conda", "debian", "npm", "pypi", "root"


class _Model(BaseModel):
    """Frozen; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MirrorFile(_Model):
    """One file: its content, and its bytes."""

    sha256: Sha256
    size: NonNegativeInt


class MirrorUnit(_Model):
    """What one unit needs.

    Attributes:
        lock: Digest of the solution for which the files were fetched.
        files: Their paths, sorted.
    """

    lock: Sha256
    files: tuple[str, ...]


class Manifest(_Model):
    """A mirror's content.

    Attributes:
        version: Version of this format.
        files: Path below the mirror to what lies there.
        units: ``<scope>/<part>`` to what it needs.
    """

    version: Literal[1] = 1
    files: dict[str, MirrorFile] = Field(default_factory=dict)
    units: dict[str, MirrorUnit] = Field(default_factory=dict)

    def of(self, name: str, digest: str) -> dict[str, MirrorFile] | None:
        """Return the files of a unit by path, or None where this solution of it is not mirrored."""
        unit = self.units.get(name)
        if unit is None or unit.lock != digest or not self.files.keys() >= set(unit.files):
            return None
        return {path: self.files[path] for path in unit.files}

    def with_unit(self, name: str, digest: str, files: dict[str, MirrorFile]) -> Manifest:
        """Return this manifest with what a unit needs."""
        unit = MirrorUnit(lock=digest, files=tuple(sorted(files)))
        return Manifest(files={**self.files, **files}, units={**self.units, name: unit})


def solution_digest(lock: Lock) -> str:
    """Return the digest of a unit's solution: over the hashes of its files."""
    return sha256_bytes(json_text(lock.header.files).encode("utf-8"))


def read_manifest(folder: Path) -> Manifest | None:
    """Return a mirror's manifest, or None where there is none yet.

    Raises:
        UsageError: It is damaged, or of another version of this program.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UsageError(
            f"{path} is not the manifest of a mirror.",
            why=str(error),
            fix="delete it and run invoke mirror: the files that are there are checked and kept",
        ) from error


def require_manifest(folder: Path) -> Manifest:
    """Return a mirror's manifest.

    Raises:
        UsageError: There is none, or it is damaged.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise UsageError(
            f"{folder} is not a mirror: it has no {MANIFEST}.",
            fix=f"invoke mirror --mission MISSION --out {folder}",
        )
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> bool:
    """Write a mirror's manifest; return whether it changed."""
    return write_text(folder / MANIFEST, json_text(manifest.model_dump(mode="json")))
