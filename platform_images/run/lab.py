"""``invoke lab``: JupyterLab from the image, on this machine's loopback, until Ctrl-C."""

from __future__ import annotations

import http.client
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from platform_images import console
from platform_images.engine import client
from platform_images.errors import PlatformError, ToolError, UsageError
from platform_images.model import Mission, Platform, load_mission, load_platform
from platform_images.run.dev import Mount, dev_mounts
from platform_images.run.image import Image, find

if TYPE_CHECKING:
    import docker.types
    from docker.models.containers import Container

ROLE = "lab"
LOOPBACK = "127.0.0.1"
INNER_PORT = 8888
READY_SECONDS = 60.0
POLL_SECONDS = 0.25
STOP_SECONDS = 10
LAST_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """How one lab is to run.

    Attributes:
        image: The image.
        port: Port on this machine; None for a free one.
        token: What opens it.
        mounts: Folders and files of this machine, writable.
        user: Who runs in it, ``uid:gid``; None for the image's own user.
        home: The home folder in the image.
    """

    image: Image
    port: int | None
    token: str
    mounts: tuple[Mount, ...]
    user: str | None
    home: PurePosixPath


def run(project: Path, mission_name: str, *, port: int | None, home: Path | None, dev: bool, image: str | None) -> int:
    """Start a lab for a mission and return the exit code when it has ended.

    Raises:
        PlatformError: No engine, no image, a port in use, or a lab that does not start.
    """
    platform = load_platform(project)
    mission = load_mission(platform, mission_name)
    return run_lab(platform, mission, port=port, home=home, dev=dev, image=image, say=console.say)


def run_lab(
    platform: Platform,
    mission: Mission,
    *,
    port: int | None,
    home: Path | None,
    dev: bool,
    image: str | None,
    say: Callable[[str], None],
) -> int:
    """Run JupyterLab until it ends or Ctrl-C ends it; its container is removed either way.

    The URL with its token goes to standard output once the server answers; its log to standard error.

    Args:
        platform: The platform.
        mission: Whose image.
        port: Port on this machine; by default a free one.
        home: A folder of this machine that becomes the home folder; made where it is missing.
        dev: Whether to mount the sources of common's and the mission's files over their places in the image.
        image: The image's name; by default ``<mission>:latest``.
        say: Called with each line of progress.

    Raises:
        PlatformError: No engine, no image, a port in use, or a server that does not answer in time.
    """
    if port is not None and not 0 < port < 65536:
        raise UsageError(f"{port} is no port.", fix="give --port a number from 1 to 65535, or leave it out")
    lab = _planned(platform, mission, find(mission, image), port=port, home=home, dev=dev)
    for mount in lab.mounts:
        say(f"{mount.source} is {mount.target} in the lab")
    try:
        with _started(lab) as container:
            return _attended(container, lab, say)
    except KeyboardInterrupt:
        say("The lab has been stopped.")
        return 0


def _planned(
    platform: Platform, mission: Mission, image: Image, *, port: int | None, home: Path | None, dev: bool
) -> Lab:
    place = PurePosixPath("/home") / platform.settings.user.name
    mounts: tuple[Mount, ...] = ()
    user = None
    if home is not None:
        mounts = (Mount(source=_prepared(platform, home), target=place),)
        user = _owner(platform, mounts[0].source)
    if dev:
        mounts += dev_mounts(platform, mission, place if home is None else None)
    return Lab(image=image, port=port, token=secrets.token_hex(32), mounts=mounts, user=user, home=place)


def _prepared(platform: Platform, home: Path) -> Path:
    """Return the folder's full path; made, and given to the image's user where root makes it."""
    folder = home.absolute()
    if not folder.exists():
        try:
            folder.mkdir(parents=True)
            if os.geteuid() == 0:
                os.chown(folder, platform.settings.user.uid, platform.settings.user.gid)
        except OSError as error:
            raise UsageError(
                f"--home {str(home)!r} cannot be made.", why=str(error), fix="name a folder that this user may make"
            ) from error
    if not folder.is_dir():
        raise UsageError(f"--home {str(home)!r} is not a folder.", fix="name a folder, or one that is to be made")
    return folder


