"""How large an image is, and how much of it the image that had its name before does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from platform_images.building.result import Size
from platform_images.engine.history import NO_LAYER


def image_size(image: str, *, before: str) -> Size | None:
    """Return an image's size; it costs a few questions to the engine, and an engine that does not answer costs no more.

    Args:
        image: The image's id.
        before: The name that it is about to take.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    from platform_images.engine.client import engine, image_attributes

    try:
        attributes = image_attributes(image)
        if attributes is None:
            return None
        history = engine().images.get(image).history()
        return size(attributes, history, image_attributes(before))
    except (DockerException, RequestException):
        return None


def size(
    attributes: Mapping[str, Any], history: Sequence[Mapping[str, Any]], before: Mapping[str, Any] | None
) -> Size | None:
    """Return an image's size from what the engine says.

    Args:
        attributes: What inspecting it gives.
        history: Its steps, the newest first.
        before: What inspecting the image gives that has its name; None where there is none.
    """
    total = attributes.get("Size")
    if not isinstance(total, int):
        return None
    layers = _layers(attributes)
    sizes = [int(step.get("Size") or 0) for step in reversed(history) if _makes_layer(step)]
    if before is None or len(sizes) != len(layers):
        return Size(total=total)
    had = frozenset(_layers(before))
    return Size(total=total, new=sum(each for layer, each in zip(layers, sizes, strict=True) if layer not in had))


def _layers(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the digest of each layer's tar, the lowest first."""
    return tuple((attributes.get("RootFS") or {}).get("Layers") or ())


def _makes_layer(step: Mapping[str, Any]) -> bool:
    """Whether a step of the history has made a layer."""
    return not NO_LAYER.match(str(step.get("CreatedBy", "")))
