"""Channels by name and by URL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from usertools import condarc, image


@dataclass(frozen=True)
class Channels:
    """What names of channels mean here.

    Attributes:
        image: The image's own channels, name to URL.
        settings: The user's ``.condarc``.
    """

    image: dict[str, str]
    settings: condarc.Settings

    def chosen(self, asked: Iterable[str] = (), *, only: bool = False) -> tuple[str, ...]:
        """Return channel names in their order: those asked for, then, unless only these count, the usual ones.

        ``defaults`` stands for the image's channels: no image carries a channel of that name.
        """
        asked = tuple(asked)
        usual = () if only or "nodefaults" in asked else self.settings.channels or tuple(self.image)
        found: list[str] = []
        for name in (*asked, *usual):
            found += {"defaults": list(self.image), "nodefaults": []}.get(name, [name])
        return tuple(dict.fromkeys(found))

    def url(self, name: str) -> str:
        """Return where a channel is."""
        if "://" in name:
            return name.rstrip("/")
        if name.startswith(("/", "./", "../", "~")):
            from pathlib import Path

            return Path(name).expanduser().resolve().as_uri()
        return self.image.get(name) or f"{self.settings.channel_alias}/{name}"

    def name(self, url: str) -> str:
        """Return the name of the channel at a URL, or of one that is a name already."""
        url = url.rstrip("/")
        for name, base in self.image.items():
            if url == base.rstrip("/"):
                return name
        return url.removeprefix(f"{self.settings.channel_alias}/")


def known() -> Channels:
    """Return the channels of this image and this user."""
    return Channels(image.channels(), condarc.settings())