def _owner(platform: Platform, folder: Path) -> str | None:
    """Return who must run so that the folder's files stay its owner's; None where that is the image's user."""
    uid = folder.stat().st_uid
    return None if uid == platform.settings.user.uid else f"{uid}:{platform.settings.user.gid}"


@contextmanager
def _started(lab: Lab) -> Iterator[Container]:
    """Give the running container; stop and remove it in the end."""
    from docker.errors import APIError

    with client.container(
        lab.image.digest,
        lab.image.command,
        role=ROLE,
        network="bridge",
        env={"JUPYTER_TOKEN": lab.token, "JUPYTER_PORT": str(INNER_PORT), "HOME": str(lab.home)},
        user=lab.user,
        ports={f"{INNER_PORT}/tcp": (LOOPBACK, lab.port)},
        mounts=_binds(lab.mounts),
    ) as container:
        try:
            container.start()
        except APIError as error:
            raise _not_started(lab, error) from error
        try:
            yield container
        finally:
            container.stop(timeout=STOP_SECONDS)


def _binds(mounts: tuple[Mount, ...]) -> list[docker.types.Mount]:
    """Return what the engine is asked to mount; as values, for the short text SOURCE:TARGET cannot hold a colon."""
    from docker.types import Mount as Bind

    return [Bind(target=str(mount.target), source=str(mount.source), type="bind") for mount in mounts]


def _not_started(lab: Lab, error: Exception) -> PlatformError:
    text = str(getattr(error, "explanation", None) or error)
    if "port is already allocated" in text or "address already in use" in text:
        return UsageError(f"The port {lab.port} is in use.", fix="leave --port out, and a free one is found")
    return client.refusal("start the lab", error)


def _attended(container: Container, lab: Lab, say: Callable[[str], None]) -> int:
    """Wait for the server, show its URL, then follow its log until it ends."""
    port = _port(container)
    say(f"Starting JupyterLab from {lab.image.name} ...")
    _wait_ready(container, port)
    say("JupyterLab runs; Ctrl-C ends it. Open:")
    sys.stdout.write(f"http://{LOOPBACK}:{port}/lab?token={lab.token}\n")
    sys.stdout.flush()
    for line in container.logs(stream=True, follow=True, tail=0):
        say(line.decode("utf-8", errors="replace").rstrip("\n"))
    return int(container.wait()["StatusCode"])


def _port(container: Container) -> int:
    """Return the port on this machine that the engine has chosen."""
    container.reload()
    published = container.attrs["NetworkSettings"]["Ports"].get(f"{INNER_PORT}/tcp")
    if not published:
        raise _ended(container)
    return int(published[0]["HostPort"])


def _wait_ready(container: Container, port: int) -> None:
    """Return once the server answers.

    Raises:
        ToolError: Its container ended, or it did not answer in time; with the last lines of its log.
    """
    end = time.monotonic() + READY_SECONDS
    while not answers(port):
        container.reload()
        if container.status not in ("created", "running"):
            raise _ended(container)
        if time.monotonic() > end:
            raise ToolError(
                f"JupyterLab did not answer on port {port} within {READY_SECONDS:g} s.", why=_last_lines(container)
            )
        time.sleep(POLL_SECONDS)


def answers(port: int) -> bool:
    """Return whether a Jupyter server on this machine's loopback answers on its API."""
    asked = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        asked.request("GET", "/api")
        return asked.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def _ended(container: Container) -> ToolError:
    code = int(container.wait()["StatusCode"])
    return ToolError(
        f"The lab ended with exit code {code} before it answered.", why=_last_lines(container), returncode=code
    )


def _last_lines(container: Container) -> str:
    return str(container.logs(tail=LAST_LINES).decode("utf-8", errors="replace")).strip()
