"""`invoke mirror`: everything that a mission's locks name, in one folder, each file checked by its hash."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from platform_images import console
from platform_images.building.locks import frozen_locks
from platform_images.engine import debootstrap
from platform_images.engine.registryimage import check_root, save_root
from platform_images.errors import MismatchError
from platform_images.fetch import Downloader, Item, downloader, is_there
from platform_images.files import sha256_file
from platform_images.locks.store import ROOT_UNIT, root
from platform_images.locks.values import MissionLocks, RootSystem
from platform_images.machine import one_at_a_time
from platform_images.mirror.channels import index_channels
from platform_images.mirror.manifest import (
    Manifest,
    MirrorFile,
    read_manifest,
    write_manifest,
)
from platform_images.mirror.needs import Need, needs, root_path
from platform_images.mirror.npm import fetch_tarballs, sha512_file
from platform_images.mirror.progress import Progress, shown_progress
from platform_images.mirror.sources import Sources
from platform_images.mirror.tools import tool_needs
from platform_images.model import Mission, Platform, load_mission, load_platform
from platform_images.site import site_settings
from platform_images.solve.hostenv import ca_bundle
from platform_images.solve.solution import Say
from platform_images.usage import Kind, using

AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What was done.

    Attributes:
        folder: The mirror.
        files: How many files the mission needs.
        size: Their bytes.
        fetched: How many of them were not there, or were damaged.
    """

    folder: Path
    files: int
    size: int
    fetched: int


def run(folder: Path, mission: str, *, out: Path) -> int:
    """Fill a mirror for a mission and print what it holds; what `invoke mirror` does.

    Raises:
        PlatformError: A file has a mistake, a lock is not fresh, or something cannot be had.
    """
    platform = load_platform(folder)
    loaded = load_mission(platform, mission)
    done = fill(platform, loaded, out=out, say=lambda text: console.say(f"  {text}"))
    console.say(
        f"+ {mission}: {done.files} files, {done.size / 1e6:.0f} MB; {done.fetched} were fetched now", style="green"
    )
    console.stdout().print(done.folder)
    return 0


def fill(platform: Platform, mission: Mission, *, out: Path, say: Say) -> Filled:
    """Put everything that a mission's locks name into a folder; what is there with the right content is kept.

    Interrupted, it leaves whole files and parts of files with names of their own; the next call goes on with them.

    Raises:
        LockError: A lock is stale, missing or damaged.
        MismatchError: Something has another content than the locked one.
        ToolError: An index or a mirror did not answer, or has something no more.
        UsageError: The folder's manifest is damaged.
    """
    locks = frozen_locks(platform, mission, mission.kernels)
    wanted = (*needs(locks), *tool_needs(locks))
    for each in wanted:
        if each.system is not None:
            root_path(each.system)  # a root that cannot be kept is refused before anything is fetched
    out.mkdir(parents=True, exist_ok=True)
    with using(Kind.IMAGES, Kind.ROOTS), one_at_a_time(out), closing(Filling.of(platform, locks, out, say=say)) as filling:
        return filling.fill(wanted)


