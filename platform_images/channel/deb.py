"""Reading ``.deb`` files: an ``ar`` archive of three members, the last of them a tar file (deb(5))."""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from platform_images.errors import MismatchError

_MAGIC = b"!<arch>\n"
_HEADER = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file or symbolic link of a package.

    Attributes:
        path: Path below the root, without a leading ``./``.
        link: Target of a symbolic link; None for a file.
        data: Content of a file; empty for a link.
        executable: Whether its owner may run it.
        mtime: Seconds since 1970.
    """

    path: str
    link: str | None
    data: bytes
    executable: bool
    mtime: int


def members(deb: bytes, *, shown: str) -> Iterator[Member]:
    """Yield the files and symbolic links of a package, hard links as files, in the archive's order.

    Raises:
        MismatchError: It is not a .deb file, or is cut off.
    """
    data = _data_member(deb, shown=shown)
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
            for entry in archive:
                member = _member(archive, entry)
                if member is not None:
                    yield member
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
        raise MismatchError(f"{shown} cannot be unpacked.", why=str(error)) from error


def _member(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Member | None:
    """Return an entry as a member; None for folders and devices."""
    path = entry.name.removeprefix("./")
    mode = bool(entry.mode & 0o100)
    if entry.issym():
        return Member(path=path, link=entry.linkname, data=b"", executable=False, mtime=int(entry.mtime))
    stream = archive.extractfile(entry) if entry.isfile() or entry.islnk() else None
    if stream is None:
        return None
    return Member(path=path, link=None, data=stream.read(), executable=mode, mtime=int(entry.mtime))


def _data_member(deb: bytes, *, shown: str) -> bytes:
    """Return the bytes of ``data.tar.*``."""
    if not deb.startswith(_MAGIC):
        raise MismatchError(f"{shown} is not a .deb file.", why="it does not begin as an ar archive does")
    at = len(_MAGIC)
    while at + _HEADER <= len(deb):
        name = deb[at : at + 16].decode("ascii", "replace").strip().rstrip("/")
        size = int(deb[at + 48 : at + 58])
        start = at + _HEADER
        if start + size > len(deb):
            raise MismatchError(f"{shown} is cut off.", why=f"its member {name} ends too early")
        if name.startswith("data.tar"):
            return deb[start : start + size]
        at = start + size + size % 2
    raise MismatchError(f"{shown} is cut off.", why="it has no member data.tar")
