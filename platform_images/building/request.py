"""What `invoke build` is asked for, and what of it does not fit together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from platform_images.errors import UsageError
from platform_images.model import Platform

_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(rf"[A-Za-z0-9.-]+(?::[0-9]+)?(?:/{_PART})+(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?")
_IMAGE = re.compile(
    rf"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,})?"
)
REGISTRY = "type=registry"
WHOLE = "mode=max,image-manifest=true,oci-mediatypes=true"
_TAG = re.compile(rf"(?:(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?{_PART}(?:/{_PART})*:)?[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What `invoke build` is asked for.

    Attributes:
        kernels: Only these kernels; all without any.
        floating: Solve first.
        save: With ``floating``: keep the solutions in ``locks/``.
        no_cache: Run every step again.
        tag: One more tag, ``NAME:TAG`` or ``TAG``.
        target_platform: The image's platform; that of the locks without it.
        root_image: Build on this image and not on the locked root.
        only_tag: The image's one name, in place of its exact one and ``latest``, which stay where they are.
        strict: Fail where a package would not be the locked one.
        mirror: A folder that `invoke mirror` has filled, from which everything is taken that it has.
        offline: Take everything from there; no step has a network.
        builder: The builder that buildx knows by this name, in place of that of the engine in use.
        cache_from: Where steps that were built elsewhere are taken from: a repository, or as buildx reads it.
        cache_to: Where the steps of this build are put: likewise.
    """

    kernels: tuple[str, ...] = ()
    floating: bool = False
    save: bool = False
    no_cache: bool = False
    tag: str | None = None
    target_platform: str | None = None
    root_image: str | None = None
    only_tag: str | None = None
    strict: bool = False
    mirror: Path | None = None
    offline: bool = False
    builder: str | None = None
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()

    @property
    def cache_sources(self) -> tuple[str, ...]:
        """``cache_from`` as buildx reads it."""
        return tuple(_cache(each, REGISTRY) for each in self.cache_from)

    @property
    def cache_targets(self) -> tuple[str, ...]:
        """``cache_to`` as buildx reads it: of a repository, all steps, in the form that every registry takes."""
        return tuple(_cache(each, f"{REGISTRY},{WHOLE}") for each in self.cache_to)


def _cache(value: str, kind: str) -> str:
    """Return how buildx reads a place of steps."""
    return value if value.startswith("type=") else f"{kind},ref={value}"


def check_request(platform: Platform, request: BuildRequest) -> None:
    """Refuse options that do not fit together, the locks or the engine.

    Raises:
        UsageError: Two of them do not.
    """
    locked = platform.settings.platform
    if request.target_platform not in (None, locked):
        raise UsageError(
            f"The locks are for {locked}, not for {request.target_platform}.",
            why="Packages of another platform have other hashes, and perhaps other versions.",
            fix=f'set platform = "{request.target_platform}" in platform.toml, then nox -s lock',
        )
    if request.offline and request.mirror is None:
        raise UsageError("--offline takes everything from a mirror.", fix="give --mirror DIR; invoke mirror fills one")
    if request.offline and request.floating:
        raise UsageError("--offline and --floating exclude each other: solving asks the indexes.")
    if request.save and not request.floating:
        raise UsageError("--save keeps what a floating build has solved.", fix="give --floating --save")
    if request.root_image is not None and not _IMAGE.fullmatch(request.root_image):
        raise UsageError(
            f"--root: {request.root_image!r} is not the name of an image.",
            fix="give NAME or NAME:TAG, NAME in lower case",
        )
    for place in (*request.cache_from, *request.cache_to):
        if not place.startswith("type=") and not _REFERENCE.fullmatch(place):
            raise UsageError(
                f"{place!r} is not a place for build steps.",
                fix="give HOST[:PORT]/NAME[:TAG] of a registry, or type=... as buildx reads it",
            )
    if request.tag is not None and not _TAG.fullmatch(request.tag):
        raise UsageError(f"{request.tag!r} is not a tag.", fix="give TAG or NAME:TAG, NAME in lower case")
