"""``invoke hub``: a JupyterHub that serves a mission's image on this machine's loopback, until Ctrl-C."""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from platform_images import cli, console, process, temporary
from platform_images.engine import client
from platform_images.errors import UsageError
from platform_images.hub import engine, ports
from platform_images.hub.configuration import LOOPBACK, Hub, configuration
from platform_images.hub.installation import installed
from platform_images.hub.server import serve
from platform_images.model import Mission, Platform, load_mission, load_platform
from platform_images.run.image import find
from platform_images.usage import Kind, using

PASSWORD_BYTES = 16
KEEP, REMOVE = "keep", "remove"
_USER = re.compile(r"[a-z0-9][a-z0-9._@-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRequest:
    """What the command line asks for.

    Attributes:
        port: Port on this machine; None for a free one.
        image: The image's name; None for ``<mission>:latest``.
        users: Who may log in; anybody with the password where it is empty.
        home_volumes: ``keep`` or ``remove``: what becomes of the users' homes at the end.
        clean: Start nothing; remove the homes and what a hub that was killed has left.
        dry_run: Change nothing; show what would be.
    """

    port: int | None = None
    image: str | None = None
    users: tuple[str, ...] = ()
    home_volumes: str = KEEP
    clean: bool = False
    dry_run: bool = False


def run(project: Path, mission_name: str, request: HubRequest) -> int:
    """Do what the command line asks for, and return the exit code.

    Raises:
        PlatformError: A mistake in an option, no engine here, no image, a port in use, or a hub that does not start.
    """
    _check(request)
    platform = load_platform(project)
    mission = load_mission(platform, mission_name)
    address = engine.local_engine()
    if request.clean:
        return clean(mission.name, dry_run=request.dry_run, say=console.say)
    if request.dry_run:
        return show(platform, mission, request)
    return run_hub(platform, mission, request, engine_address=address, say=console.say)


def clean(mission: str, *, dry_run: bool, say: Callable[[str], None]) -> int:
    """Remove the homes of a mission's users, and what a hub of it that was killed has left.

    Raises:
        UsageError: A hub of the mission runs.
    """
    found = [f"container {each.name}" for each in engine.containers(mission)]
    found += [f"network {each.name}" for each in engine.networks(mission)]
    found += [f"volume {each.name}" for each in engine.homes(mission)]
    if not dry_run:
        engine.remove(mission)
        engine.remove_homes(mission)
    for name in found:
        sys.stdout.write(f"{'would remove' if dry_run else 'removed'} {name}\n")
    if not found:
        say(f"There is nothing of a hub of {mission}.")
    return 0


def show(platform: Platform, mission: Mission, request: HubRequest) -> int:
    """Print the configuration that a hub would get; ports and places that are only known once it starts are not."""
    cli.print_json(configuration(_planned(platform, mission, request)))
    return 0


@using(Kind.HUB)
def run_hub(
    platform: Platform,
    mission: Mission,
    request: HubRequest,
    *,
    engine_address: str,
    say: Callable[[str], None],
) -> int:
    """Run the hub until Ctrl-C; its servers, network and processes end with it.

    URL and password go to standard output once the hub answers, its log and those of the servers to standard error.

    Raises:
        PlatformError: No image, a port in use, another hub of the mission, or one that does not start.
    """
    planned = _planned(platform, mission, request)
    programs = installed(platform, say=say)
    try:
        with (
            temporary.folder(temporary.Role.HUB) as folder,
            ExitStack() as after,
            engine.network(mission.name, folder) as gateway,
        ):
            # Only from here on the homes are this hub's to remove; no container has them any more then.
            after.callback(_settle_homes, mission.name, request.home_volumes, say)
            hub = replace(
                planned,
                password=secrets.token_urlsafe(PASSWORD_BYTES),
                folder=folder,
                proxy=programs.proxy,
                port=ports.asked(LOOPBACK, request.port),
                proxy_port=ports.free(LOOPBACK),
                gateway=gateway,
                hub_port=ports.free(gateway),
            )
            serve(hub, programs, engine_address=engine_address, say=say)
    except KeyboardInterrupt:
        say("The hub and its servers have been stopped.")
        return 0


def _settle_homes(mission: str, wish: str, say: Callable[[str], None]) -> None:
    """Remove the users' homes, or say where they are."""
    with process.undisturbed():
        if wish == REMOVE:
            engine.remove_homes(mission)
        elif names := [str(volume.name) for volume in engine.homes(mission)]:
            shown = ", ".join(names)
            say(f"Homes stay for the next time: {shown}; invoke hub --mission {mission} --clean removes them")


def _check(request: HubRequest) -> None:
    """Refuse values that nothing can be made of.

    Raises:
        UsageError: Carries what is allowed.
    """
    ports.check(request.port)
    if request.home_volumes not in (KEEP, REMOVE):
        raise UsageError(
            f"--home-volumes {request.home_volumes!r} is neither keep nor remove.", fix="leave it out to keep them"
        )
    for name in request.users:
        if not _USER.fullmatch(name):
            raise UsageError(
                f"--user {name!r} is no name of a user.",
                fix="small letters, digits, and . _ @ - after the first of them",
            )


def _planned(platform: Platform, mission: Mission, request: HubRequest) -> Hub:
    """Decide all that is known before anything is started; the rest stands for itself, and ports are 0.

    Raises:
        UsageError: There is no image, a hub cannot serve it, or the port is in use.
    """
    image = find(mission, request.image)
    return Hub(
        mission=mission.name,
        image=image.name,
        home=_home(platform, image.name),
        hook=engine.has_hook(image.name),
        users=request.users,
        password="(made at start)",  # noqa: S106 - it is none
        folder=Path("/FOLDER"),
        proxy=("node", "configurable-http-proxy"),
        port=ports.asked(LOOPBACK, request.port) if request.port is not None else 0,
        proxy_port=0,
        gateway="GATEWAY",
        hub_port=0,
    )


def _home(platform: Platform, image: str) -> PurePosixPath:
    """Return the home folder in an image: what it says itself, else that of the platform's user."""
    config = (client.image_attributes(image) or {}).get("Config") or {}
    variables = dict(each.partition("=")[::2] for each in config.get("Env") or ())
    return PurePosixPath(variables.get("HOME") or f"/home/{platform.settings.user.name}")
