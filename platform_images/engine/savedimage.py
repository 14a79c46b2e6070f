"""An image of the engine as a file, with the same bytes from every engine, and such a file as an image again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from platform_images.engine.client import engine, has_containerd_store, image_id, refusal
from platform_images.engine.imagearchive import ArchiveError, read_id, write_archive
from platform_images.errors import MismatchError, ToolError, UsageError

_CHUNK = 1 << 20


def config_digest(reference: str) -> str:
    """Return the ``sha256:...`` of an image's configuration, which is the same on every engine.

    It is the image's id, but not where the engine keeps images in containerd's store: there the id is that of a
    manifest, which has digests of compressed layers in it, and only what the engine writes out names the configuration.

    Raises:
        UsageError: The engine does not have the image.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses.
    """
    found = image_id(reference)
    if found is None:
        raise UsageError(f"There is no image {reference!r}.", fix="docker image ls shows what there is")
    if not has_containerd_store():
        return found
    with tempfile.TemporaryFile() as saved, _reading(reference):
        _save(reference, saved)
        return read_id(saved)


def save_image(reference: str, target: Path, *, image_id: str, name: str) -> None:
    """Write an image to a file, whole or not at all.

    Args:
        reference: The image.
        target: The file.
        image_id: The ``sha256:...`` that its configuration is to have.
        name: What it is called where the file is loaded.

    Raises:
        MismatchError: It is another image.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses, or ends before the image does.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    try:
        with tempfile.TemporaryFile(dir=target.parent) as saved, _reading(reference):
            _save(reference, saved)
            with partial.open("wb") as stream:
                write_archive(saved, stream, image_id=image_id, reference=name)
        partial.chmod(0o644)
        partial.replace(target)
    except OSError as error:  # a write does not say of which file
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        partial.unlink(missing_ok=True)


def load_saved(path: Path) -> None:
    """Give the engine the image in a file; it gets the name that the file says.

    Raises:
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses.
    """
    from docker.errors import APIError, DockerException

    with path.open("rb") as stream:
        try:
            engine().images.load(stream)
        except (APIError, DockerException) as error:
            raise refusal(f"load {path.name}", error) from error


def _save(reference: str, target: IO[bytes]) -> None:
    """Write what ``docker save`` gives, and go back to its beginning."""
    for chunk in engine().images.get(reference).save(chunk_size=_CHUNK):
        target.write(chunk)
    target.seek(0)


@contextmanager
def _reading(reference: str) -> Iterator[None]:
    """Turn what goes wrong while an image is written out into an error for a person."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    try:
        yield
    except (APIError, RequestException) as error:
        raise refusal(f"write out {reference}", error) from error
    except ArchiveError as error:
        if error.part != "image":
            raise ToolError(
                f"What the engine wrote out of {reference} cannot be kept.",
                why=str(error),
                fix="./bootstrap invoke doctor says whether the engine is in order",
            ) from error
        raise MismatchError(
            f"{reference} is not the image that the lock names.",
            why=f"expected {error.expected}\nfound    {error.found}",
            fix='nox -s "lock(common, root)" locks the one that there is now',
        ) from error
