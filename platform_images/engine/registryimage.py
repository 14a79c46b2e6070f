"""The locked root where it is an image of a registry: found in the engine, loaded, pulled, written to a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from platform_images.engine.client import engine, image_attributes, pull, split_reference
from platform_images.engine.imagearchive import ArchiveError, check_archive
from platform_images.engine.rootimage import root_reference
from platform_images.engine.savedimage import config_digest, load_saved, save_image
from platform_images.errors import MismatchError, ToolError, UsageError
from platform_images.locks.store import ROOT_UNIT, root_image_id
from platform_images.locks.values import RootSystem
from platform_images.solve.solution import Say

_ID = "sha256:"


def image_digest(attributes: Mapping[str, object]) -> str:
    """Return an image's digest in its registry, or its id where it has none."""
    digests = _registry_digests(attributes)
    return digests[0] if digests else str(attributes["Id"])


def locked_image(root: RootSystem, *, mirrored: Path | None, say: Say) -> str:
    """Return what a Dockerfile's FROM names the locked image, which is loaded or pulled where it is not there.

    Args:
        root: The locked root.
        mirrored: Its file, where a mirror has it; checked before.
        say: Told what is under way.

    Raises:
        MismatchError: The registry does not have the locked image.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses.
    """
    found = present_image(root)
    if found is None and mirrored is not None:
        say("loading the root into the engine")
        load_saved(mirrored)
        found = present_image(root)
        if found is None:
            raise ToolError(
                f"The engine loaded {mirrored.name} and does not have its image {root.image_id}.",
                fix="docker image ls shows what there is",
            )
    return _named(found) if found is not None else _pulled(root, say=say)


def present_image(root: RootSystem) -> str | None:
    """Return a reference of the locked image that the engine knows, however it came there, or None.

    Raises:
        PrerequisiteError: No engine answers.
    """
    for reference in (_pinned(root), root.source, root.digest):
        attributes = image_attributes(reference)
        if attributes is not None and _is_locked(root, attributes):
            return reference
    if root.image_id is None:
        return None
    for reference in (root_reference(root.image_id), root.image_id):
        if image_attributes(reference) is not None and config_digest(reference) == root.image_id:
            return reference
    return None


def save_root(root: RootSystem, target: Path, *, say: Say) -> None:
    """Write the locked image to a file, which has the same bytes wherever that is done.

    Raises:
        LockError: The lock does not say the image's id.
        MismatchError: The registry does not have the locked image, or gives another one.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses.
    """
    expected = root_image_id(root)
    reference = locked_image(root, mirrored=None, say=say)
    say(f"writing {reference} to a file")
    save_image(reference, target, image_id=expected, name=root_reference(expected))


def check_root(root: RootSystem, path: Path, *, shown: str) -> None:
    """Compare a file that ``save_root`` wrote with the lock, to the last byte of every layer; no engine is asked.

    Args:
        root: The locked root.
        path: The file.
        shown: What it is called in messages.

    Raises:
        LockError: The lock does not say the image's id.
        MismatchError: It holds something else; says the expected and the found hash.
    """
    expected = root_image_id(root)
    try:
        check_archive(path, image_id=expected, reference=root_reference(expected))
    except ArchiveError as error:
        raise MismatchError(
            f"{shown} is not the root image that the lock names: {error.part} is another.",
            why=f"expected {error.expected}\nfound    {error.found}",
            fix="invoke mirror --mission MISSION writes it again, from the engine or the registry",
        ) from error


def _pulled(root: RootSystem, *, say: Say) -> str:
    """Get the locked image from its registry."""
    pinned = _pinned(root)
    say(f"pulling {pinned}")
    try:
        pull(pinned)
    except UsageError as error:
        raise MismatchError(
            f"The locked root image {pinned} is not to be had.",
            why=error.why,
            fix=f"build with --mirror DIR where a mirror has it; {ROOT_UNIT.session} locks what there is now",
        ) from error
    return pinned


def _pinned(root: RootSystem) -> str:
    """Return the name of the locked image in its registry."""
    repository, _ = split_reference(root.source)
    return f"{repository}@{root.digest}"


def _is_locked(root: RootSystem, attributes: Mapping[str, object]) -> bool:
    """Whether an image is the locked one by a digest that it has in a registry, or by its id."""
    return bool({*_registry_digests(attributes), str(attributes["Id"])} & {root.digest, root.image_id})


def _registry_digests(attributes: Mapping[str, object]) -> list[str]:
    """Return the digests that an image has in registries, by the registries' names."""
    found = attributes.get("RepoDigests") or []
    assert isinstance(found, list)
    return [str(each).partition("@")[2] for each in sorted(found)]


def _named(reference: str) -> str:
    """Return a name for FROM: an id is none, so an image that is only known by its id is given one."""
    if not reference.startswith(_ID):
        return reference
    name = root_reference(reference)
    repository, tag = split_reference(name)
    engine().images.get(reference).tag(repository, tag=tag)
    return name
