"""Where a package is to run: what markers and wheels' tags are compared with. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.tags import Tag

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_OLD_NAMES = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}


@dataclass(frozen=True, kw_only=True)
class Target:
    """An environment of the image.

    Attributes:
        python: Full version of its Python.
        architecture: Debian's name of the architecture.
        glibc: Version of the root's C library.
    """

    python: str
    architecture: str = "amd64"
    glibc: str = "2.36"

    @cached_property
    def markers(self) -> dict[str, str]:
        """The values of markers (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.python,
            "os_name": "posix",
            "platform_machine": _MACHINES[self.architecture],
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.python,
            "python_version": ".".join(self.python.split(".")[:2]),
            "sys_platform": "linux",
        }

    @cached_property
    def tags(self) -> frozenset[Tag]:
        """The tags of wheels that can be installed."""
        from packaging.tags import compatible_tags, cpython_tags

        major, minor = (int(part) for part in self.python.split(".")[:2])
        platforms = list(self._platforms())
        own = cpython_tags((major, minor), [f"cp{major}{minor}"], platforms)
        return frozenset((*own, *compatible_tags((major, minor), f"cp{major}{minor}", platforms)))

    def holds(self, requirement: Requirement, extras: Iterable[str]) -> bool:
        """Whether a requirement applies here, to a package of which these extras are asked for."""
        marker = requirement.marker
        if marker is None:
            return True
        return any(marker.evaluate({**self.markers, "extra": extra}) for extra in ("", *sorted(extras)))

    def applies(self, marker: str) -> bool:
        """Whether a line with this marker, empty for none, asks for anything here."""
        from packaging.markers import Marker

        return not marker or Marker(marker).evaluate({**self.markers, "extra": ""})

    def fits(self, filename: str) -> bool:
        """Whether a wheel can be installed."""
        from packaging.utils import InvalidWheelFilename, parse_wheel_filename

        try:
            return not parse_wheel_filename(filename)[3].isdisjoint(self.tags)
        except InvalidWheelFilename:
            return False

    def accepts(self, requires_python: str) -> bool:
        """Whether a release says that it runs on this Python; one that says nothing does."""
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        try:
            return SpecifierSet(requires_python).contains(self.python, prereleases=True)
        except InvalidSpecifier:
            return False

    def _platforms(self) -> Iterable[str]:
        """Yield the platforms of wheels, the newest C library first."""
        machine = _MACHINES[self.architecture]
        for minor in range(int(self.glibc.split(".")[1]), 4, -1):
            yield f"manylinux_2_{minor}_{machine}"
            if minor in _OLD_NAMES:
                yield f"{_OLD_NAMES[minor]}_{machine}"
        yield f"linux_{machine}"
