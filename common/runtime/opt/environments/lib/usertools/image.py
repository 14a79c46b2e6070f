"""What the image is: its mission, its environments and its channels, as its build has recorded them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONDA = Path("/opt/conda")
RECORD = Path("/opt/environments/record/image.json")
CHANNELS = Path("/opt/environments/etc/channels.json")
ACTIVATED = "/opt/environments/bin/activated"
START_KERNEL = "/opt/environments/bin/start-kernel"
LIBRARY = Path("/opt/environments/lib")


@dataclass(frozen=True)
class ImageEnvironment:
    """An environment of the image: the base or a kernel."""

    name: str
    prefix: Path
    display_name: str
    python: str


def record() -> dict[str, Any]:
    """Return the image's record; an image without one has no name and no environments."""
    try:
        found = json.loads(RECORD.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def described(found: dict[str, Any]) -> str:
    """Return an image in a few words, such as ``tike 2026.1``."""
    return " ".join(str(found[key]) for key in ("mission", "version") if found.get(key)) or "an unnamed image"


def environments() -> tuple[ImageEnvironment, ...]:
    """Return the environments that are in the image, the base first."""
    listed = [
        ImageEnvironment(
            name=str(entry["name"]),
            prefix=Path(entry["prefix"]),
            display_name=str(entry["display_name"]),
            python=str(entry["python"]),
        )
        for entry in record().get("environments", ())
    ]
    return tuple(entry for entry in listed if (entry.prefix / "conda-meta").is_dir())


def channels() -> dict[str, str]:
    """Return the image's channels, name to URL, the first one first."""
    try:
        found = json.loads(CHANNELS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(entry["name"]): str(entry["url"]) for entry in found["channels"]}
