"""What the engine has of ours: images, containers, networks, volumes and the builder's cache mounts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from platform_images import owner, process
from platform_images.clean import buildcache, judgement
from platform_images.clean.judgement import Container, Image, Network, Stock, Volume
from platform_images.clean.values import Entry
from platform_images.engine import client
from platform_images.engine.buildx import buildx_command
from platform_images.engine.naming import ROLE_LABEL
from platform_images.errors import PrerequisiteError, ToolError
from platform_images.hub.configuration import HUB_LABEL
from platform_images.hub.engine import OWNER_LABEL

if TYPE_CHECKING:
    from docker import APIClient

QUERY_SECONDS = 300.0
MISSION_LABEL = "platform-images.mission"
_FRACTION = re.compile(r"\.\d+")
_NEVER = "0001-"


def entries(*, images_free: bool, now: float) -> tuple[Entry, ...]:
    """Return what the engine has of ours.

    Args:
        images_free: Whether no command of ours that uses images runs.
        now: The time.

    Raises:
        PrerequisiteError: No engine answers, or there is no docker client with buildx.
        ToolError: The engine refuses.
    """
    from docker.errors import APIError

    try:
        stock = read(client.engine().api)
    except APIError as error:
        raise client.refusal("list what it has", error) from error
    return (*buildcache.entries(records(now=now)), *judgement.entries(stock, images_free=images_free, now=now))


def records(*, now: float) -> tuple[buildcache.Record, ...]:
    """Return what the builder of the engine in use keeps; nothing where there is no buildx to ask."""
    try:
        command = buildx_command()
    except PrerequisiteError:
        return ()
    try:
        printed = process.run([*command, "du", "--verbose"], timeout=QUERY_SECONDS).stdout
    except ToolError as error:
        raise ToolError(
            "The builder does not say what it keeps.",
            why=error.why,
            fix="docker buildx du shows more",
            argv=error.argv,
            returncode=error.returncode,
        ) from error
    return buildcache.records(printed, now=now)


def read(api: APIClient) -> Stock:
    """Return what an engine has that may be ours, and all of its containers."""
    ours = {"label": ROLE_LABEL}
    return Stock(
        images=tuple(image for each in api.images() if (image := _image(each)) is not None),
        containers=tuple(_container(each) for each in api.containers(all=True)),
        networks=tuple(
            network for each in api.networks(filters=ours) if (network := _network(api, str(each["Id"]))) is not None
        ),
        volumes=tuple(_volume(each) for each in api.volumes(filters=ours).get("Volumes") or ()),
    )


def _image(listed: Mapping[str, Any]) -> Image | None:
    """Return an image with a label or name of ours; None for any other, or where it has just gone."""
    mission = (listed.get("Labels") or {}).get(MISSION_LABEL, "")
    names = tuple(name for name in listed.get("RepoTags") or () if "<none>" not in name)
    kept = (judgement.ROOTS, judgement.ENVIRONMENTS)
    if not mission:  # another name of the same image is somebody's own
        names = tuple(name for name in names if name.rpartition(":")[0] in kept)
        if not names:
            return None
    found = client.image_attributes(str(listed["Id"]))
    if found is None:
        return None
    return Image(
        id=str(listed["Id"]),
        names=names,
        mission=mission,
        layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
        size=int(listed.get("Size") or 0),
        named=_seconds((found.get("Metadata") or {}).get("LastTagTime")),
    )


def _container(listed: Mapping[str, Any]) -> Container:
    labels = listed.get("Labels") or {}
    mounts = listed.get("Mounts") or ()
    return Container(
        id=str(listed["Id"]),
        name=str((listed.get("Names") or [listed["Id"]])[0]).lstrip("/"),
        role=labels.get(ROLE_LABEL),
        running=listed.get("State") not in ("created", "exited", "dead"),
        made=float(listed["Created"]) if listed.get("Created") else None,
        owner=owner.state(labels.get(owner.LABEL, "")),
        image=str(listed.get("ImageID", "")),
        volumes=frozenset(str(each.get("Name")) for each in mounts if each.get("Type") == "volume"),
    )


def _network(api: APIClient, number: str) -> Network | None:
    """Return a network with what is on it; None where it has just gone."""
    from docker.errors import NotFound

    with suppress(NotFound):
        found = api.inspect_network(number)
        labels = found.get("Labels") or {}
        return Network(
            id=number,
            name=str(found["Name"]),
            role=labels.get(ROLE_LABEL, ""),
            mission=labels.get(HUB_LABEL, ""),
            made=_seconds(found.get("Created")),
            owner=owner.state(labels.get(OWNER_LABEL, "")),
            containers=len(found.get("Containers") or ()),
        )
    return None


def _volume(listed: Mapping[str, Any]) -> Volume:
    labels = listed.get("Labels") or {}
    return Volume(
        name=str(listed["Name"]),
        role=labels.get(ROLE_LABEL, ""),
        mission=labels.get(HUB_LABEL, ""),
        made=_seconds(listed.get("CreatedAt")),
    )


def _seconds(text: str | None) -> float | None:
    """Return a time that an engine says, in seconds since 1970; None where it says none."""
    if not text or text.startswith(_NEVER):
        return None
    try:
        return datetime.fromisoformat(_FRACTION.sub("", text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None
