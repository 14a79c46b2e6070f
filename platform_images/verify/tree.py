"""Reading all of an image's files as they come, in one pass, with nothing kept but their hashes and a few records.

The stream is that of ``docker export``: a tar of the merged layers, hard links as links to an earlier member.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterable, Iterator
from typing import IO, Protocol, cast

from platform_images.solve.solution import Say
from platform_images.verify.values import DIRECTORY, FILE, LINK, Entry, Tree

_BLOCK = 1 << 20
_SAY_EVERY = 500_000_000
_OWN = "opt/"
KINDS = {
    tarfile.DIRTYPE: DIRECTORY,
    tarfile.SYMTYPE: LINK,
    tarfile.CHRTYPE: "c",
    tarfile.BLKTYPE: "b",
    tarfile.FIFOTYPE: "p",
}
_RECORDS = re.compile(
    r"""opt/environments/record/manifest/[^/]+
    | opt/conda/(?:envs/[^/]+/)?conda-meta/[^/]+[.]jsonl?
    | opt/conda/(?:envs/[^/]+/)?lib/python[^/]+/site-packages/[^/]+[.]dist-info/RECORD
    | opt/npm/package-lock[.]json
    | opt/npm/(?:.*/)?node_modules/(?:@[^/]+/)?[^/]+/package[.]json
    | var/lib/dpkg/(?:status|diversions)
    | var/lib/dpkg/info/[^/]+[.](?:md5sums|list|conffiles)
    | etc/dpkg/dpkg[.]cfg[.]d/[^/]+
    """,
    re.VERBOSE,
)


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


class _Chunks:
    """Chunks as they come, as a file that can be read forwards."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes: as many as asked for, fewer at the end."""
        parts, have = [self._rest], len(self._rest)
        while size < 0 or have < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            parts.append(chunk)
            have += len(chunk)
        data = b"".join(parts)
        end = len(data) if size < 0 else size
        self._rest = data[end:]
        return data[:end]


def as_file(chunks: Iterable[bytes]) -> IO[bytes]:
    """Return chunks as a file that can be read forwards, and in no other way."""
    return cast("IO[bytes]", _Chunks(chunks))


def read_tree(chunks: Iterable[bytes], *, say: Say) -> Tree:
    """Return an image's files from the stream of ``docker export``.

    Args:
        chunks: The tar, in pieces.
        say: Told how far it is, every half a gigabyte.

    Raises:
        tarfile.TarError: It is not a tar, or ends too early.
    """
    entries: dict[str, Entry] = {}
    md5: dict[str, str] = {}
    texts: dict[str, bytes] = {}
    for path, member, stream in members(as_file(chunks), say=say):
        if stream is None:
            source = member.linkname.lstrip("/").removeprefix("./")
            entries[path] = entries[source] if member.islnk() else _entry(member)
            if member.islnk() and source in md5:
                md5[path] = md5[source]
            continue
        if _RECORDS.fullmatch(path):
            texts[path] = stream.read()
        known = texts.get(path)
        pieces = blocks(stream) if known is None else iter((known,))
        second = None if path.startswith(_OWN) else hashlib.md5(usedforsecurity=False)
        entries[path] = _entry(member, hashed(pieces, second))
        if second is not None:
            md5[path] = second.hexdigest()
    return Tree(entries=entries, md5=md5, texts=texts)


def members(stream: IO[bytes], *, say: Say) -> Iterator[tuple[str, tarfile.TarInfo, IO[bytes] | None]]:
    """Yield path, member and, for a file, its content, in the order of a tar that is read once.

    Raises:
        tarfile.TarError: It is not a tar, or ends too early.
    """
    done = said = 0
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK // 4) as tar:
        for count, member in enumerate(tar, start=1):
            path = member.name.removeprefix("./").strip("/")
            if path not in ("", "."):
                yield path, member, tar.extractfile(member) if member.isreg() else None
            tar.members = []  # type: ignore[attr-defined] # a tar remembers all it has read, for seeking
            done += member.size
            if done - said >= _SAY_EVERY:
                said = done
                say(f"{done / 1e9:.1f} GB, {count} names read")


def blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's content in pieces."""
    while block := stream.read(_BLOCK):
        yield block


def hashed(pieces: Iterable[bytes], second: _Digest | None = None) -> str:
    """Return the SHA-256 of a content that is read once; a second digest gets it as well."""
    first = hashlib.sha256()
    for piece in pieces:
        first.update(piece)
        if second is not None:
            second.update(piece)
    return first.hexdigest()


def _entry(member: tarfile.TarInfo, digest: str = "") -> Entry:
    """Return a member of a tar as an entry."""
    kind = KINDS.get(member.type, FILE)
    value = member.linkname if kind == LINK else digest
    return Entry(kind, member.mode & 0o7777, member.uid, member.gid, value)
