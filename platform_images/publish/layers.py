"""What an engine says while it pushes, and what of the image has travelled. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from platform_images.publish.values import LayerEvent, LayerState, Published

_DIGITS = 12
_STATES = {
    "Preparing": LayerState.WAITS,
    "Waiting": LayerState.WAITS,
    "Pushing": LayerState.TRAVELS,
    "Pushed": LayerState.SENT,
    "Layer already exists": LayerState.THERE,
    "Already exists": LayerState.THERE,
}
_BEGINNINGS = {"Mounted from ": LayerState.THERE, "Retrying in ": LayerState.TRIES_AGAIN}
_LOGIN_WORDS = (
    "unauthorized",
    "authentication required",
    "no basic auth credentials",
    "denied:",
    "access to the resource is denied",
    "forbidden",
    "incorrect username or password",
)


def layer_event(line: Mapping[str, Any]) -> LayerEvent | None:
    """Return what a line of the engine's stream says of a layer; None where it is about something else."""
    layer, status = line.get("id"), str(line.get("status", ""))
    state = _STATES.get(status) or next((s for begin, s in _BEGINNINGS.items() if status.startswith(begin)), None)
    if not layer or state is None:
        return None
    detail = line.get("progressDetail") or {}
    return LayerEvent(layer=str(layer), state=state, done=int(detail.get("current") or 0), total=detail.get("total"))


def error_text(line: Mapping[str, Any]) -> str | None:
    """Return the engine's words where a line says that the push has failed."""
    found = (line.get("errorDetail") or {}).get("message") or line.get("error")
    return str(found) if found else None


def wants_login(text: str) -> bool:
    """Whether an engine's words say that the registry did not let it in."""
    return any(word in text.lower() for word in _LOGIN_WORDS)


def bytes_sent(sent: frozenset[str], layers: Sequence[str], published: Published) -> int | None:
    """Return how many bytes have travelled; None where that cannot be told.

    Args:
        sent: What the engine says to have sent, by the first digits: of a layer's tar, or of what travels.
        layers: The digests of the layers' tars, the lowest first.
        published: What is in the registry.
    """
    sizes = {_short(blob.digest): blob.size for blob in published.blobs()}
    for image in published.images:
        if len(image.layers) == len(layers):
            sizes.update((_short(tar), blob.size) for tar, blob in zip(layers, image.layers, strict=True))
    return sum(sizes[each] for each in sent) if sent <= sizes.keys() else None


def _short(digest: str) -> str:
    """Return as much of a digest as engines say."""
    return digest.partition(":")[2][:_DIGITS]
