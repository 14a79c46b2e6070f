"""The engine's side of verifying: an image's files, its layers, a second build of it. Nothing in an image is run."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from platform_images.build import BuildRequest, build_mission
from platform_images.building.names import forget
from platform_images.engine.client import (
    container,
    engine,
    image_attributes,
    pull,
    refusal,
)
from platform_images.engine.registryimage import present_image
from platform_images.errors import ToolError, UsageError
from platform_images.locks.patches import Patch
from platform_images.locks.values import RootSystem
from platform_images.model import Environment, Mission, Platform
from platform_images.solve.solution import Say
from platform_images.usage import Kind, using
from platform_images.verify.comparison import Comparison, Facts, compared, facts, wanted_layers
from platform_images.verify.layers import Layer, read_layers
from platform_images.verify.tree import as_file, members, read_tree
from platform_images.verify.values import Check, Tree

ROLE = "verify"
REBUILT = "verify-rebuild"
_CHUNK = 1 << 20


def image_tree(image: str, *, say: Say) -> Tree:
    """Return all of an image's files, from a container that is made and never started.

    Raises:
        UsageError: The engine does not have the image.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses, or ends before the image does.
    """
    with container(image, ["true"], role=ROLE) as made, _read("read the image's files"):
        return read_tree(cast("Iterator[bytes]", made.export(chunk_size=_CHUNK)), say=say)


def image_texts(image: str, wanted: re.Pattern[str], *, say: Say) -> dict[str, bytes]:
    """Return those of an image's files whose whole path fits, from a container that is made and never started.

    Raises:
        UsageError: The engine does not have the image.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses, or ends before the image does.
    """
    with container(image, ["true"], role=ROLE) as made, _read("read the image's files"):
        stream = as_file(cast("Iterator[bytes]", made.export(chunk_size=_CHUNK)))
        return {
            path: content.read()
            for path, _, content in members(stream, say=say)
            if content is not None and wanted.fullmatch(path)
        }


def image_facts(reference: str) -> Facts:
    """Return what the engine knows of an image.

    Raises:
        UsageError: The engine does not have it.
        PrerequisiteError: No engine answers.
    """
    attributes = image_attributes(reference)
    if attributes is None:
        raise UsageError(f"There is no image {reference!r}.", fix="docker image ls shows what there is")
    return facts(reference, attributes, engine().images.get(str(attributes["Id"])).history())


def base_layers(root: RootSystem) -> tuple[str, ...] | None:
    """Return the layers of the locked registry image; None where the engine does not have it."""
    reference = present_image(root)
    return image_layers(reference) if reference is not None else None


def image_layers(reference: str) -> tuple[str, ...] | None:
    """Return an image's layers, the lowest first; None where the engine does not have it.

    Raises:
        PrerequisiteError: No engine answers.
    """
    attributes = image_attributes(reference)
    return tuple((attributes.get("RootFS") or {}).get("Layers") or ()) if attributes is not None else None


def rebuilt(
    platform: Platform,
    mission: Mission,
    kernels: Sequence[str],
    image: str,
    *,
    patches: tuple[Patch, ...] = (),
    say: Say,
) -> Comparison:
    """Build the mission's image once more, every step anew, and compare; that second image is gone afterwards.

    Of a patched image, its last patch is laid once more on the image below it.

    Args:
        platform: The platform.
        mission: The mission.
        kernels: Those that the image holds.
        image: The image.
        patches: Those that led to it.
        say: Told what is under way.

    Raises:
        PlatformError: As ``build_mission`` and ``patched_again``.
    """
    tag = f"{mission.name}:{REBUILT}"
    with using(Kind.IMAGES):
        try:
            if patches:
                _patch_again(platform, mission, mission.select(tuple(kernels)), patches, tag=tag, say=say)
            else:
                request = BuildRequest(kernels=tuple(kernels), no_cache=True, only_tag=tag)
                build_mission(platform, mission, request, say=say)
            return compare_images(Check.REBUILD, image, tag, say=say)
        finally:
            forget(tag)


def published(reference: str, image: str, *, say: Say) -> Comparison:
    """Compare an image with one that was published, which is pulled where the engine does not have it.

    Raises:
        UsageError: There is no such image, or its registry does not answer.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses.
    """
    if image_attributes(reference) is None:
        say(f"pulling {reference}")
        pull(reference)
    return compare_images(Check.PUBLISHED, image, reference, say=say)


def compare_images(check: Check, image: str, other: str, *, say: Say) -> Comparison:
    """Compare two images of the engine; layers are only read where they differ."""
    here, there = image_facts(image), image_facts(other)
    wanted = wanted_layers(here, there)
    found: list[dict[str, Layer]] = [{}, {}]
    if wanted:
        say(f"{len(wanted)} layers differ; the engine writes both images out to be read")
        found = [read_some_layers(each, wanted & frozenset(each.layers), say=say) for each in (here, there)]
    return compared(check, here, there, layers_here=found[0], layers_there=found[1])


def read_some_layers(image: Facts, wanted: frozenset[str], *, say: Say) -> dict[str, Layer]:
    """Read some layers of an image of the engine in use.

    Raises:
        ToolError: The engine refuses, or ends before the image does.
    """
    if not wanted:
        return {}
    with _read("write out the image"):
        stream = engine().images.get(image.image).save(chunk_size=_CHUNK)
        return read_layers(stream, wanted=wanted, say=say)


def _patch_again(
    platform: Platform,
    mission: Mission,
    kernels: tuple[Environment, ...],
    patches: tuple[Patch, ...],
    *,
    tag: str,
    say: Say,
) -> None:
    """Lay the last patch once more, every step anew."""
    from platform_images.patching.image import patched_again

    patched_again(platform, mission, kernels, patches, tag=tag, no_cache=True, say=say)


@contextmanager
def _read(doing: str) -> Iterator[None]:
    """Turn what goes wrong while the engine's stream is read into an error for a person."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    try:
        yield
    except (APIError, RequestException) as error:
        raise refusal(doing, error) from error
    except tarfile.TarError as error:
        raise ToolError(
            f"The engine could not {doing} to the end.",
            why=str(error),
            fix="./bootstrap invoke doctor says whether the engine is in order, and how much room it has",
        ) from error
