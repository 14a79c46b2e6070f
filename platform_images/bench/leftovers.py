"""What a benchmark has put into the engine: found by its names and its label, and taken away."""

from __future__ import annotations

from collections.abc import Iterable

from platform_images import process
from platform_images.bench.copying import PREFIX
from platform_images.bench.limit import VOLUME
from platform_images.bench.peers import ROLE
from platform_images.engine.client import discard, engine
from platform_images.engine.naming import ROLE_LABEL
from platform_images.solve.solution import Say

_LABEL: dict[str, str | list[str] | bool] = {"label": f"{ROLE_LABEL}={ROLE}"}


def own_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the image names that are the benchmark's, sorted."""
    return tuple(sorted(name for name in names if name.startswith(f"{PREFIX}-") and "/" not in name))


def remove(*, say: Say) -> None:
    """Remove containers, images and caches of the benchmark, of this one and of one that was killed.

    Build steps stay with the engine, as those of every build do.

    Raises:
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses.
    """
    from docker.errors import APIError, NotFound

    with process.undisturbed():
        for made in engine().containers.list(all=True, filters=_LABEL):
            discard(made)
        images = engine().images.list()
        names = own_names(tag for image in images for tag in image.tags)
        unnamed = [str(image.id) for image in engine().images.list(filters=_LABEL) if not image.tags]
        for name in (*names, *unnamed):
            try:
                engine().images.remove(name, force=True)
            except APIError as error:
                say(f"{name} stays: {error.explanation}")
        try:
            engine().volumes.get(VOLUME).remove(force=True)
        except NotFound:
            return
        except APIError as error:
            say(f"{VOLUME} stays: {error.explanation}")


def remove_unnamed() -> None:
    """Remove what a build of a peer has left without a name: each is as large as all kernels together.

    Raises:
        PrerequisiteError: No engine answers.
    """
    engine().images.prune(filters={"dangling": True, **_LABEL})
