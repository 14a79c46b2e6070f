"""How large the layers of an image are, from the stream of ``docker save``: whole, compressed, and their files."""

from __future__ import annotations

import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, cast

from platform_images.verify.tree import as_file

BLOCK = 1 << 18
_BUFFER = 1 << 16  # a stream's buffer is copied for each name that is read from it
LEVEL = 6  # what engines compress with when they push
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_BLOB = re.compile(r"(?:blobs/sha256/[0-9a-f]{64})|.+/layer[.]tar")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSize:
    """One layer.

    Attributes:
        digest: ``sha256:...`` of its uncompressed tar.
        size: Bytes of that tar.
        compressed: Bytes as it is pushed; 0 where nobody asked.
        files: Bytes of its files, those with several names once.
    """

    digest: str
    size: int
    compressed: int
    files: int


class _Measured:
    """A layer's stream: uncompressed where it is not, and counted on its way."""

    def __init__(self, stream: IO[bytes], *, compress: bool) -> None:
        self._stream = stream
        self._head = stream.read(512)
        self._unzip = zlib.decompressobj(_GZIP_WINDOW) if self._head.startswith(_GZIP) else None
        self._zip = zlib.compressobj(LEVEL) if compress and self._unzip is None else None
        self._digest = hashlib.sha256()
        self._rest = b""
        self.size = self.compressed = 0

    @property
    def digest(self) -> str:
        return f"sha256:{self._digest.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        """Return the next uncompressed bytes: as many as asked for, fewer at the end."""
        parts, have = [self._rest], len(self._rest)
        while size < 0 or have < size:
            data = self._next()
            if data is None:
                break
            parts.append(data)
            have += len(data)
        whole = b"".join(parts)
        end = len(whole) if size < 0 else size
        self._rest = whole[end:]
        return whole[:end]

    def finish(self) -> None:
        """Read to the end: the digest is over what comes after a tar's last member as well."""
        while self.read(BLOCK):
            continue
        if self._zip is not None:
            self.compressed += len(self._zip.flush())

    def _next(self) -> bytes | None:
        """Return some uncompressed bytes; None at the end."""
        raw, self._head = (self._head, b"") if self._head else (self._stream.read(BLOCK), b"")
        if not raw:
            return None
        data = raw if self._unzip is None else self._unzip.decompress(raw)
        if self._unzip is not None:
            self.compressed += len(raw)
        elif self._zip is not None:
            self.compressed += len(self._zip.compress(raw))
        self._digest.update(data)
        self.size += len(data)
        return data


def layer_sizes(chunks: Iterable[bytes], *, wanted: Sequence[str], compress: bool) -> tuple[LayerSize, ...]:
    """Return the layers with these digests, in the order of the digests, from a stream of ``docker save``.

    Args:
        chunks: The tar, in pieces.
        wanted: Digests of uncompressed layers, as the image's configuration lists them.
        compress: Whether to find out how large they are when they are pushed, which takes a while.

    Raises:
        tarfile.TarError: It is not a tar, or ends too early.
    """
    found: dict[str, LayerSize] = {}
    with tarfile.open(fileobj=as_file(chunks), mode="r|", bufsize=_BUFFER) as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() and _BLOB.fullmatch(member.name) else None
            layer = _layer(stream, compress=compress) if stream is not None else None
            if layer is not None:
                found[layer.digest] = layer
    missing = [digest for digest in wanted if digest not in found]
    if missing:
        raise tarfile.ReadError(f"the engine did not write out {', '.join(missing)}")
    return tuple(found[digest] for digest in wanted)


def new_bytes(before: Sequence[str], after: Sequence[LayerSize]) -> int:
    """Return the compressed bytes of layers that an image before, of which the digests are given, does not have."""
    return sum({layer.digest: layer.compressed for layer in after if layer.digest not in before}.values())


def own_files(whole: Sequence[LayerSize], alone: Sequence[Sequence[str]]) -> int:
    """Return the bytes of the files of kernels: of layers that not every image with one kernel alone has.

    Args:
        whole: Layers of the image with all kernels.
        alone: Digests of the layers of each image with one kernel.
    """
    shared = set(alone[0]).intersection(*alone[1:]) if alone else set()
    return sum(layer.files for layer in whole if layer.digest not in shared)


def _layer(stream: IO[bytes], *, compress: bool) -> LayerSize | None:
    """Return one layer; None for what is no tar, such as the configuration."""
    measured = _Measured(stream, compress=compress)
    try:
        files = sum(_file_sizes(cast("IO[bytes]", measured)))
    except tarfile.ReadError:
        return None
    measured.finish()
    return LayerSize(digest=measured.digest, size=measured.size, compressed=measured.compressed, files=files)


def _file_sizes(stream: IO[bytes]) -> Iterator[int]:
    """Yield the size of each file of a tar; a further name of a file has none."""
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_BUFFER) as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined] # a tar remembers all it has read, for seeking
            yield member.size if member.isreg() else 0


def sizes_of(reference: str, *, compress: bool) -> tuple[LayerSize, ...]:
    """Return the layers of an image of the engine, the lowest first.

    Raises:
        UsageError: The engine does not have the image.
        ToolError: The engine refuses, or ends before the image does.
    """
    from platform_images.engine.client import engine

    wanted = digests_of(reference)
    with _reading(reference):
        stream = engine().images.get(reference).save(chunk_size=BLOCK)
        return layer_sizes(stream, wanted=wanted, compress=compress)


def digests_of(reference: str) -> tuple[str, ...]:
    """Return the digests of an image's uncompressed layers, the lowest first.

    Raises:
        UsageError: The engine does not have the image.
    """
    from platform_images.engine.client import image_attributes
    from platform_images.errors import UsageError

    attributes = image_attributes(reference)
    if attributes is None:
        raise UsageError(f"There is no image {reference!r}.", fix="docker image ls shows what there is")
    return tuple((attributes.get("RootFS") or {}).get("Layers") or ())


@contextmanager
def _reading(reference: str) -> Iterator[None]:
    """Turn what goes wrong while an image is written out into an error for a person."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    from platform_images.engine.client import refusal

    try:
        yield
    except (APIError, RequestException, tarfile.TarError) as error:
        raise refusal(f"write out {reference}", error) from error
