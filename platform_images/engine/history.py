"""An image's history: which steps made a layer, and the steps as a configuration has them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

NO_LAYER = re.compile(
    r"(?:ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|ONBUILD|SHELL|STOPSIGNAL|USER|VOLUME)\b|WORKDIR /$"
)


def history(steps: Sequence[Mapping[str, Any]], *, layers: int) -> list[dict[str, Any]]:
    """Return an image's history as its configuration has it, from what the engine tells.

    Args:
        steps: The engine's, the newest first.
        layers: How many layers the image has. Where the steps do not fit to that, no step is told of.
    """
    told: list[dict[str, Any]] = []
    for step in reversed(steps):
        entry: dict[str, Any] = {"created": date(int(step.get("Created") or 0))}
        entry["created_by"] = str(step.get("CreatedBy", ""))
        if step.get("Comment"):
            entry["comment"] = str(step["Comment"])
        if NO_LAYER.match(entry["created_by"]):
            entry["empty_layer"] = True
        told.append(entry)
    fits = sum("empty_layer" not in entry for entry in told) == layers
    return told if fits else [{"created": date(0), "created_by": f"layer {each + 1}"} for each in range(layers)]


def date(epoch: int) -> str:
    """Return a date as configurations have it.

    Args:
        epoch: Seconds since 1970.
    """
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
