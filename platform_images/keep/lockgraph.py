"""An environment's lock and its request files, read as a graph; nobody is asked anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from platform_images.errors import LockError, UsageError
from platform_images.keep.packages import Edge, LockGraph, Package
from platform_images.keep.target import Target
from platform_images.locks.conda import conda_packages, distributions
from platform_images.locks.lines import conda_requests, pip_requests
from platform_images.locks.pip import Pin, pins
from platform_images.locks.store import BASE_UNIT, ROOT_UNIT, LockStore, requirements, root
from platform_images.locks.values import CondaPackage, Lock, Unit
from platform_images.model import Environment, Mission, Platform
from platform_images.model.environment import BASE_NAME

_VIA = re.compile(r"^\s+#\s+(?:via(?:\s+|$))?(?P<who>.*)$")


def environment_of(platform: Platform, mission: Mission, name: str | None) -> Environment:
    """Return the kernel of this name, or the base environment; without a name the mission's only kernel.

    Raises:
        UsageError: There is none of that name, or none is named and there are several.
    """
    if name == BASE_NAME:
        return platform.base
    if name:
        return mission.kernel(name)
    if len(mission.kernels) == 1:
        return mission.kernels[0]
    names = ", ".join(kernel.name for kernel in mission.kernels)
    raise UsageError(
        "No kernel is named.",
        why=f"Kernels of {mission.name}: {names}; {BASE_NAME} is the environment of JupyterLab",
        fix=f"give one, for example --kernel {mission.kernels[0].name}",
    )


def locked(platform: Platform, environment: Environment) -> Lock:
    """Return an environment's lock.

    Raises:
        LockError: It is missing or damaged.
    """
    unit = BASE_UNIT if environment.is_base else Unit(scope=environment.scope, part=environment.name)
    return LockStore(platform.locks).require(unit)


def target_of(platform: Platform, graph: LockGraph) -> Target:
    """Return where an environment runs."""
    glibc = root(LockStore(platform.locks).require(ROOT_UNIT)).glibc
    return Target(python=graph.python, architecture=platform.architecture, glibc=glibc)


def read_graph(platform: Platform, environment: Environment, lock: Lock) -> LockGraph:
    """Return who requires whom, as far as the lock says it, without bounds for the pip part.

    Raises:
        LockError: The lock is not in the format of this version.
        UsageError: A request file includes one that is not there.
    """
    from packaging.utils import canonicalize_name

    conda, pip = conda_packages(lock), pins(requirements(lock))
    packages = {each.name: Package(name=each.name, version=each.version, conda=True) for each in conda}
    for pin in pip:
        name = canonicalize_name(pin.name)
        packages[name] = Package(name=name, version=pin.version, hashes=pin.hashes)
    if "python" not in packages:
        raise LockError(f"The lock of {lock.unit} holds no python.", fix=lock.unit.session)
    python = packages["python"].version
    here = Target(python=python, architecture=platform.architecture)
    provided = {name: each.name for name, each in distributions(conda, platform.settings.conda.pypi_names).items()}
    bare = LockGraph(
        label=str(lock.unit),
        python=python,
        packages=dict(sorted(packages.items())),
        edges=(),
        requests=(),
        provided={name: package for name, package in provided.items() if packages[package].conda},
    )
    asked = [
        replace(line, name=bare.provider(line.name) or line.name) for line in pip_requests(platform.folder, environment)
    ]
    lines = (*conda_requests(platform.folder, environment), *asked)
    return replace(
        bare,
        edges=tuple(sorted({*_conda_edges(conda), *_pip_edges(bare, pip)})),
        requests=tuple(line for line in lines if here.applies(line.marker)),
    )


def _conda_edges(packages: Iterable[CondaPackage]) -> Iterator[Edge]:
    """Yield who requires whom in the conda part; what no package is, such as the C library, is left out."""
    packages = tuple(packages)
    names = {each.name for each in packages}
    for each in packages:
        for name, bound in each.dependencies:
            if name in names:
                yield Edge(parent=each.name, child=name, bound=bound)


def _pip_edges(graph: LockGraph, packages: Iterable[Pin]) -> Iterator[Edge]:
    """Yield who requires whom in the pip part, by the remarks of the solver; they name distributions."""
    from packaging.utils import canonicalize_name

    for each in packages:
        for who in requirers(each.text):
            if not who.startswith("-"):
                parent = graph.provider(canonicalize_name(who.split("[")[0]))
                if parent is not None:
                    yield Edge(parent=parent, child=canonicalize_name(each.name))


def requirers(text: str) -> tuple[str, ...]:
    """Return what the ``# via`` remarks of one pin name: packages, and files as ``-r FILE`` or ``-c FILE``."""
    found = (_VIA.match(line) for line in text.splitlines()[1:])
    return tuple(match["who"].strip() for match in found if match and match["who"].strip())