@dataclass(kw_only=True)
class Filling:
    """One call of `invoke mirror`: the folder, what it holds by now, and where more comes from."""

    platform: Platform
    folder: Path
    manifest: Manifest
    sources: Sources
    system: RootSystem
    downloads: Downloader
    progress: Progress
    say: Say
    fetched: int = 0

    @classmethod
    def of(cls, platform: Platform, locks: MissionLocks, folder: Path, *, say: Say) -> Filling:
        """Read what there is."""
        system = root(next(lock for lock in locks.locks if lock.unit == ROOT_UNIT))
        return cls(
            platform=platform,
            folder=folder,
            manifest=read_manifest(folder) or Manifest(),
            sources=Sources(platform=platform, system=system),
            system=system,
            downloads=downloader(site_settings(ca_bundle=ca_bundle(platform))),
            progress=shown_progress(),
            say=say,
        )

    def close(self) -> None:
        """End connections and what is shown."""
        self.downloads.close()
        self.progress.close()

    def fill(self, wanted: Sequence[Need]) -> Filled:
        """Have everything that units need; the manifest is written when one more is whole."""
        paths: set[str] = set()
        for each in wanted:
            files = self._kept(each)
            if files is None:
                files = self._had(each)
                self.manifest = self.manifest.with_unit(each.name, each.digest, files)
                write_manifest(self.folder, self.manifest)
            paths |= set(files)
        index_channels(self.folder, paths)
        size = sum(self.manifest.files[path].size for path in paths)
        return Filled(folder=self.folder, files=len(paths), size=size, fetched=self.fetched)

    def _kept(self, need: Need) -> dict[str, MirrorFile] | None:
        """Return a unit's files where the mirror holds each as recorded, and None where it does not."""
        files = self.manifest.of(need.name, need.digest)
        if files is None:
            return None
        return files if all(_same(self.folder / path, file) for path, file in files.items()) else None

    def _had(self, need: Need) -> dict[str, MirrorFile]:
        """Fetch what is missing of a unit and return all its files."""
        self.say(f"mirroring {need.name}")
        items = self.sources.items(need)
        self._fetch(need.name, [item for item in items if not is_there(item, self.folder)])
        self._fetch_npm(need)
        paths = [item.path for item in items] + [each.path for each in need.npm] + self._fetch_root(need)
        return {path: _recorded(self.folder / path) for path in sorted(paths)}

    def _fetch(self, name: str, items: Sequence[Item]) -> None:
        """Download files, some at a time; the first failure, or Ctrl-C, ends those under way as well."""
        if not items:
            return
        given_up = Event()
        with self.progress.of(name, items) as count, ThreadPoolExecutor(AT_ONCE) as pool:

            def counted(number: int) -> None:
                if given_up.is_set():
                    raise CancelledError
                count(number)

            calls = [pool.submit(self.downloads.file, item, self.folder, count=counted) for item in items]
            try:
                for call in calls:
                    call.result()
                    self.fetched += 1
            except BaseException:
                given_up.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch_npm(self, need: Need) -> None:
        """Let npm fetch what is missing."""
        places = {each: self.folder / each.path for each in need.npm}
        missing = [each for each, path in places.items() if not (path.is_file() and sha512_file(path) == each.sha512)]
        fetch_tarballs(self.platform, missing, self.folder)
        self.fetched += len(missing)

    def _fetch_root(self, need: Need) -> list[str]:
        """Make or save the locked root where it is missing; return its path."""
        if need.system is None:
            return []
        path, sha256 = root_path(need.system), need.system.digest.removeprefix("sha256:")
        if need.system.provider == "image":
            self._save_root(need.system, path)
        elif not is_there(Item(path=path, sha256=sha256, addresses=()), self.folder):
            made = self._root_tar(need.system).as_uri()
            self.downloads.file(Item(path=path, sha256=sha256, addresses=(made,)), self.folder)
            self.fetched += 1
        return [path]

    def _save_root(self, system: RootSystem, path: str) -> None:
        """Write the locked image of a registry to its file, where that is not there with the right content."""
        place = self.folder / path
        try:
            if place.is_file():
                check_root(system, place, shown=path)
                return
        except MismatchError:
            self.say(f"{path} is damaged and is written again")
        save_root(system, place, say=self.say)
        self.fetched += 1

    def _root_tar(self, system: RootSystem) -> Path:
        """Return the locked root as a file of this machine's cache.

        Raises:
            MismatchError: It cannot be made any more.
        """
        tar = debootstrap.cached_tar(system.digest)
        if tar is not None:
            return tar
        made = debootstrap.make_root(
            system.source,
            architecture=self.platform.architecture,
            epoch=system.epoch,
            packages=system.packages,
            snapshots=(f"{self.folder.resolve().as_uri()}/debian", *self.platform.settings.root.snapshots),
            say=self.say,
        )
        if made.digest != system.digest:
            raise MismatchError(
                "The root that was made is not the locked one.",
                why=f"expected {system.digest}\nfound    {made.digest}",
                fix='nox -s "lock(common, root)" locks what there is now',
            )
        return made.tar


def _same(path: Path, file: MirrorFile) -> bool:
    """Whether a file is there as recorded."""
    return path.is_file() and path.stat().st_size == file.size and sha256_file(path) == file.sha256


def _recorded(path: Path) -> MirrorFile:
    """Return what a file is."""
    return MirrorFile(sha256=sha256_file(path), size=path.stat().st_size)
