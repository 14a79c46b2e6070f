"""changes.py NAME BELOW OUT: copy what this stage has and BELOW has not, or not so, into a folder for COPY.

BELOW is where the file system of an earlier stage is mounted. OUT gets ``tree``, laid out as the root is, and
``deleted``, the paths of what is gone, each with a zero byte after it. In the tree, /opt/environments/record/manifest
holds NAME.jsonl, a manifest of the changes, NAME.deleted, the paths that are gone as JSON strings, and for the system
root.jsonl, a manifest of the root below it.

Why not leave this to the engine, which makes layers from what a step has written? A file that was written again with
the same content, and a folder in which something was made and deleted, are in its layer or not, depending on how the
engine compares (by what the file system notes, or by size and time), and that depends on what it has built before.
By size and time it misses a file whose content alone has changed: such a file gets another time here.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import manifest  # type: ignore[import-not-found]  # it lies beside this file in a build step

RECORD = "opt/environments/record/manifest"
ROOT, SYSTEM = "root", "system"
# The engine puts its own in the place of these, and leaves traces where there is none.
STUBS = ("etc/hosts", "etc/resolv.conf")
Paths = dict[str, os.stat_result]


def main(name: str, below: Path, out: Path) -> None:
    """Find, copy, record."""
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    skipped = frozenset({str(out), "/mnt", *mount_points()})
    now, before = paths(Path("/"), skipped), paths(below, frozenset(f"{below}{path}" for path in skipped))
    changed = {path for path in now if differs(path, now[path], before.get(path), below)}
    deleted = gone(now, before)
    tree = out / "tree"
    tree.mkdir(parents=True)
    copy(with_parents(changed), now, before, tree)
    record = tree / RECORD
    listed = {name: [manifest.line(Path("/", path), path) for path in sorted(changed)]}
    if name == SYSTEM:
        listed[ROOT] = [manifest.line(below / path, path) for path in sorted(paths(below, frozenset()))]
        lay_stubs(tree, epoch)
    record.mkdir(parents=True, exist_ok=True)
    for title, lines in listed.items():
        manifest.write(record / f"{title}.jsonl", lines)
    (record / f"{name}.deleted").write_text("".join(json.dumps(path) + "\n" for path in deleted), encoding="utf-8")
    (out / "deleted").write_bytes(b"".join(os.fsencode(f"/{path}") + b"\0" for path in deleted))
    settle(tree, changed, epoch)
    say(name, changed, deleted)


def mount_points() -> Iterator[str]:
    """Yield what is mounted for this step alone."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        place = line.split()[1]
        if place != "/":
            yield place


def paths(top: Path, skipped: frozenset[str]) -> Paths:
    """Return all that is below a folder, by its path there."""
    start = len(str(top).rstrip("/")) + 1
    found = manifest.below(str(top), skipped)
    return {entry.path[start:]: entry.stat(follow_symlinks=False) for entry in found}


def differs(path: str, now: os.stat_result, before: os.stat_result | None, below: Path) -> bool:
    """Whether something is not what it was; the time of a folder does not count."""
    if before is None or attributes(now) != attributes(before):
        return True
    if now.st_ctime_ns == before.st_ctime_ns:  # still the file of the stage below
        return False
    here, there = Path("/", path), below / path
    if extended(here) != extended(there):
        return True
    if stat.S_ISLNK(now.st_mode):
        return here.readlink() != there.readlink()
    return stat.S_ISREG(now.st_mode) and not filecmp.cmp(here, there, shallow=False)


def attributes(found: os.stat_result) -> tuple[int, ...]:
    """Return what an engine compares, but for times of folders and links."""
    comparable = (found.st_mode, found.st_uid, found.st_gid, found.st_rdev)
    return (*comparable, found.st_size, int(found.st_mtime)) if stat.S_ISREG(found.st_mode) else comparable


def extended(path: Path) -> dict[str, bytes]:
    """Return extended attributes, such as a program's capabilities."""
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)}


def gone(now: Paths, before: Paths) -> list[str]:
    """Return what is no longer there, but for what is below something that is gone."""
    missing = {path for path in before if path not in now}
    return sorted(path for path in missing if str(Path(path).parent) not in missing)


def with_parents(changed: set[str]) -> list[str]:
    """Return paths and the folders above them, folders first."""
    above = {str(folder) for path in changed for folder in Path(path).parents}
    return sorted((changed | above) - {"."})


def copy(wanted: list[str], now: Paths, before: Paths, tree: Path) -> None:
    """Copy paths with all that belongs to them; names of one file stay names of one file."""
    seen: dict[tuple[int, int], Path] = {}
    for path in wanted:
        source, target, found = Path("/", path), tree / path, now[path]
        if stat.S_ISDIR(found.st_mode):
            target.mkdir()
        elif stat.S_ISLNK(found.st_mode):
            target.symlink_to(source.readlink())
        elif stat.S_ISREG(found.st_mode):
            first = seen.setdefault((found.st_dev, found.st_ino), target)
            if first != target:
                os.link(first, target)
                continue
            shutil.copyfile(source, target)
        else:
            os.mknod(target, found.st_mode, found.st_rdev)
        os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
        shutil.copystat(source, target, follow_symlinks=False)
        if like(found, before.get(path)):
            os.utime(target, (int(found.st_mtime) + 1,) * 2, follow_symlinks=False)


def like(now: os.stat_result, before: os.stat_result | None) -> bool:
    """Whether an engine that compares by size and time takes a changed file for the one that was there."""
    return before is not None and attributes(now) == attributes(before) and not stat.S_ISDIR(now.st_mode)


def lay_stubs(tree: Path, epoch: int) -> None:
    """Give the image the empty files over which the engine puts its own."""
    for name in STUBS:
        path = tree / name
        if path.parent.is_dir() and not path.exists():
            path.touch(mode=0o644)
            os.utime(path, (epoch, epoch))


def settle(tree: Path, changed: set[str], epoch: int) -> None:
    """Give folders, and what was made here, the build's time; deepest first, as each change dates the folder above."""
    for top, folders, names in os.walk(tree, topdown=False):
        for name in names:
            path = Path(top, name)
            if str(path.relative_to(tree)) not in changed or path.lstat().st_mtime > epoch + 1:
                os.utime(path, (epoch, epoch), follow_symlinks=False)
        for name in folders:
            path = Path(top, name)
            if not path.is_symlink():
                os.utime(path, (min(int(path.stat().st_mtime), epoch),) * 2)


def say(name: str, changed: set[str], deleted: list[str]) -> None:
    """Tell how much it was, and of what makes the image's digest another one in each build."""
    print(f"{name}: {len(changed)} paths changed")  # noqa: T201
    if deleted:
        shown = ", ".join(f"/{path}" for path in deleted[:5])
        print(f"note: {len(deleted)} paths of the layers below are deleted ({shown}); an engine dates deletions")  # noqa: T201


if __name__ == "__main__":
    os.umask(0o022)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
