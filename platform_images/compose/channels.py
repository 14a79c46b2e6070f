"""The channels that users of an image install from: those of the repository lie in it, others are at their address."""

from __future__ import annotations

from platform_images.compose.values import ContextFile
from platform_images.files import json_text
from platform_images.model.files import Channel
from platform_images.model.platform import Platform

CHANNEL_FILES = ("/repodata.json", ".conda", ".tar.bz2")
_FOLDER = "/opt/environments/channels"


def channel_place(name: str) -> str:
    """Return the folder that a channel of the repository has in the image."""
    return f"{_FOLDER}/{name}"


def channel_list(platform: Platform) -> ContextFile:
    """Return the file that names the channels for programs in the image, the one that is looked in first first.

    A channel in a folder of the building machine is of no use there.
    """
    channels = [c for c in platform.settings.channels if not (c.url or "").startswith("file:")]
    listed = [{"name": channel.name, "url": _url(channel)} for channel in channels]
    return ContextFile(path="runtime/opt/environments/etc/channels.json", text=json_text({"channels": listed}))


def _url(channel: Channel) -> str:
    """Return where a program in the image finds a channel."""
    return f"file://{channel_place(channel.name)}" if channel.path is not None else str(channel.url).rstrip("/")
