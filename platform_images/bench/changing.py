"""One package of one kernel at another version: locked by the project itself, with real versions and hashes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from platform_images.bench.contexts import lock_of
from platform_images.bench.timing import Command, timed
from platform_images.errors import LockError, ToolError
from platform_images.locks.pip import Pin, pins
from platform_images.locks.store import requirements
from platform_images.model import Environment, Mission, Platform

# Small, of Python alone, with many releases, and nothing asks for the newest of them.
CANDIDATES = ("idna", "certifi", "wcwidth", "asttokens", "executing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What has changed in a lock.

    Attributes:
        package: The one package.
        before: Its version before.
        after: Its version now.
        others: How many other packages changed with it: none, as a rule.
    """

    package: str
    before: str
    after: str
    others: int


def candidate(locked: Sequence[Pin]) -> Pin:
    """Return the package to change.

    Raises:
        LockError: The lock has none that is suited.
    """
    by_name = {pin.name: pin for pin in locked}
    for name in CANDIDATES:
        if name in by_name:
            return by_name[name]
    raise LockError("The kernel has no package to change.", why=f"looked for {', '.join(CANDIDATES)}")


def change(before: Sequence[Pin], after: Sequence[Pin], package: str) -> Change:
    """Return how two solutions differ.

    Raises:
        ToolError: The package is as it was.
    """
    old, new = ({pin.name: pin.version for pin in found} for found in (before, after))
    if old.get(package) == new.get(package) or package not in new:
        raise ToolError(f"{package} {old.get(package)} was not changed by locking again.")
    others = sum(old.get(name) != new.get(name) for name in old.keys() | new.keys()) - 1
    return Change(package=package, before=old[package], after=new[package], others=others)


def take_older(platform: Platform, mission: Mission, kernel: Environment, *, env: dict[str, str]) -> Change:
    """Lock the kernel of a copy again with an older release of one package; all other pins are kept.

    Raises:
        ToolError: There is no older release that fits, or the index did not answer.
    """
    before = pins(requirements(lock_of(platform, kernel)))
    pin = candidate(before)
    with (kernel.folder / "constraints.txt").open("a", encoding="utf-8") as stream:
        stream.write(f"{pin.name}<{pin.version}\n")
    session = f"lock({mission.name}, {kernel.name})"
    timed(Command(argvs=((sys.executable, "-m", "nox", "-s", session),), cwd=platform.folder, env=env))
    return change(before, pins(requirements(lock_of(platform, kernel))), pin.name)
