"""A mirror as the source of a build: what each unit needs, checked against its lock and laid out for a build step."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platform_images import temporary
from platform_images.engine.registryimage import check_root
from platform_images.errors import LockError, MismatchError, PlatformError
from platform_images.files import json_text, sha256_file
from platform_images.locks.pip import pins
from platform_images.locks.store import ROOT_UNIT
from platform_images.locks.values import PACKAGE_LOCK, Lock, MissionLocks, Unit
from platform_images.mirror.manifest import CONDA, DEBIAN, NPM, PYPI, ROOTS, Manifest, MirrorFile, require_manifest
from platform_images.mirror.needs import Need, conda_path, deb_path, need, root_path
from platform_images.mirror.npm import check_tarball
from platform_images.mirror.tools import tool_needs
from platform_images.solve.solution import Say

MOUNTED = "/mnt/mirror"
_WHEELS = ""
PARTS = {CONDA: "conda", DEBIAN: "os", NPM: "npm", PYPI: "pip"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorSource:
    """A part of a mirror, laid out for one build.

    Attributes:
        context: A build context: ``<unit>/<conda, pip, os or npm>/...``.
        units: The units that it has.
        root: The root's tar, or that of its image, where the mirror has it.
        wheels: The folder of wheels for build steps' tools, where the mirror has them.
    """

    context: Path
    units: frozenset[Unit]
    root: Path | None = None
    wheels: Path | None = None


@contextmanager
def mirror_source(folder: Path, locks: MissionLocks, *, offline: bool, say: Say) -> Iterator[MirrorSource]:
    """Give what a mirror has for an image, every file compared with the locks; gone afterwards.

    Args:
        folder: The mirror.
        locks: What the image is built from.
        offline: Whether everything must be there.
        say: Told which units the mirror does not have.

    Raises:
        MismatchError: A file has another content than the locks say; names it, the expected and the found hash.
        PlatformError: ``offline``, and something is not there.
        UsageError: The folder is not a mirror.
    """
    reader = _Reader(folder=folder, manifest=require_manifest(folder))
    found = {lock.unit: files for lock in locks.locks if (files := reader.files(need(lock))) is not None}
    without = [each.name for each in tool_needs(locks) if reader.files(each) is None]
    missing = [*(str(lock.unit) for lock in locks.locks if lock.unit not in found), *without]
    if missing and offline:
        raise _incomplete(folder, "The mirror does not hold all that the image needs.", missing, locks.mission)
    if missing:
        say(f"not in the mirror, fetched from where it usually is: {', '.join(missing)}")
    with temporary.folder(temporary.Role.MIRROR) as context:
        for lock in locks.locks:
            if lock.unit in found:
                reader.lay_out(lock, found[lock.unit], context)
        yield MirrorSource(
            context=context,
            units=frozenset(found),
            root=next((folder / path for path in found.get(ROOT_UNIT, ()) if path.startswith(f"{ROOTS}/")), None),
            wheels=None if without else folder / PYPI,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """A mirror that is read."""

    folder: Path
    manifest: Manifest

    def files(self, wanted: Need) -> dict[str, MirrorFile] | None:
        """Return a unit's files, each there with the locked content, or None where the mirror does not have it.

        Raises:
            MismatchError: One has another content.
            PlatformError: One is not there, though the manifest says so.
        """
        files = self.manifest.of(wanted.name, wanted.digest)
        if files is None or not self._has_root(wanted, files):
            return None
        expected = _expected(wanted)
        tarballs = {each.path: each for each in wanted.npm}
        for path, file in files.items():
            place = self.folder / path
            if not place.is_file():
                raise _incomplete(self.folder, "A file of the mirror is gone.", [path], wanted.name.split("/")[0])
            if path in tarballs:
                check_tarball(tarballs[path], place)
            elif wanted.system is not None and wanted.system.provider == "image":
                # The lock knows what is in the file; the manifest knows the file.
                self._check(path, sha256_file(place), frozenset({file.sha256}), file)
                check_root(wanted.system, place, shown=f"{path} of the mirror")
            else:
                self._check(path, sha256_file(place), expected.get(path, expected[_WHEELS]), file)
        return files

    def _has_root(self, wanted: Need, files: Mapping[str, MirrorFile]) -> bool:
        """Whether a unit's files have its root in them; one by whose lock it cannot be known is not."""
        try:
            return wanted.system is None or root_path(wanted.system) in files
        except LockError:
            return False

    def _check(self, path: str, found: str, allowed: frozenset[str], file: MirrorFile) -> None:
        """Compare a hash with what the lock allows."""
        if found in allowed and found == file.sha256:
            return
        likely = file.sha256 if file.sha256 in allowed or not allowed else sorted(allowed)[0]
        raise MismatchError(
            f"{path} of the mirror is not the file that the lock names.",
            why=f"expected sha256 {likely}\nfound sha256    {found}",
            fix=f"invoke mirror --check --out {self.folder} lists all such files; invoke mirror fetches them again",
        )

    def lay_out(self, lock: Lock, files: Mapping[str, MirrorFile], context: Path) -> None:
        """Lay out a unit's files for its build steps; names of the mirror's own files where the file system can."""
        unit = context / lock.unit.scope / lock.unit.part
        for path in files:
            kind, _, rest = path.partition("/")
            if kind in PARTS:
                _link(self.folder / path, unit / PARTS[kind] / rest)
        tarballs = need(lock).npm
        if tarballs:
            document = json.loads(lock.files[PACKAGE_LOCK])
            for each in tarballs:
                for place in each.places:
                    document["packages"][place]["resolved"] = f"file:{MOUNTED}/{each.path.removeprefix(f'{NPM}/')}"
            (unit / PARTS[NPM] / PACKAGE_LOCK).write_text(json_text(document), encoding="utf-8")


def _expected(wanted: Need) -> dict[str, frozenset[str]]:
    """Return the hashes that a file may have by its path; those of wheels, whose names no lock has, as one."""
    found = {deb_path(each): frozenset({each.sha256}) for each in wanted.debs}
    found.update({conda_path(each): frozenset({each.sha256}) for each in wanted.conda})
    if wanted.system is not None and wanted.system.provider != "image":
        found[root_path(wanted.system)] = frozenset({wanted.system.digest.removeprefix("sha256:")})
    found[_WHEELS] = frozenset().union(*(pin.hashes for text in wanted.requirements for pin in pins(text)))
    return found


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where it lies on another file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _incomplete(folder: Path, what: str, missing: list[str], mission: str) -> PlatformError:
    """Return the error for a mirror that lacks something."""
    name = "MISSION" if mission in ("common", "project") else mission
    return PlatformError(what, why="\n".join(missing), fix=f"invoke mirror --mission {name} --out {folder}")
