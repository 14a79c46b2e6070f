"""Where the files of a unit are: the machine's own Debian mirrors, the channels of platform.toml, the package index."""

from __future__ import annotations

from dataclasses import dataclass, replace

from platform_images.fetch import Item, addresses
from platform_images.locks.values import RootSystem
from platform_images.mirror.index import wheels
from platform_images.mirror.needs import Need, conda_path, deb_path
from platform_images.model.platform import Platform
from platform_images.solve.hostenv import host_environment
from platform_images.solve.mirror import own_mirrors
from platform_images.solve.uv import platform_tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where this machine gets things from.

    Attributes:
        platform: The platform, which names channels.
        system: The root, which names the Debian release and the C library.
    """

    platform: Platform
    system: RootSystem

    def items(self, need: Need) -> tuple[Item, ...]:
        """Return all files of a unit but for npm's and the root itself, by path.

        Raises:
            MismatchError: The package index has other files under a locked name.
            ToolError: The package index did not answer.
        """
        found = [*self._debs(need), *self._conda(need), *self._pip(need)]
        return tuple(sorted({item.path: item for item in found}.values(), key=lambda item: item.path))

    def _debs(self, need: Need) -> list[Item]:
        if not need.debs:
            return []
        settings = self.platform.settings.root
        places = replace(own_mirrors(settings.suite), snapshots=settings.snapshots).places
        return [
            Item(path=deb_path(each), sha256=each.sha256, addresses=addresses(places, each.path), size=each.size)
            for each in need.debs
        ]

    def _conda(self, need: Need) -> list[Item]:
        return [
            Item(
                path=conda_path(each),
                sha256=each.sha256,
                addresses=addresses(
                    (self.platform.channel_base(each.channel),), each.url.removeprefix(f"{each.channel}/")
                ),
            )
            for each in need.conda
        ]

    def _pip(self, need: Need) -> list[Item]:
        tag = platform_tag(self.platform.architecture, self.system.glibc)
        env = host_environment(self.platform)
        return [
            item
            for text in need.requirements
            for item in wheels(text, python=need.python, platform_tag=tag, env=env, shown=need.name)
        ]
