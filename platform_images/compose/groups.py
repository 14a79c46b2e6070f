"""Which packages of the pip part are in which layer, so that a change of one package is a change of few bytes. Pure.

Packages that several kernels have alike are in one layer for all of them, where their files are there once. The base
environment shares with no kernel: its layers are those of every mission. Packages are spread by their names, so that
a new version stays where the old one was, and everything else where it was.

Compiled packages are apart from those of Python alone, and below them. They are few and have most of the bytes (tess:
48 of 255, and two thirds), the others are many and change most often; and an engine that gets another layer stacks
those above it again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from platform_images.compose.locked import environment_lock
from platform_images.locks.conda import conda_packages
from platform_images.locks.pip import NO_BINARY, Pin, built_from_source, pins
from platform_images.locks.store import build_requirements
from platform_images.locks.values import REQUIREMENTS, Lock, MissionLocks
from platform_images.model.environment import Environment

SHARES = {"compiled": 8, "pure": 32}
"""Packages that a layer shall hold: there are as many layers as that needs, a power of two of them. Lowest first."""
COMPILED, PURE = SHARES
PURE_FILES = 2
"""A release of Python alone is a wheel and a source archive; a compiled one has a wheel for each system and Python."""
MOST_SHARES = 16
MOST_LAYERS = 96
"""Engines stack 127 layers at most; the operating system and the mission need some."""
_Identity = tuple[str, str, frozenset[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A layer of packages.

    Attributes:
        name: The environments' names, ``compiled`` or ``pure``, and a number, such as ``tess.pure.3``.
        environments: Those that have these packages, in the image's order.
        distributions: Normalised names, sorted.
        requirements: In pip's format, with hashes.
        build_requirements: Build backends, where one of them is built from source.
    """

    name: str
    environments: tuple[Environment, ...]
    distributions: tuple[str, ...]
    requirements: str
    build_requirements: str | None = None

    @property
    def rank(self) -> str:
        """Which layers are to be there first where not all can be made at once, as text: as they are stacked."""
        names, kind, number = self.name.rsplit(".", 2)
        lower = 0 if self.environments[0].is_base else 1
        return f"{lower}-{kind}-{99 - len(self.environments):02}-{names}-{int(number):02}"

    @property
    def stage(self) -> str:
        """The stage that lays it out."""
        return f"packages.{self.name}"


@dataclass(slots=True)
class _Family:
    """The packages of one kind that some environments have alike."""

    kind: str
    environments: list[Environment]
    pins: list[Pin] = field(default_factory=list)


def groups(locks: MissionLocks, environments: Sequence[Environment]) -> tuple[Group, ...]:
    """Return the layers of all pip parts, the lowest first: compiled ones, of most environments, then by name.

    Raises:
        LockError: A lock is not among them, or holds no solution.
    """
    families = _families(locks, environments)
    most = MOST_SHARES
    while len(found := _grouped(locks, families, most=most)) > MOST_LAYERS and most > 1:
        most //= 2
    return found


def _families(locks: MissionLocks, environments: Sequence[Environment]) -> list[_Family]:
    """Return packages by the environments that have them."""
    sources: set[str] = set()
    holders: defaultdict[_Identity, list[tuple[Environment, Pin]]] = defaultdict(list)
    for environment in environments:
        lock = environment_lock(locks, environment)
        text = lock.files.get(REQUIREMENTS, "")
        built, python = built_from_source(text), _python(locks, environment)
        sources |= built
        for pin in pins(text):
            name = canonicalize_name(pin.name)
            alone = environment.is_base or name in built
            apart = environment.name if alone else python
            holders[(name, pin.version, pin.hashes, apart)].append((environment, pin))
    found: dict[tuple[str, int, tuple[str, ...]], _Family] = {}
    for (distribution, *_), each in holders.items():
        having = [environment for environment, _ in each]
        pin = each[0][1]
        kind = PURE if len(pin.hashes) <= PURE_FILES and distribution not in sources else COMPILED
        key = kind, -len(having), tuple(environment.name for environment in having)
        found.setdefault(key, _Family(kind, having)).pins.append(pin)
    return [found[key] for key in sorted(found)]


def _grouped(locks: MissionLocks, families: Sequence[_Family], *, most: int) -> tuple[Group, ...]:
    """Return the layers, no more than ``most`` for a family."""
    return tuple(group for family in families for group in _shares(locks, family, most=most))


def _shares(locks: MissionLocks, family: _Family, *, most: int) -> list[Group]:
    """Return the layers of one family."""
    count = 1
    while count * SHARES[family.kind] < len(family.pins) and count < most:
        count *= 2
    spread: defaultdict[int, list[Pin]] = defaultdict(list)
    for pin in family.pins:
        spread[_number(pin) % count].append(pin)
    lock = environment_lock(locks, family.environments[0])
    found = []
    for number in sorted(spread):
        text, backends = requirements_of(lock, spread[number])
        found.append(
            Group(
                name=".".join((*(each.name for each in family.environments), family.kind, str(number + 1))),
                environments=tuple(family.environments),
                distributions=tuple(sorted(canonicalize_name(pin.name) for pin in spread[number])),
                requirements=text,
                build_requirements=backends,
            )
        )
    return found


def requirements_of(lock: Lock, some: Sequence[Pin]) -> tuple[str, str | None]:
    """Return the requirements of some packages of an environment's lock, by name, in pip's format with hashes.

    Returns:
        The text, and that of the build backends where one of the packages is built from source.
    """
    built = built_from_source(lock.files[REQUIREMENTS])
    held = sorted(some, key=lambda pin: canonicalize_name(pin.name))
    sources = [name for name in (str(canonicalize_name(pin.name)) for pin in held) if name in built]
    options = "--only-binary :all:\n" + "".join(f"{NO_BINARY}{name}\n" for name in sources)
    text = options + "".join(_without_comments(pin.text) for pin in held)
    backends = build_requirements(lock) if sources else None
    return text, None if backends is None else _without_comments(backends)


def _python(locks: MissionLocks, environment: Environment) -> str:
    """Return what tells an environment's Python from another one."""
    packages = conda_packages(environment_lock(locks, environment))
    return next((package.sha256 for package in packages if package.name == "python"), environment.name)


def _number(pin: Pin) -> int:
    """Return a number that only the name decides, the same on every machine."""
    return int.from_bytes(hashlib.sha256(canonicalize_name(pin.name).encode()).digest()[:4], "big")


def _without_comments(text: str) -> str:
    """Return lines of a lock without comments: who asks for a package does not change what it is."""
    return "".join(f"{line}\n" for line in text.splitlines() if not line.lstrip().startswith("#"))
