"""Reading single layers of an image, times and all, from the stream of ``docker save``.

The stream is a tar: ``manifest.json`` names the configuration and the layers, each layer is a tar of its own,
compressed where the engine keeps it so. Newer engines name a layer ``blobs/sha256/<digest>``, older ones
``<id>/layer.tar``. A file ``.wh.<name>`` in a layer deletes a name of those below, ``.wh..wh..opq`` all of a directory.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, cast

from platform_images.solve.solution import Say
from platform_images.verify.tree import KINDS, as_file, blocks, hashed, members
from platform_images.verify.values import DIRECTORY, FILE, LINK

DELETION = ".wh."
_BLOB = re.compile(r"blobs/sha256/(?P<digest>[0-9a-f]{64})|.+/layer[.]tar")
_GZIP = b"\x1f\x8b"
_TAR_HEADER = 512
_BLOCK = 1 << 20
_MAGIC = slice(257, 262)
_USTAR = b"ustar"


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One name in one layer.

    Attributes:
        kind: As in an ``Entry``; a hard link is ``h``.
        value: SHA-256 of a file, target of a link.
        attributes: Extended attributes, as the tar has them, sorted.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    time: float
    value: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


Layer = Mapping[str, LayerEntry]
HARD_LINK = "h"


class _Peeked:
    """A stream whose first bytes have been looked at, and all of whose bytes are hashed on their way."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.head = stream.read(_TAR_HEADER)
        self._rest = self.head
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 of what has been read; of all when the end has been reached."""
        return self._digest.hexdigest()

    def read(self, size: int = -1) -> bytes:
        if self._rest:
            end = len(self._rest) if size < 0 else size
            data, self._rest = self._rest[:end], self._rest[end:]
        else:
            data = self._stream.read(size)
        self._digest.update(data)
        return data

    def read_on(self) -> None:
        """Read to the end: the digest is over what comes after a tar's last member as well."""
        while self.read(_BLOCK):
            continue


def read_layers(chunks: Iterable[bytes], *, wanted: frozenset[str], say: Say) -> dict[str, Layer]:
    """Return the layers with these digests (``sha256:...`` of the uncompressed tar) from a stream of ``docker save``.

    Args:
        chunks: The tar, in pieces.
        wanted: The layers that are read; the others are passed over where their name says what they are.
        say: Told how far it is.

    Raises:
        tarfile.TarError: It is not a tar, or ends too early.
    """
    found: dict[str, Layer] = {}
    for path, _, stream in members(as_file(chunks), say=say):
        blob = _BLOB.fullmatch(path)
        if stream is None or blob is None:
            continue
        named = f"sha256:{blob['digest']}" if blob["digest"] else None
        peeked = _Peeked(stream)
        unnamed = named is None and peeked.head[_MAGIC] == _USTAR
        if named in wanted or unnamed or peeked.head.startswith(_GZIP):
            digest, layer = _layer(peeked)
            if digest in wanted:
                found[digest] = layer
    return found


def layer_entries(stream: IO[bytes]) -> Iterator[tuple[str, LayerEntry]]:
    """Yield each name of a layer's tar.

    Raises:
        tarfile.TarError: It is not a tar, or ends too early.
    """
    for path, member, content in members(stream, say=lambda _: None):
        digest = "" if content is None else hashed(blocks(content))
        yield path, _entry(member, digest)


def is_deletion(path: str) -> bool:
    """Return whether a name in a layer deletes one of those below."""
    return path.rpartition("/")[2].startswith(DELETION)


def _layer(peeked: _Peeked) -> tuple[str, Layer]:
    """Read one layer to its end; return its digest, and its names by path."""
    stream = cast("IO[bytes]", peeked)
    if not peeked.head.startswith(_GZIP):
        entries = dict(layer_entries(stream))
        peeked.read_on()
        return f"sha256:{peeked.digest}", entries
    with gzip.GzipFile(fileobj=stream) as unpacked:
        inner = _Peeked(cast("IO[bytes]", unpacked))
        return _layer(inner)


def _entry(member: tarfile.TarInfo, digest: str) -> LayerEntry:
    """Return a member of a layer's tar."""
    kind = HARD_LINK if member.islnk() else KINDS.get(member.type, FILE)
    value = member.linkname if kind in (LINK, HARD_LINK) else digest
    attributes = tuple(sorted((k, str(v)) for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")))
    size = 0 if kind == DIRECTORY else member.size
    return LayerEntry(kind, member.mode & 0o7777, member.uid, member.gid, size, float(member.mtime), value, attributes)
