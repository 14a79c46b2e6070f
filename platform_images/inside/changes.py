"""changes.py NAME BELOW OUT [list]: copy what this stage has and BELOW has not, or not so, into a folder for COPY.

BELOW is where the file system of an earlier stage is mounted, or the list that the step of that stage has left. OUT
gets ``tree``, laid out as the root is, and ``deleted``, the paths of what is gone, each with a zero byte after it; and
with ``list``, such a list of this stage. In the tree, /opt/environments/record/manifest holds NAME.jsonl, a manifest of
the changes, NAME.deleted, the paths that are gone as JSON strings, and for the system root.jsonl, a manifest of the
root below it, which is mounted.

Why not leave this to the engine, which makes layers from what a step has written? A file that was written again with
the same content, and a folder in which something was made and deleted, are in its layer or not, depending on how the
engine compares (by what the file system notes, or by size and time), and that depends on what it has built before.
By size and time it misses a file whose content alone has changed: such a file gets another time here.

What is deleted in /mnt stays in the image: in the step that deletes, the list lies there.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

import manifest  # type: ignore[import-not-found]  # these lie beside this file in a build step
import stage_list  # type: ignore[import-not-found]

LIST = "list"
RECORD = "opt/environments/record/manifest"
ROOT, SYSTEM = "root", "system"
# The engine puts its own in the place of these, and leaves traces where there is none.
STUBS = ("etc/hosts", "etc/resolv.conf")
# What build steps mount in /mnt; where there is no such name, an engine makes an empty one, and may leave it.
MOUNTS = "mnt"
PROGRAMS = (
    *("bytecode.py", "changes.py", "finish.sh", "install_certificates.sh", "install_conda.py"),
    *("install_group.py", "install_npm.sh", "known.py", "layer.py", "patch_pip.py", "pip_part.py", "plan_pip.py"),
    *("install_os.sh", "make_user.sh", "manifest.py", "place.sh", "run.sh", "settle.sh"),
    *("stage_list.py", "turns.py", "twin.py"),
)
FOLDERS = (
    "below",
    "certificates",
    "conda.json",
    "final",
    "group",
    "groups.json",
    "home",
    "lock",
    "mirror",
    "node",
    "patch.json",
    "plans",
    "record",
    "released",
    "runtime",
    "tools",
)
CHANNELS = "channel-"
Paths = dict[str, stage_list.Seen]


class Stages(NamedTuple):
    """A stage, where it lies, and the one below it."""

    root: Path
    now: stage_list.Listed
    before: stage_list.Listed


def main(name: str, below: Path, out: Path, *words: str, root: Path = Path("/")) -> None:
    """Find, copy, record."""
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    known: manifest.Digests = {}
    stages = both(root, below, frozenset({str(out), *mount_points()}), known)
    changed = {path for path in stages.now.seen if differs(path, stages)}
    deleted, kept = gone(stages)
    tree = out / "tree"
    tree.mkdir(parents=True)
    copy(with_parents(changed), stages, tree, epoch)
    record = tree / RECORD
    listed = {name: [manifest.line(root / path, path, known) for path in sorted(changed)]}
    if name == SYSTEM:
        listed[ROOT] = [manifest.line(below / path, path) for path in sorted(paths(below))]
        lay_stubs(tree, epoch)
    record.mkdir(parents=True, exist_ok=True)
    for title, lines in listed.items():
        manifest.write(record / f"{title}.jsonl", lines)
    (record / f"{name}.deleted").write_text("".join(json.dumps(path) + "\n" for path in deleted), encoding="utf-8")
    (out / "deleted").mkdir()
    (out / "deleted" / "paths").write_bytes(b"".join(os.fsencode(f"/{path}") + b"\0" for path in deleted))
    settle(tree, changed, epoch)
    if LIST in words:
        (out / LIST).mkdir()
        stage_list.write(out / LIST / stage_list.NAME, stages.now, stages.now.seen.keys() - changed, stages.before.tell)
    say(name, changed, deleted, kept)


def both(root: Path, below: Path, skipped: frozenset[str], known: manifest.Digests) -> Stages:
    """Look at the two stages, without what is mounted and without the places of mounts that an engine has left."""
    now = stage_list.looked_at(root, skipped, known)
    if below.is_dir():
        before = stage_list.looked_at(below, frozenset(f"{below}{path}" for path in skipped))
    else:
        before = stage_list.read(below, skipped)
    return Stages(root, *(listed._replace(seen=without_mount_points(listed.seen)) for listed in (now, before)))


def without_mount_points(found: Paths) -> Paths:
    """Leave out what is empty and has the name of a mount."""
    full = {str(Path(path).parent) for path in found if path.startswith(f"{MOUNTS}/")}
    return {path: each for path, each in found.items() if not (is_mount_s(path) and is_empty(each, path in full))}


def is_mount_s(path: str) -> bool:
    """Whether build steps mount something of this name."""
    folder, _, name = path.rpartition("/")
    return folder == MOUNTS and (name in (*PROGRAMS, *FOLDERS) or name.startswith(CHANNELS))


def is_empty(found: stage_list.Seen, full: bool) -> bool:
    """Whether it is an empty file, or a folder in which nothing was found."""
    return not full if stat.S_ISDIR(found.st_mode) else stat.S_ISREG(found.st_mode) and found.st_size == 0


def mount_points() -> Iterator[str]:
    """Yield what is mounted for this step alone."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        place = line.split()[1]
        if place != "/":
            yield place


