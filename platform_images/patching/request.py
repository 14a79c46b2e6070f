"""What `invoke patch` is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.utils import canonicalize_name

from platform_images.errors import UsageError
from platform_images.solve.aptpatch import request_name
from platform_images.solve.patch import parse_request

LOCKS = "locks"
"""What the record of a patch has as asked for, where the image was brought to the present locks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRequest:
    """What `invoke patch` is asked for.

    Attributes:
        systems: Debian packages, ``NAME`` or ``NAME=VERSION``.
        packages: Python packages, ``NAME`` or ``NAME>=VERSION``.
        environments: Only these kernels, or ``base``; every environment that has a package without any.
        allow: Packages that may come along.
        locked: Change what the present locks have beyond those of the image, in place of asking for packages.
        image: The released image; the mission's latest without it.
        dry_run: Solve, say what would be done, and do nothing.
    """

    systems: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    locked: bool = False
    image: str | None = None
    dry_run: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        """All requests, as the record of a patch has them."""
        if self.locked:
            return (LOCKS,)
        found = {f"os {each}" for each in self.systems}
        return tuple(sorted(found | {f"pip {parse_request(each)}" for each in self.packages}))

    @property
    def named_systems(self) -> frozenset[str]:
        """Names of the Debian packages that are asked for."""
        return frozenset(request_name(each) for each in self.systems)

    @property
    def named_packages(self) -> frozenset[str]:
        """Normalised names of the Python packages that are asked for."""
        return frozenset(str(canonicalize_name(parse_request(each).name)) for each in self.packages)


def check_request(request: PatchRequest) -> None:
    """Refuse a request that asks for nothing, or that cannot be read.

    Raises:
        UsageError: Says what.
    """
    if request.locked:
        if request.systems or request.packages or request.environments:
            raise UsageError("--locked takes what the locks have, and nothing besides.", fix="give --locked alone")
        return
    if not request.systems and not request.packages:
        raise UsageError(
            "There is nothing to patch.",
            fix="give --os NAME or --package 'NAME>=VERSION'; either may be given again; or --locked",
        )
    if request.environments and not request.packages:
        raise UsageError("--kernel chooses where --package is changed.", fix="give --package as well, or no --kernel")
    if len(request.named_systems) < len(request.systems) or len(request.named_packages) < len(request.packages):
        raise UsageError("A package is asked for twice.", why="\n".join((*request.systems, *request.packages)))
