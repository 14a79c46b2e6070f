"""What the users' servers say, while a hub runs: each line with the name of its container's user before it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from platform_images.engine import client
from platform_images.hub.configuration import labels, network_name

if TYPE_CHECKING:
    from docker.models.containers import Container


@contextmanager
def following(mission: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hand on what every server of the mission's hub says that is started meanwhile."""
    marks = [f"{name}={value}" for name, value in labels(mission).items()]
    events = client.engine().events(decode=True, filters={"type": "container", "event": "start", "label": marks})
    watcher = threading.Thread(target=_watch, args=(events, mission, say), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        with suppress(Exception):  # the watcher ends with the stream, whatever state that is in
            events.close()


def _watch(events: Any, mission: str, say: Callable[[str], None]) -> None:
    """Follow the log of each container that starts."""
    from docker.errors import APIError

    with suppress(OSError, ValueError, AttributeError):  # the stream was closed under its reader: the hub has ended
        for event in events:
            with suppress(APIError):  # it was gone before it could be asked
                made = client.engine().containers.get(event["id"])
                user = str(made.name).removeprefix(f"{network_name(mission)}-")
                threading.Thread(target=_follow, args=(made, user, say), daemon=True).start()


def _follow(made: Container, user: str, say: Callable[[str], None]) -> None:
    """Hand on a container's lines until it ends."""
    from docker.errors import APIError

    rest = b""
    with suppress(APIError, OSError, ValueError):
        for chunk in made.logs(stream=True, follow=True):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                say(f"{user} | {line.decode('utf-8', errors='replace').rstrip()}")
    if rest:
        say(f"{user} | {rest.decode('utf-8', errors='replace')}")
