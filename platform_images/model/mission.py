"""A mission: one image with its kernels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platform_images.errors import UsageError
from platform_images.model.environment import Environment
from platform_images.model.files import MissionFile
from platform_images.model.spelling import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """``deployments/<mission>/``.

    Attributes:
        name: The folder's name and the image's.
        folder: The mission's folder.
        settings: ``mission.toml``.
        kernels: Its kernels in launcher order.
        os_packages: Debian packages of ``apt.txt``, sorted; empty without one.
        npm_packages: npm requests of ``npm.txt``, sorted; empty without one.
        dockerfile: Text of its own ``Dockerfile``, where there is one.
    """

    name: str
    folder: Path
    settings: MissionFile
    kernels: tuple[Environment, ...]
    os_packages: tuple[str, ...]
    npm_packages: tuple[str, ...]
    dockerfile: str | None

    def kernel(self, name: str) -> Environment:
        """Return the kernel of this name.

        Raises:
            UsageError: The mission has none of that name.
        """
        for kernel in self.kernels:
            if kernel.name == name:
                return kernel
        names = tuple(kernel.name for kernel in self.kernels)
        raise UsageError(
            f"The mission {self.name!r} has no kernel {name!r}.",
            why=f"Its kernels: {', '.join(names)}{nearest(name, names)}",
            fix="invoke list shows every mission and its kernels",
        )

    def select(self, names: tuple[str, ...]) -> tuple[Environment, ...]:
        """Return the named kernels in launcher order, or all where none is named."""
        wanted = {self.kernel(name).name for name in names}
        return tuple(kernel for kernel in self.kernels if not wanted or kernel.name in wanted)
