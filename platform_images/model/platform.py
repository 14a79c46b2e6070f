"""The platform: what holds for every mission, and where everything lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platform_images.errors import UsageError
from platform_images.model.environment import Environment
from platform_images.model.files import Channel, PlatformFile

_SUBDIRS = {"linux/amd64": "linux-64", "linux/arm64": "linux-aarch64"}
_ARCHITECTURES = {"linux/amd64": "amd64", "linux/arm64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """``platform.toml`` and ``common/``.

    Attributes:
        folder: The top folder of the project.
        settings: ``platform.toml``.
        base: The base environment.
        os_packages: Debian packages for every image, from ``common/apt.txt``, sorted.
    """

    folder: Path
    settings: PlatformFile
    base: Environment
    os_packages: tuple[str, ...]

    @property
    def common(self) -> Path:
        """The folder with the base and common stages."""
        return self.folder / "common"

    @property
    def deployments(self) -> Path:
        """The folder with one folder a mission."""
        return self.folder / "deployments"

    @property
    def locks(self) -> Path:
        """The folder of saved solutions."""
        return self.folder / "locks"

    @property
    def subdir(self) -> str:
        """The conda name of the platform, such as ``linux-64``."""
        return _SUBDIRS[self.settings.platform]

    @property
    def architecture(self) -> str:
        """The Debian name of the platform, such as ``amd64``."""
        return _ARCHITECTURES[self.settings.platform]

    def channel(self, name: str) -> Channel:
        """Return the channel that ``platform.toml`` gives this name.

        Raises:
            UsageError: There is none of that name.
        """
        for channel in self.settings.channels:
            if channel.name == name:
                return channel
        names = ", ".join(channel.name for channel in self.settings.channels)
        raise UsageError(
            f"No conda channel is named {name!r}.",
            why=f"platform.toml names: {names}",
            fix=f'add it to platform.toml: [[channels]] with name = "{name}" and url = "..."',
        )

    def channel_base(self, name: str) -> str:
        """Return where a channel is, as a URL without a final slash."""
        channel = self.channel(name)
        if channel.path is not None:
            return (self.folder / channel.path).resolve().as_uri()
        return str(channel.url).rstrip("/")
