"""Where a build runs: in the engine in use, in another engine, or in a BuildKit that is no engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from platform_images.building.request import BuildRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlace:
    """Where a composition is built, and where steps come from and go to.

    Attributes:
        builder: The builder's name, where it is not that of the engine in use.
        images: Name of an image that the builder does not have to where it finds it.
        cache_from: Where steps may be taken from, as buildx reads it.
        cache_to: Where they are put.
    """

    builder: str | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()


HERE = BuildPlace()


@contextmanager
def at_builder(request: BuildRequest) -> Iterator[bool]:
    """Make the engine of the request's builder the one in use; give whether the builder is no engine at all.

    Raises:
        UsageError: There is no such builder, or it does not answer.
        PrerequisiteError: There is no docker client with buildx.
    """
    if request.builder is None:
        yield False
        return
    from platform_images.engine.builder import chosen, find_builder

    builder = find_builder(request.builder)
    with chosen(builder):
        yield not builder.is_engine


@contextmanager
def build_place(request: BuildRequest, *, apart: bool, root: str) -> Iterator[BuildPlace]:
    """Give the place, while the builder can reach the root's image.

    Args:
        request: What the build is asked for.
        apart: Whether the builder is no engine, and so has no image.
        root: The root's image, which the engine in use has.

    Raises:
        ToolError: The engine cannot hand the root over.
    """
    if not apart:
        yield BuildPlace(cache_from=request.cache_sources, cache_to=request.cache_targets)
        return
    from platform_images.engine.builder import handed_over

    with handed_over(root) as layout:
        yield BuildPlace(
            builder=request.builder,
            images={root: layout},
            cache_from=request.cache_sources,
            cache_to=request.cache_targets,
        )
