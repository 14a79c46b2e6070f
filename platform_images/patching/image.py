"""Laying a patch on a released image: its layer by BuildKit, the image by adding that layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from platform_images import temporary
from platform_images.building.locks import frozen_locks
from platform_images.building.names import forget, name_image
from platform_images.building.revision import git_revision
from platform_images.compose.patch import LAYER, compose_patch
from platform_images.compose.sources import read_sources
from platform_images.compose.values import Composition
from platform_images.engine.buildlog import Watch
from platform_images.engine.client import engine, image_attributes
from platform_images.engine.layered import add_layer
from platform_images.errors import ToolError, UsageError
from platform_images.locks.patches import Patch
from platform_images.locks.values import MissionLocks
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.site import site_settings
from platform_images.solve.hostenv import ca_bundle
from platform_images.solve.solution import Say
from platform_images.usage import Kind, using

_DIGITS = 12
RELEASED = "platform-images/released"
PATCHED = "platform-images/patched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A patched image.

    Attributes:
        image: Its id.
        composition: What its layer was made from; has the labels, and the names that the image is to get.
        size: Bytes of the layer's tar.
    """

    image: str
    composition: Composition
    size: int


@contextmanager
def laid(
    platform: Platform,
    mission: Mission,
    kernels: tuple[Environment, ...],
    locks: MissionLocks,
    patches: Sequence[Patch],
    *,
    no_cache: bool = False,
    say: Say,
    watch: Watch | None = None,
) -> Iterator[Laid]:
    """Lay the last of some patches on its released image; what has got no name by then is gone afterwards.

    Args:
        platform: The platform.
        mission: The mission.
        kernels: The kernels that the released image has.
        locks: The locks after the patch.
        patches: All that led to the image, the oldest first.
        no_cache: Run every step again.
        say: Told what is under way.
        watch: Told of each step.

    Raises:
        UsageError: The engine does not have the released image.
        LockError: The locks do not have what the patch names.
        ToolError: A step failed; carries its last lines.
        PrerequisiteError: No engine answers.
    """
    patch = patches[-1]
    attributes = image_attributes(patch.released)
    if attributes is None:
        raise UsageError(
            f"The engine does not have the image {short(patch.released)}, on which the patch was laid.",
            why=f"locks/{mission.name}/patches names {patch.released}",
            fix="docker pull it by its digest, as the release has published it",
        )
    with using(Kind.IMAGES), _named(patch.released, RELEASED) as released:
        composition = compose_patch(
            platform,
            mission,
            kernels,
            locks,
            patches,
            sources=read_sources(platform, mission, ca_bundle=site_settings(ca_bundle=ca_bundle(platform)).ca_bundle),
            released=released,
            variables=variable_names(attributes),
            revision=git_revision(platform.folder, mission=mission.name),
        )
        try:
            made, size = _made(platform, mission, composition, patch, no_cache=no_cache, say=say, watch=watch)
            yield Laid(image=made, composition=composition, size=size)
        finally:
            forget(f"{PATCHED}:{mission.name}")


def patched_again(
    platform: Platform,
    mission: Mission,
    kernels: tuple[Environment, ...],
    patches: tuple[Patch, ...],
    *,
    tag: str,
    no_cache: bool,
    say: Say,
) -> None:
    """Lay the last patch on its released image once more, from the present locks, and name the result.

    Raises:
        PlatformError: As ``laid``.
    """
    locks = frozen_locks(platform, mission, kernels)
    with laid(platform, mission, kernels, locks, patches, no_cache=no_cache, say=say) as found:
        name_image(found.image, tag)


def short(image: str) -> str:
    """Return an image's id as people see it."""
    return image.removeprefix("sha256:")[:_DIGITS]


def _made(
    platform: Platform,
    mission: Mission,
    composition: Composition,
    patch: Patch,
    *,
    no_cache: bool,
    say: Say,
    watch: Watch | None,
) -> tuple[str, int]:
    """Build the layer and lay it on the image; return the new image's id and the layer's size."""
    from platform_images.building.context import build_composition

    with temporary.folder(temporary.Role.BUILD) as folder:
        build_composition(
            platform,
            None,
            composition,
            name=f"{mission.name}-patch",
            no_cache=no_cache,
            strict=True,
            export=folder,
            say=say,
            watch=watch,
        )
        layer = folder / LAYER
        if not layer.is_file():
            raise ToolError("The build of the patch has left no layer.", fix="docker buildx version; docker info")
        say("laying the layer on the released image")
        image = add_layer(
            patch.released,
            layer,
            labels=composition.labels,
            created_by=f"platform-images patch: {', '.join(patch.asked)}",
            epoch=composition.epoch,
            reference=f"{PATCHED}:{mission.name}",
        )
        return image, layer.stat().st_size


def variable_names(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the variables that an image sets, sorted."""
    given = (attributes.get("Config") or {}).get("Env") or ()
    return tuple(sorted({each.partition("=")[0] for each in given}))


@contextmanager
def _named(image: str, repository: str) -> Iterator[str]:
    """Give an image a name that FROM takes, and take it away at the end, unless it has no other."""
    name = f"{repository}:{short(image)}"
    engine().images.get(image).tag(repository, tag=short(image))
    try:
        yield name
    finally:
        attributes = image_attributes(image) or {}  # the patched image may have taken its name meanwhile
        names = (*(attributes.get("RepoTags") or ()), *(attributes.get("RepoDigests") or ()))
        if any(not each.startswith((f"{repository}:", f"{repository}@")) for each in names):
            forget(name)
