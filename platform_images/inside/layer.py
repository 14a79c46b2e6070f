"""layer.py TREE DELETED OUT: write what changes.py has laid out as a layer, a tar file that depends on nothing else.

TREE is the folder; DELETED has the paths of what is gone, each with a zero byte after it; OUT is the file. An engine
dates deletions with the present time, so that its layers are never the same; here they have SOURCE_DATE_EPOCH.

The file is as the OCI image specification says: entries by path, each folder before what is in it, names without a
first slash, owners as numbers, extended attributes as SCHILY.xattr.*, and for each path that is gone an empty file
``.wh.NAME`` in its folder. The root itself has no entry.
"""

from __future__ import annotations

import os
import stat
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

WHITEOUT = ".wh."
ATTRIBUTE = "SCHILY.xattr."
TEXT = "utf-8", "surrogateescape"
# What a machine's own kernel or engine notes in a file is not the image's.
NOT_OURS = ("security.ima", "security.evm", "security.selinux", "trusted.overlay.", "user.overlay.")


class Entry(NamedTuple):
    """A name in the layer, and the file that has it; a whiteout has none."""

    name: str
    source: Path | None


def main(tree: Path, deleted: Path, out: Path) -> None:
    """Order and write."""
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    there = sorted_entries(Entry(name, tree / name) for name in below(tree))
    gone = list(whiteouts(deleted.read_bytes(), {entry.name for entry in there}))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    with tarfile.open(out, "w", format=tarfile.PAX_FORMAT, encoding=TEXT[0], errors=TEXT[1]) as archive:
        write(archive, sorted_entries([*there, *gone]), epoch)
    print(f"{len(there)} paths, {len(gone)} deletions, {out.stat().st_size} bytes")  # noqa: T201


def below(tree: Path) -> Iterator[str]:
    """Yield the path of all that is in the tree; links are not followed."""
    for folder, folders, names in os.walk(tree, onerror=fail):
        for name in (*folders, *names):
            path = os.path.relpath(f"{folder}/{name}", tree)
            if name.startswith(WHITEOUT):
                sys.exit(
                    f"/{path}: a layer cannot hold a name that begins with {WHITEOUT}, which is that of a deletion"
                )
            yield path


def fail(error: OSError) -> None:
    """End where a folder cannot be read."""
    raise error


def sorted_entries(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries by path, each folder before what is in it and nothing else between."""
    return sorted(entries, key=lambda entry: os.fsencode(entry.name).split(b"/"))


def whiteouts(deleted: bytes, there: set[str]) -> Iterator[Entry]:
    """Yield the entries that hide what is gone."""
    for path in {os.fsdecode(each) for each in deleted.split(b"\0") if each}:
        folder, _, name = path.removeprefix("/").rpartition("/")
        if not path.startswith("/") or {"", ".", ".."}.intersection(path.removeprefix("/").split("/")):
            sys.exit(f"{path!r} is not the path of something in an image")
        if name.startswith(WHITEOUT):
            sys.exit(f"{path}: a layer cannot delete a name that begins with {WHITEOUT}")
        if path.removeprefix("/") in there:
            sys.exit(f"{path} is among what is gone and among what is there")
        yield Entry(f"{folder}/{WHITEOUT}{name}".removeprefix("/"), None)


def write(archive: tarfile.TarFile, entries: Iterable[Entry], epoch: int) -> None:
    """Write all entries; names of one file stay names of one file."""
    first: dict[tuple[int, int], str] = {}
    for entry in entries:
        if entry.source is None:
            archive.addfile(header(entry.name, tarfile.REGTYPE, mode=0, time=epoch))
            continue
        found = entry.source.lstat()
        if stat.S_ISSOCK(found.st_mode):
            print(f"note: /{entry.name} is a socket, which no layer can hold")  # noqa: T201
            continue
        info = described(entry, found)
        other = first.setdefault((found.st_dev, found.st_ino), entry.name)
        if other != entry.name:
            info.type, info.linkname, info.size, info.pax_headers = tarfile.LNKTYPE, other, 0, {}
        if info.isreg():
            with entry.source.open("rb") as stream:
                archive.addfile(info, stream)
        else:
            archive.addfile(info)


def described(entry: Entry, found: os.stat_result) -> tarfile.TarInfo:
    """Return the header of something that is in the tree."""
    assert entry.source is not None
    kind = found.st_mode
    info = header(entry.name, type_of(kind), mode=stat.S_IMODE(kind), time=found.st_mtime_ns // 10**9)
    info.uid, info.gid = found.st_uid, found.st_gid
    if stat.S_ISREG(kind):
        info.size = found.st_size
    elif stat.S_ISLNK(kind):
        info.linkname = str(entry.source.readlink())
    elif stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
        info.devmajor, info.devminor = os.major(found.st_rdev), os.minor(found.st_rdev)
    info.pax_headers = attributes(entry.source)
    return info


def header(name: str, kind: bytes, *, mode: int, time: int) -> tarfile.TarInfo:
    """Return a header of the owner 0."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, time
    return info


def type_of(mode: int) -> bytes:
    """Return the type that a tar file has for it."""
    kinds = {
        stat.S_IFDIR: tarfile.DIRTYPE,
        stat.S_IFLNK: tarfile.SYMTYPE,
        stat.S_IFCHR: tarfile.CHRTYPE,
        stat.S_IFBLK: tarfile.BLKTYPE,
        stat.S_IFIFO: tarfile.FIFOTYPE,
    }
    return kinds.get(stat.S_IFMT(mode), tarfile.REGTYPE)


def attributes(path: Path) -> dict[str, str]:
    """Return extended attributes as the tar file has them, sorted; of bytes that are no text each stays as it is."""
    names = sorted(name for name in os.listxattr(path, follow_symlinks=False) if not name.startswith(NOT_OURS))
    return {f"{ATTRIBUTE}{name}": os.getxattr(path, name, follow_symlinks=False).decode(*TEXT) for name in names}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
