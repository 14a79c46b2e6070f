"""What a hub has in the engine: a network, its users' containers and their homes; and what an ended one has left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from platform_images import process
from platform_images.engine import client
from platform_images.engine.endpoint import endpoint
from platform_images.errors import PrerequisiteError, UsageError
from platform_images.hub import leftovers, ports
from platform_images.hub.configuration import COMMAND, POST_START_HOOK, home_labels, labels, network_name
from platform_images.owner import runs, this_process

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.models.networks import Network
    from docker.models.volumes import Volume

OWNER_LABEL = "platform-images.hub.owner"
FOLDER_LABEL = "platform-images.hub.folder"
DEFAULT = "unix:///var/run/docker.sock"
NO_TALK = {"com.docker.network.bridge.enable_icc": "false"}
REMOVE_SECONDS = 10.0
_CONFLICT = 409
_LOCAL = "A hub and its proxy run on this machine and reach users' containers at their own addresses"


def local_engine() -> str:
    """Return the address of an engine on this machine.

    Raises:
        PrerequisiteError: No engine answers, or it is another machine's.
    """
    address = str(endpoint().get("base_url") or DEFAULT)
    if not address.startswith("unix://"):
        raise PrerequisiteError(
            f"invoke hub needs an engine on this machine; the one in use is {process.redacted(address)}.",
            why=f"{_LOCAL}.",
            fix="run it on the engine's machine, or unset DOCKER_HOST: ./bootstrap installs an engine here",
        )
    client.engine()
    return address


def has_hook(image: str) -> bool:
    """Return whether an image has a post-start hook; refuse one that cannot run under a hub.

    Raises:
        UsageError: It has not the program that a hub starts, or the engine does not have the image.
    """
    with client.container(image, ["true"], role="hub-look") as made:
        if client.fetched(made, f"/usr/local/bin/{COMMAND}") is None:
            raise UsageError(
                f"The image {image!r} cannot be served by a hub: it has no {COMMAND}.",
                fix="build it anew, or name another with --image",
            )
        return client.fetched(made, POST_START_HOOK) is not None


@contextmanager
def network(mission: str, folder: Path) -> Iterator[str]:
    """Give the gateway of the mission's network, which is this machine; all of it is removed afterwards.

    Containers on it reach the hub and the world, and not each other.

    Args:
        mission: The mission.
        folder: Where the hub keeps its state.

    Raises:
        UsageError: Another hub of the mission runs.
        PrerequisiteError: The engine's networks are not this machine's.
    """
    remove(mission)
    made = _create(mission, folder)
    try:
        yield _gateway(made)
    finally:
        with process.undisturbed():
            remove(mission, own=True)


def remove(mission: str, *, own: bool = False) -> None:
    """Remove what a hub of the mission that has ended left behind.

    Args:
        mission: The mission.
        own: It is this process's own hub.

    Raises:
        UsageError: The hub runs.
    """
    for each in networks(mission):
        marks = each.attrs["Labels"]
        owner = marks.get(OWNER_LABEL, "")
        if not own and runs(owner):
            raise UsageError(
                f"A hub of {mission} runs already (process {owner.split()[0]}).",
                fix="use that one, or end it with Ctrl-C where it was started",
            )
        if marks.get(FOLDER_LABEL):
            leftovers.remove(Path(marks[FOLDER_LABEL]))
    for container in containers(mission):
        client.discard(container)
    for each in networks(mission):
        _remove_unused(each, f"network {each.name}")


def remove_homes(mission: str) -> None:
    """Remove the homes of the mission's users, with their files."""
    for volume in homes(mission):
        _remove_unused(volume, f"volume {volume.name}")


def _remove_unused(made: Network | Volume, name: str) -> None:
    """Remove a network or a volume, also where the engine is still about to take a container off it."""
    from docker.errors import APIError, NotFound

    deadline = time.monotonic() + REMOVE_SECONDS
    while True:
        try:
            made.remove()
        except NotFound:
            return
        except APIError as error:
            if time.monotonic() > deadline:
                raise client.refusal(f"remove the {name}", error) from error
            time.sleep(0.2)
        else:
            return


def containers(mission: str) -> list[Container]:
    """Return the containers of the mission's hub."""
    return list(client.engine().containers.list(all=True, filters={"label": _filters(labels(mission))}))


def networks(mission: str) -> list[Network]:
    """Return the network of the mission's hub, where there is one."""
    return list(client.engine().networks.list(filters={"label": _filters(labels(mission))}))


def homes(mission: str) -> list[Volume]:
    """Return the volumes with the homes of the mission's users, by name."""
    found = client.engine().volumes.list(filters={"label": _filters(home_labels(mission))})
    return sorted(found, key=lambda volume: str(volume.name))


def _filters(wanted: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in wanted.items()]


def _create(mission: str, folder: Path) -> Network:
    """Make the network; its name is what keeps a second hub of the mission away."""
    from docker.errors import APIError

    marks = {OWNER_LABEL: this_process(), FOLDER_LABEL: str(folder)}
    try:
        return client.engine().networks.create(
            network_name(mission),
            driver="bridge",
            check_duplicate=True,
            options=NO_TALK,
            labels={**labels(mission), **marks},
        )
    except APIError as error:
        if error.status_code == _CONFLICT:
            raise UsageError(
                f"There is a network {network_name(mission)} already.",
                why=str(error.explanation),
                fix=f"another hub of {mission} may be starting; where it is not, docker network rm "
                f"{network_name(mission)}",
            ) from error
        raise client.refusal("make a network", error) from error


def _gateway(made: Network) -> str:
    """Return the network's gateway.

    Raises:
        PrerequisiteError: It is no address of this machine: the engine runs in a virtual machine, or rootless.
    """
    made.reload()
    places = (made.attrs.get("IPAM") or {}).get("Config") or []
    for gateway in (str(each["Gateway"]) for each in places if "." in str(each.get("Gateway", ""))):
        with suppress(OSError):
            ports.free(gateway)
            return gateway
    raise PrerequisiteError(
        "invoke hub needs an engine whose networks are this machine's.",
        why=f"{_LOCAL}; this engine runs in a virtual machine or rootless.",
        fix="use a Linux machine with an engine that root started; invoke lab works with any engine",
    )
