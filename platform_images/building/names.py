"""Names of images in the engine: given when an image is whole, and nothing left behind that has lost its own."""

from __future__ import annotations

from platform_images.engine.client import engine, image_id, refusal, split_reference


def name_image(image: str, *names: str) -> None:
    """Give an image names; one that has lost its last name by that is removed, unless something uses it.

    Raises:
        PrerequisiteError: No engine answers.
    """
    before = {old for name in names if (old := image_id(name)) is not None and old != image}
    found = engine().images.get(image)
    for name in names:
        repository, tag = split_reference(name)
        found.tag(repository, tag=tag)
    for old in sorted(before):
        discard(old)


def discard(image: str) -> None:
    """Remove an image that has no name, unless something uses it."""
    from docker.errors import APIError

    try:
        if not engine().images.get(image).tags:
            engine().images.remove(image)
    except APIError:
        return


def forget(name: str) -> None:
    """Take a name from the engine, with its image where that has no other and nothing uses it; none is as well."""
    from docker.errors import APIError

    if image_id(name) is not None:
        try:
            engine().images.remove(name)
        except APIError as error:
            raise refusal(f"remove {name}", error) from error
