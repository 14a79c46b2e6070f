"""An image as one tar that its id alone determines: configuration and layers, each named by its hash. Pure files.

``docker save`` writes times of its own, and compressed layers where the engine keeps them so: two of its tars of one
image differ. What is kept here is laid out anew from one, so it has the same bytes from every engine, and nothing in
it that is not compared with the image's id. The id is the SHA-256 of the configuration, which names each layer by
that of its uncompressed tar. ``docker load`` reads it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from platform_images.files import json_text, sha256_bytes

MANIFEST = "manifest.json"
_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_PREFIX = "sha256:"
_UNREADABLE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
)


class ArchiveError(Exception):
    """A tar is not what it should be.

    Args:
        part: What of it: ``image``, ``manifest.json``, ``layer sha256:...``.
        expected: What should be there.
        found: What is.
    """

    def __init__(self, part: str, *, expected: str, found: str) -> None:
        super().__init__(f"{part}: expected {expected}, found {found}")
        self.part = part
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedImage:
    """What a tar says of its one image.

    Attributes:
        config: The configuration's bytes.
        layers: The layers' ``sha256:...``, uncompressed, the lowest first; as the configuration names them.
        members: Where each lies in the tar.
    """

    config: bytes
    layers: tuple[str, ...]
    members: tuple[str, ...]

    @property
    def id(self) -> str:
        """``sha256:...`` of the configuration."""
        return f"{_PREFIX}{sha256_bytes(self.config)}"

    def manifest(self, reference: str) -> str:
        """Return ``manifest.json`` of the tar that is kept.

        Args:
            reference: The name that the image gets where it is loaded.
        """
        return json_text(
            [
                {
                    "Config": _config_name(self.id),
                    "Layers": [_layer_name(e) for e in self.layers],
                    "RepoTags": [reference],
                }
            ]
        )


def read_id(saved: IO[bytes]) -> str:
    """Return the id of the one image in a tar of ``docker save``.

    Raises:
        ArchiveError: It holds no image, or more than one.
    """
    with _opened(saved) as archive:
        return _image(archive).id


def write_archive(saved: IO[bytes], target: IO[bytes], *, image_id: str, reference: str) -> None:
    """Lay out anew what ``docker save`` has written.

    Args:
        saved: Its tar.
        target: Where the new one is written.
        image_id: The id that the image is to have.
        reference: The name that the image gets where it is loaded.

    Raises:
        ArchiveError: It holds another image, or is damaged.
    """
    with _opened(saved) as archive, tarfile.open(fileobj=target, mode="w") as made:
        image = _image(archive)
        _same("image", expected=image_id, found=image.id)
        _add(made, MANIFEST, image.manifest(reference).encode("utf-8"))
        _add(made, _config_name(image.id), image.config)
        for layer, member in dict(zip(image.layers, image.members, strict=True)).items():
            with _uncompressed(archive, member) as stream:
                size, found = _measured(stream)
                _same(f"layer {layer}", expected=layer, found=found)
                stream.seek(0)
                made.addfile(_member(_layer_name(layer), size), stream)


def check_archive(path: Path, *, image_id: str, reference: str) -> None:
    """Compare a tar that is kept with the id of its image, to the last byte of every layer.

    Raises:
        ArchiveError: It holds another image, or is damaged.
    """
    with path.open("rb") as stream, _opened(stream) as archive:
        image = _image(archive)
        _same("image", expected=image_id, found=image.id)
        names = sorted({MANIFEST, _config_name(image_id), *(_layer_name(each) for each in image.layers)})
        _same("files", expected=" ".join(names), found=" ".join(sorted(archive.getnames())))
        _same(MANIFEST, expected=image.manifest(reference), found=_read(archive, MANIFEST).decode("utf-8"))
        for layer in sorted(set(image.layers)):
            _same(f"layer {layer}", expected=layer, found=_measured(_content(archive, _layer_name(layer)))[1])


def image_layers(saved: IO[bytes]) -> Iterator[tuple[IO[bytes], int]]:
    """Yield content and size of each layer of the one image in a tar of ``docker save``, as it is kept there.

    Raises:
        ArchiveError: It holds no image, or more than one.
    """
    with _opened(saved) as archive:
        for member in _image(archive).members:
            stream = _content(archive, member)
            size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            yield stream, size


def add_file(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    """Add a file to a tar, with no time and no owner of this machine."""
    archive.addfile(_member(name, size), content)


def add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    """Add a file to a tar, with no time and no owner of this machine."""
    _add(archive, name, text.encode("utf-8"))


@contextmanager
def _opened(stream: IO[bytes]) -> Iterator[tarfile.TarFile]:
    """Give a tar; what cannot be read of it is an ArchiveError."""
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            yield archive
    except _UNREADABLE as error:
        raise ArchiveError("file", expected="an image as docker save writes it", found=str(error) or "none") from error


def _image(archive: tarfile.TarFile) -> ArchivedImage:
    """Read what a tar says of its one image."""
    listed = json.loads(_read(archive, MANIFEST))
    if len(listed) != 1:
        raise ArchiveError(MANIFEST, expected="one image", found=f"{len(listed)}")
    config = _read(archive, listed[0]["Config"])
    layers = tuple(str(each) for each in json.loads(config)["rootfs"]["diff_ids"])
    members = tuple(str(each) for each in listed[0]["Layers"])
    _same("number of layers", expected=str(len(layers)), found=str(len(members)))
    return ArchivedImage(config=config, layers=layers, members=members)


@contextmanager
def _uncompressed(archive: tarfile.TarFile, member: str) -> Iterator[IO[bytes]]:
    """Give a layer's tar; one that is compressed, from a temporary file."""
    stream = _content(archive, member)
    head = stream.read(len(_ZSTD))
    stream.seek(0)
    if head == _ZSTD:
        raise ArchiveError(f"layer {member}", expected="a tar, as it is or with gzip", found="one compressed with zstd")
    if not head.startswith(_GZIP):
        yield stream
        return
    with tempfile.TemporaryFile() as unpacked, gzip.GzipFile(fileobj=stream) as packed:
        while block := packed.read(_BLOCK):
            unpacked.write(block)
        unpacked.seek(0)
        yield cast("IO[bytes]", unpacked)


def _measured(stream: IO[bytes]) -> tuple[int, str]:
    """Return how many bytes come, and their ``sha256:...``."""
    size, digest = 0, hashlib.sha256()
    while block := stream.read(_BLOCK):
        size += len(block)
        digest.update(block)
    return size, f"{_PREFIX}{digest.hexdigest()}"


def _content(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """Return a file of a tar; older engines have links for a layer that comes twice."""
    found = archive.extractfile(name)
    if found is None:
        raise ArchiveError(name, expected="a file", found="something else")
    return found


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    return _content(archive, name).read()


def _same(part: str, *, expected: str, found: str) -> None:
    """Refuse what is not as expected."""
    if expected != found:
        raise ArchiveError(part, expected=expected, found=found)


def _config_name(image_id: str) -> str:
    return f"{image_id.removeprefix(_PREFIX)}.json"


def _layer_name(digest: str) -> str:
    return f"{digest.removeprefix(_PREFIX)}.tar"


def _member(name: str, size: int) -> tarfile.TarInfo:
    """Return a header with no time and no owner of this machine in it."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    archive.addfile(_member(name, len(data)), io.BytesIO(data))
