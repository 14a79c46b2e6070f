"""An image with one more layer, made without BuildKit: an engine dates the whiteouts of a layer with the present time.

The new image's configuration is that of the lower one, as the engine tells it, with other labels and one more layer and
step; so its id follows from the lower image, the layer and the labels alone.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from platform_images.engine.client import engine, has_containerd_store, image_attributes, image_id, refusal
from platform_images.engine.history import date, history
from platform_images.engine.imagearchive import ArchiveError, add_file, add_text, image_layers
from platform_images.errors import ToolError, UsageError
from platform_images.files import sha256_bytes, sha256_file

CONFIG_KEYS = (
    "Cmd",
    "Entrypoint",
    "ExposedPorts",
    "Healthcheck",
    "OnBuild",
    "Shell",
    "StopSignal",
    "User",
    "Volumes",
    "WorkingDir",
)
"""What a configuration says of how an image is run, beside its variables and labels."""
_CHUNK = 1 << 20


def add_layer(
    released: str, layer: Path, *, labels: Mapping[str, str], created_by: str, epoch: int, reference: str
) -> str:
    """Give the engine an image with one more layer, and return its id.

    Args:
        released: The image below.
        layer: The layer's uncompressed tar.
        labels: Labels that the new image has besides those of the lower one, or in their place.
        created_by: What its history says of the layer.
        epoch: When it was made, in seconds since 1970.
        reference: Its name.

    Raises:
        UsageError: The engine does not have the image below.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    attributes = image_attributes(released)
    if attributes is None:
        raise UsageError(f"There is no image {released!r}.", fix="docker image ls shows what there is")
    steps = engine().images.get(str(attributes["Id"])).history()
    config = config_text(
        attributes,
        history(steps, layers=len(_layers(attributes))),
        layer=f"sha256:{sha256_file(layer)}",
        labels=labels,
        created_by=created_by,
        epoch=epoch,
    )
    with tempfile.TemporaryFile(dir=layer.parent) as stream:
        try:
            _write(stream, str(attributes["Id"]), len(_layers(attributes)), layer, config=config, reference=reference)
            stream.seek(0)
            engine().images.load(stream)
        except (DockerException, RequestException, ArchiveError) as error:
            raise refusal("load the patched image", error) from error
    found = image_id(reference)
    if found is None:
        raise ToolError(f"The engine loaded the image and does not have {reference}.", fix="docker image ls")
    return found


def config_text(
    attributes: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]],
    *,
    layer: str,
    labels: Mapping[str, str],
    created_by: str,
    epoch: int,
) -> str:
    """Return the new image's configuration (OCI image specification, config.md).

    Args:
        attributes: What inspecting the image below gives.
        steps: Its history, the oldest first.
        layer: ``sha256:...`` of the new layer's tar.
        labels: Labels in the place of those below, or besides.
        created_by: What the history says of the layer.
        epoch: When it was made.
    """
    below = attributes.get("Config") or {}
    config = {name: below[name] for name in ("Env", *CONFIG_KEYS) if below.get(name)}
    config["Labels"] = {**(below.get("Labels") or {}), **labels}
    created = date(epoch)
    variant = {"variant": attributes["Variant"]} if attributes.get("Variant") else {}
    return json.dumps(
        {
            **variant,
            "architecture": attributes["Architecture"],
            "config": config,
            "created": created,
            "history": [*steps, {"created": created, "created_by": created_by}],
            "os": attributes["Os"],
            "rootfs": {"diff_ids": [*_layers(attributes), layer], "type": "layers"},
        },
        sort_keys=True,
    )


def _write(stream: IO[bytes], released: str, count: int, layer: Path, *, config: str, reference: str) -> None:
    """Write the tar that the engine loads. It has the lower layers: most stores only need their names."""
    name = f"{sha256_bytes(config.encode())}.json"
    lower = [f"lower-{number}.tar" for number in range(1, count + 1)]
    manifest = [{"Config": name, "RepoTags": [reference], "Layers": [*lower, "layer.tar"]}]
    with tarfile.open(fileobj=stream, mode="w") as archive:
        add_text(archive, "manifest.json", json.dumps(manifest))
        add_text(archive, name, config)
        if has_containerd_store():
            for title, (content, size) in zip(lower, _lower(released), strict=True):
                add_file(archive, title, content, size)
        with layer.open("rb") as content:
            add_file(archive, "layer.tar", content, layer.stat().st_size)


def _lower(released: str) -> Iterator[tuple[IO[bytes], int]]:
    """Yield the layers of an image: the containerd store takes a new image only as a whole."""
    with tempfile.TemporaryFile() as saved:
        for chunk in engine().images.get(released).save(chunk_size=_CHUNK):
            saved.write(chunk)
        saved.seek(0)
        yield from image_layers(saved)


def _layers(attributes: Mapping[str, Any]) -> list[str]:
    """Return the digest of each layer's tar, the lowest first."""
    return list((attributes.get("RootFS") or {}).get("Layers") or ())
