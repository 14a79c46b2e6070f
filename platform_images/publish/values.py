"""What publishing is about: a repository, an image of the engine, what a registry has, what was done."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

HUB = "docker.io"
_HUB_SERVER = "registry-1.docker.io"
_LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A place for images in a registry.

    Attributes:
        host: ``HOST[:PORT]``, as the engine and ``docker login`` know the registry.
        path: The rest of its name, such as ``platform/tike``.
    """

    host: str
    path: str

    @property
    def name(self) -> str:
        """The whole name, as ``docker pull`` takes it."""
        return f"{self.host}/{self.path}"

    @property
    def loopback(self) -> bool:
        """Whether the registry is on the loopback: engines speak plain http there."""
        name = self.host.rpartition("]")[0].lstrip("[") or self.host.partition(":")[0]
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == _LOCALHOST

    @property
    def address(self) -> str:
        """Where its manifests are asked for."""
        server = _HUB_SERVER if self.host == HUB else self.host
        return f"{'http' if self.loopback else 'https'}://{server}/v2/{self.path}/manifests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What the docker client's configuration has for a registry: user and password, or a token in their place."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalImage:
    """An image of the engine that is to be pushed.

    Attributes:
        mission: The mission that it is of.
        id: ``sha256:...``: of its configuration, or of its manifest where the engine uses containerd's store.
        tag: Its exact tag, ``<version>-<digits of the lock digest>``, of a patched image with ``-patch<N>`` at its end.
        lock_digest: 64 hexadecimal digits.
        layers: The digest of each layer's tar, the lowest first.
        patches: How many patches led to it.
    """

    mission: str
    id: str
    tag: str
    lock_digest: str
    layers: tuple[str, ...] = ()
    patches: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Something that a manifest names."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest or an index, as a registry gave it.

    Attributes:
        body: Its bytes.
        media_type: What it is.
        digest: ``sha256:...`` of the bytes.
        config: The image's configuration; None for an index, and for what is no image.
        layers: The layers, compressed, the lowest first.
        images: For an index, the digests of the images' manifests in it.
    """

    body: bytes = field(repr=False)
    media_type: str
    digest: str
    config: Blob | None = None
    layers: tuple[Blob, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a tag of a registry names: a manifest, and behind an index the manifests of its images."""

    manifest: Manifest
    images: tuple[Manifest, ...]

    @property
    def digest(self) -> str:
        """The digest of the manifest that the tag names."""
        return self.manifest.digest

    @property
    def configs(self) -> tuple[str, ...]:
        """The digests of the images' configurations."""
        return tuple(each.config.digest for each in self.images if each.config is not None)

    @property
    def ids(self) -> frozenset[str]:
        """Every id by which some engine may know the image."""
        return frozenset((self.digest, *self.configs, *(each.digest for each in self.images)))

    def blobs(self) -> Iterator[Blob]:
        """Yield all that had to travel, once for each place that names it."""
        for each in dict.fromkeys((self.manifest, *self.images)):
            yield Blob(digest=each.digest, size=len(each.body))
            if each.config is not None:
                yield each.config
            yield from each.layers


class LayerState(Enum):
    """What becomes of a layer."""

    WAITS = "waits"
    TRAVELS = "travels"
    SENT = "sent"
    THERE = "there"
    TRIES_AGAIN = "tries again"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerEvent:
    """Something that the engine says of a layer while it pushes.

    Attributes:
        layer: The first digits of its digest.
        state: What becomes of it.
        done: How many bytes of it have been read, where it travels.
        total: How many there are, where that is known.
    """

    layer: str
    state: LayerState
    done: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What is in the registry now.

    Attributes:
        repository: Its whole name.
        digest: The digest of the manifest that all tags name.
        tags: They, the exact one first.
        image: The image.
        layers: How many it has.
        sent_layers: How many of them travelled.
        bytes_sent: How many bytes travelled, where that is known.
    """

    repository: str
    digest: str
    tags: tuple[str, ...]
    image: LocalImage
    layers: int
    sent_layers: int = 0
    bytes_sent: int | None = 0

    @property
    def reference(self) -> str:
        """What gives exactly this image, whatever becomes of the tags."""
        return f"{self.repository}@{self.digest}"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "mission": self.image.mission,
            "repository": self.repository,
            "digest": self.digest,
            "tags": list(self.tags),
            "image_id": self.image.id,
            "lock_digest": self.image.lock_digest,
            "layers": self.layers,
            "bytes_sent": self.bytes_sent,
        }
