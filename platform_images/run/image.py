"""Which image a verb is about, and whether it is there and holds the kernels that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from platform_images.engine import client
from platform_images.errors import UsageError
from platform_images.model import Mission

KERNELS_LABEL = "platform-images.kernels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that the engine has.

    Attributes:
        name: As it was asked for.
        digest: Its id.
        kernels: What its label says it holds; None without that label.
        command: What it runs by itself: entry point and command.
    """

    name: str
    digest: str
    kernels: tuple[str, ...] | None
    command: tuple[str, ...]


def find(mission: Mission, name: str | None) -> Image:
    """Return the mission's image, or the one of this name.

    Raises:
        UsageError: The engine does not have it.
        PrerequisiteError: No engine answers.
    """
    wanted = name or f"{mission.name}:latest"
    found = client.image_attributes(wanted)
    if found is None:
        fix = f"invoke build --mission {mission.name}" if name is None else "docker image ls shows what there is"
        raise UsageError(f"There is no image {wanted!r}.", fix=fix)
    config = found.get("Config") or {}
    label = (config.get("Labels") or {}).get(KERNELS_LABEL)
    return Image(
        name=wanted,
        digest=str(found["Id"]),
        kernels=tuple(label.replace(",", " ").split()) if label is not None else None,
        command=(*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())),
    )


def require_kernels(image: Image, mission: Mission, names: Sequence[str]) -> None:
    """Check that the image holds these kernels.

    Raises:
        UsageError: One is not in it.
    """
    missing = [name for name in names if image.kernels is not None and name not in image.kernels]
    if missing:
        raise UsageError(
            f"The image {image.name!r} does not hold the kernel {missing[0]!r}.",
            why=f"Its kernels: {', '.join(image.kernels or ()) or 'none'}",
            fix=f"invoke build --mission {mission.name}, or add --kernel with one that it holds",
        )
