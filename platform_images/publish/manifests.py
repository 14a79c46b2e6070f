"""Manifests of images and indexes of manifests: what their bytes say. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from platform_images.errors import MismatchError
from platform_images.files import sha256_bytes
from platform_images.publish.values import Blob, Manifest

MEDIA_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_ATTESTATION = "vnd.docker.reference.type"


def parse_manifest(body: bytes, *, media_type: str, told: str | None, shown: str) -> Manifest:
    """Return a manifest; of one that is no image, only what it is.

    Args:
        body: Its bytes, as they came.
        media_type: What the registry says that it is.
        told: The digest that the registry says it has, or that was asked for.
        shown: What it is called in messages.

    Raises:
        MismatchError: Its bytes have another digest.
    """
    digest = f"sha256:{sha256_bytes(body)}"
    if told is not None and told != digest:
        raise MismatchError(
            f"The manifest of {shown} does not have the digest that its registry says.",
            why=f"said  {told}\nfound {digest}",
            fix="run it again; if that is all the same, the registry, or a proxy before it, is damaged",
        )
    document = _document(body)
    return Manifest(
        body=body,
        media_type=media_type.partition(";")[0].strip() or str(document.get("mediaType", "")),
        digest=digest,
        config=_blob(document.get("config")),
        layers=tuple(blob for each in _list(document.get("layers")) if (blob := _blob(each)) is not None),
        images=tuple(_images(document)),
    )


def _document(body: bytes) -> dict[str, Any]:
    """Return the JSON object; empty where it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _blob(value: object) -> Blob | None:
    """Return what a descriptor names, or None where it is none."""
    if not isinstance(value, dict) or not isinstance(value.get("digest"), str):
        return None
    size = value.get("size")
    return Blob(digest=value["digest"], size=size if isinstance(size, int) else 0)


def _images(document: dict[str, Any]) -> Iterator[str]:
    """Yield the manifests in an index, without those that only attest to another one."""
    for each in _list(document.get("manifests")):
        blob = _blob(each)
        if blob is not None and _ATTESTATION not in (each.get("annotations") or {}):
            yield blob.digest
