"""The hub's configuration as values: what JupyterHub reads as ``jupyterhub_config.json``. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from platform_images.engine.naming import PREFIX, ROLE_LABEL

LOOPBACK = "127.0.0.1"
ROLE = "hub"
HOME_ROLE = "hub-home"
HUB_LABEL = "platform-images.hub"
COMMAND = "start-singleuser.py"
POST_START_HOOK = "/opt/environments/post-start-hook"
POST_START_SECONDS = 60
START_SECONDS = 300
ANSWER_SECONDS = 300
HUB_PID = "hub.pid"
PROXY_PID = "proxy.pid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """How one hub is to run.

    Attributes:
        mission: Whose image it serves.
        image: The image, as the engine finds it.
        home: The home folder in the image, where each user's volume is mounted.
        hook: Whether the image has a post-start hook.
        users: Who may log in; anybody with the password where it is empty.
        password: What they log in with.
        folder: Where the hub keeps its state while it runs.
        proxy: The command that runs the proxy.
        port: Port of the proxy on the loopback: what a browser is given.
        proxy_port: Port of the proxy's own interface on the loopback.
        gateway: This machine's address on the network of the users' containers.
        hub_port: Port of the hub at that address.
    """

    mission: str
    image: str
    home: PurePosixPath
    hook: bool
    users: tuple[str, ...]
    password: str = field(repr=False)
    folder: Path
    proxy: tuple[str, ...]
    port: int
    proxy_port: int
    gateway: str
    hub_port: int


def network_name(mission: str) -> str:
    """Return the name of the network of the users' containers: a mission has one hub at a time."""
    return f"{PREFIX}{ROLE}-{mission}"


def labels(mission: str) -> dict[str, str]:
    """Return what marks a container or network as one of the mission's hub."""
    return {ROLE_LABEL: ROLE, HUB_LABEL: mission}


def home_labels(mission: str) -> dict[str, str]:
    """Return what marks a volume as the home of a user of the mission's hub."""
    return {ROLE_LABEL: HOME_ROLE, HUB_LABEL: mission}


def configuration(hub: Hub) -> dict[str, Any]:
    """Return the whole configuration, class by class, as JupyterHub and DockerSpawner name things."""
    allowed: dict[str, Any] = {"allowed_users": sorted(hub.users)} if hub.users else {"allow_all": True}
    return {
        "JupyterHub": {
            "authenticator_class": "shared-password",
            "spawner_class": "docker",
            "bind_url": f"http://{LOOPBACK}:{hub.port}",
            "hub_bind_url": f"http://{hub.gateway}:{hub.hub_port}",
            "db_url": f"sqlite:///{hub.folder}/hub.sqlite",
            "cookie_secret_file": f"{hub.folder}/cookie-secret",
            "pid_file": f"{hub.folder}/{HUB_PID}",
            "cleanup_proxy": True,
            "cleanup_servers": True,
        },
        "ConfigurableHTTPProxy": {
            "command": list(hub.proxy),
            "log_level": "warn",  # the hub's log has each request already
            "api_url": f"http://{LOOPBACK}:{hub.proxy_port}",
            "pid_file": f"{hub.folder}/{PROXY_PID}",
        },
        "SharedPasswordAuthenticator": {"user_password": hub.password, **allowed},
        "DockerSpawner": _spawner(hub),
    }


def _spawner(hub: Hub) -> dict[str, Any]:
    """Return how a user's server is started: a new container each time, the home in a volume that stays.

    No port of a container is published: the proxy is on this machine, which is on the containers' network.
    """
    post_start = f"timeout --kill-after=5 {POST_START_SECONDS} {POST_START_HOOK} --on-hub" if hub.hook else False
    return {
        "image": hub.image,
        "pull_policy": "skip",
        "cmd": [COMMAND],
        "prefix": network_name(hub.mission),
        "name_template": "{prefix}-{username}",
        "remove": True,
        "network_name": network_name(hub.mission),
        "use_internal_ip": True,
        "extra_create_kwargs": {"labels": labels(hub.mission)},
        "extra_host_config": {"auto_remove": False},  # the hub removes it: one that ends by itself keeps its log
        "mounts": [
            {
                "type": "volume",
                "source": f"{PREFIX}home-{hub.mission}-{{username}}",
                "target": str(hub.home),
                "labels": home_labels(hub.mission),
            }
        ],
        "post_start_cmd": post_start,
        "start_timeout": START_SECONDS,
        "http_timeout": ANSWER_SECONDS,
    }
