"""Which BuildKit builds: that of the engine in use, that of another engine, or one that is no engine at all."""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platform_images import process, temporary
from platform_images.engine.buildx import buildx_program
from platform_images.engine.client import engine, image_attributes, refusal
from platform_images.engine.endpoint import engine_in_use
from platform_images.errors import ToolError, UsageError

_DRIVER = re.compile(r"^Driver:\s*(\S+)\s*$", re.MULTILINE)
_RUNS = re.compile(r"^Status:\s*running\s*$", re.MULTILINE)
_ENGINE = "docker"
_IN_USE = "default"
_QUERY_SECONDS = 60.0
_START_SECONDS = 600.0
_INDEX = "index.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """A builder that buildx knows.

    Attributes:
        name: Its name.
        driver: How buildx reaches it: ``docker`` (an engine), ``docker-container``, ``kubernetes``, ``remote``.
    """

    name: str
    driver: str

    @property
    def is_engine(self) -> bool:
        """Whether it is part of an engine, which keeps what it has built."""
        return self.driver == _ENGINE


def find_builder(name: str) -> Builder:
    """Return a builder by its name.

    Raises:
        UsageError: buildx does not know it, or it does not answer; carries its words.
        PrerequisiteError: There is no docker client with buildx.
    """
    try:
        said = process.run([*buildx_program(), "inspect", name], timeout=_QUERY_SECONDS).stdout
    except ToolError as error:
        raise UsageError(
            f"There is no builder {name!r}.",
            why=(error.why or error.what).splitlines()[-1],
            fix="docker buildx ls shows the builders, docker context ls the engines; docs/builders.md makes one",
        ) from error
    if not _RUNS.search(said):
        _start(name)
    found = _DRIVER.search(said)
    return Builder(name=name, driver=found[1] if found else "")


def _start(name: str) -> None:
    """Start a builder that buildx can start, such as pods; wait a moment for one that it cannot.

    Raises:
        UsageError: It does not answer.
    """
    try:
        process.run([*buildx_program(), "inspect", "--bootstrap", name], timeout=_START_SECONDS)
    except ToolError as error:
        raise UsageError(
            f"The builder {name!r} does not answer.",
            why=(error.why or error.what).splitlines()[-1],
            fix=f"docker buildx inspect --bootstrap {name}",
        ) from error


@contextmanager
def chosen(builder: Builder | None) -> Iterator[None]:
    """Make a builder's engine the one in use, for as long as the block lasts; where it is none, all stays as it is."""
    if builder is None or not builder.is_engine or builder.name == _IN_USE:
        yield
        return
    own = {name: value for name, value in os.environ.items() if name == "DOCKER_CONFIG"}
    with engine_in_use({**own, "DOCKER_CONTEXT": builder.name}):
        yield


@contextmanager
def handed_over(reference: str) -> Iterator[str]:
    """Give an image of the engine in use as what a builder without an engine can start from.

    That is an OCI image layout, which ``docker save`` writes, in a folder that is gone afterwards.

    Raises:
        ToolError: The engine does not have the image, or is too old to write it so.
    """
    from docker.errors import APIError

    with temporary.folder(temporary.Role.CONTEXT) as folder:
        if image_attributes(reference) is None:
            raise ToolError(f"The engine does not have {reference}.", fix="docker image ls")
        saved = folder / "saved.tar"
        try:
            with saved.open("wb") as stream:
                for block in engine().images.get(reference).save():
                    stream.write(block)
        except APIError as error:
            raise refusal(f"save {reference}", error) from error
        layout = folder / "layout"
        with tarfile.open(saved) as archive:
            archive.extractall(layout, filter="data")
        saved.unlink()
        yield f"oci-layout://{layout}@{_digest(layout, reference)}"


def _digest(layout: Path, reference: str) -> str:
    """Return the digest of the one image of a layout."""
    index = layout / _INDEX
    if not index.is_file():
        raise ToolError(
            f"The engine does not save {reference} as an OCI image layout.",
            fix="Docker Engine 25 or newer does; build without --builder",
        )
    return str(json.loads(index.read_text(encoding="utf-8"))["manifests"][0]["digest"])