def paths(top: Path) -> list[str]:
    """Return all that is below a folder, by its path there."""
    start = len(str(top).rstrip("/")) + 1
    return [entry.path[start:] for entry in manifest.below(str(top), frozenset())]


def differs(path: str, stages: Stages) -> bool:
    """Whether something is not what it was; the time of a folder does not count."""
    now, before = stages.now.seen[path], stages.before.seen.get(path)
    if before is None or attributes(now) != attributes(before):
        return True
    if now.st_ctime_ns == before.st_ctime_ns:  # still the file of the stage below
        return False
    return bool(stages.now.tell(path) != stages.before.tell(path))


def attributes(found: stage_list.Seen) -> tuple[int, ...]:
    """Return what an engine compares, but for times of folders and links."""
    comparable = (found.st_mode, found.st_uid, found.st_gid, found.st_rdev)
    return (*comparable, found.st_size, int(found.st_mtime)) if stat.S_ISREG(found.st_mode) else comparable


def gone(stages: Stages) -> tuple[list[str], list[str]]:
    """Return what is no longer there, but for what is below something that is gone; and what of it must be kept.

    Where a folder has become a link, a name below it would be one of the link's target: the link itself hides it.
    """
    now = stages.now.seen
    found = sorted(path for path in stages.before.seen if path not in now and has_folder(path, now))
    kept = [path for path in found if Path(path).parts[0] == MOUNTS]
    return [path for path in found if path not in kept], kept


def has_folder(path: str, now: Paths) -> bool:
    """Whether there is a folder, and not something else, that a path would be in."""
    folder = path.rpartition("/")[0]
    return not folder or (folder in now and stat.S_ISDIR(now[folder].st_mode))


def with_parents(changed: set[str]) -> list[str]:
    """Return paths and the folders above them, folders first."""
    above = {str(folder) for path in changed for folder in Path(path).parents}
    return sorted((changed | above) - {"."})


def copy(wanted: list[str], stages: Stages, tree: Path, epoch: int) -> None:
    """Copy paths with all that belongs to them; names of one file stay names of one file."""
    before = stages.before.seen
    names: dict[tuple[int, int], list[str]] = {}
    for path in wanted:
        source, target = stages.root / path, tree / path
        found = source.lstat()
        if stat.S_ISDIR(found.st_mode):
            target.mkdir()
        elif stat.S_ISLNK(found.st_mode):
            target.symlink_to(source.readlink())
        elif stat.S_ISREG(found.st_mode):
            same = names.setdefault((found.st_dev, found.st_ino), [])
            same.append(path)
            if len(same) > 1:
                os.link(tree / same[0], target)
                continue
            shutil.copyfile(source, target)
        else:
            os.mknod(target, found.st_mode, found.st_rdev)
        os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
        shutil.copystat(source, target, follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode) and not stat.S_ISREG(found.st_mode):
            date(target, found, [before.get(path)], epoch)
    for same in names.values():
        date(tree / same[0], stages.now.seen[same[0]], [before.get(path) for path in same], epoch)


def date(target: Path, now: stage_list.Seen, before: Iterable[stage_list.Seen | None], epoch: int) -> None:
    """Give a file a time that is not too late, and with which none of its names looks like what was there."""
    lower = [each for each in before if each is not None]
    time = int(now.st_mtime) + 1 if any(like(now, each) for each in lower) else now.st_mtime
    if time > epoch + 1:
        time = epoch
    taken = {int(each.st_mtime) for each in lower if size_and_attributes(each) == size_and_attributes(now)}
    if int(time) in taken:
        time = next(each for each in count(epoch + 1, -1) if each not in taken)
    if time != now.st_mtime:
        os.utime(target, (time, time), follow_symlinks=False)


def size_and_attributes(found: stage_list.Seen) -> tuple[int, ...]:
    """Return what an engine compares beside the time."""
    return (found.st_mode, found.st_uid, found.st_gid, found.st_rdev, found.st_size)


def like(now: stage_list.Seen, before: stage_list.Seen) -> bool:
    """Whether an engine that compares by size and time takes a changed file for the one that was there."""
    return attributes(now) == attributes(before) and not stat.S_ISDIR(now.st_mode)


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
            if str(path.relative_to(tree)) not in changed:
                os.utime(path, (epoch, epoch), follow_symlinks=False)
        for name in folders:
            path = Path(top, name)
            if not path.is_symlink():
                os.utime(path, (min(int(path.stat().st_mtime), epoch),) * 2)


def say(name: str, changed: set[str], deleted: list[str], kept: list[str]) -> None:
    """Tell how much it was, and of what makes the image's digest another one in each build."""
    print(f"{name}: {len(changed)} paths changed")  # noqa: T201
    if deleted:
        shown = ", ".join(f"/{path}" for path in deleted[:5])
        print(f"note: {len(deleted)} paths of the layers below are deleted ({shown}); an engine dates deletions")  # noqa: T201
    if kept:
        print(f"note: {', '.join(f'/{path}' for path in kept[:5])}: what is deleted in /mnt stays in the image")  # noqa: T201


if __name__ == "__main__":
    os.umask(0o022)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
