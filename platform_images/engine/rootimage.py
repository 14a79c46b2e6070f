"""A root as an image with a name of its own; that of a tar has an id that follows from tar and labels alone."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from platform_images.engine.client import engine, image_id, refusal
from platform_images.engine.imagearchive import add_text
from platform_images.errors import ToolError
from platform_images.files import sha256_bytes

REPOSITORY = "platform-images/root"
_DIGITS = 12
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def root_reference(digest: str) -> str:
    """Return the local name of a root's image: by its tar's digest, or by its id where it came as an image."""
    return f"{REPOSITORY}:{digest.removeprefix('sha256:')[:_DIGITS]}"


def config_text(*, digest: str, platform: str, epoch: int, labels: Mapping[str, str]) -> str:
    """Return an image's configuration.

    Args:
        digest: ``sha256:...`` of its one layer's uncompressed tar.
        platform: Such as ``linux/amd64``.
        epoch: When it was made, in seconds since 1970.
        labels: Its labels.
    """
    system, architecture = platform.split("/")
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(
        {
            "architecture": architecture,
            "config": {"Cmd": ["bash"], "Env": [f"PATH={_PATH}"], "Labels": dict(labels)},
            "created": created,
            "history": [{"created": created, "created_by": "platform-images root"}],
            "os": system,
            "rootfs": {"diff_ids": [digest], "type": "layers"},
        },
        sort_keys=True,
    )


def load_image(tar: Path, *, config: str, reference: str) -> str:
    """Give the engine an image of one layer, and return its id.

    Args:
        tar: The layer.
        config: What ``config_text`` gives.
        reference: Its name and tag.

    Raises:
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses.
    """
    from docker.errors import APIError, DockerException

    name = f"{sha256_bytes(config.encode())}.json"
    manifest = [{"Config": name, "RepoTags": [reference], "Layers": ["layer.tar"]}]
    with tempfile.TemporaryFile(dir=tar.parent) as stream:
        with tarfile.open(fileobj=stream, mode="w") as archive:
            add_text(archive, name, config)
            archive.add(tar, "layer.tar")
            add_text(archive, "manifest.json", json.dumps(manifest))
        stream.seek(0)
        try:
            engine().images.load(stream)
        except (APIError, DockerException) as error:
            raise refusal("load the root", error) from error
    found = image_id(reference)
    if found is None:
        raise ToolError(f"The engine loaded the root and does not have {reference}.", fix="docker image ls")
    return found
