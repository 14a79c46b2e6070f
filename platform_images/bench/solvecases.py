"""Measuring how fast commands start and environments are solved; needs no engine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from platform_images.bench.cases import PIP_TOOLS_CAP
from platform_images.bench.copying import own_missions
from platform_images.bench.peers import Inputs, pip_compile_words, uv_words
from platform_images.bench.timing import Command, Timed, paired, seconds, shown, timed
from platform_images.bench.values import Measured
from platform_images.bench.workshop import Workshop
from platform_images.hub import requests as hub
from platform_images.locks.conda import conda_packages
from platform_images.locks.store import ROOT_UNIT, LockStore, root
from platform_images.locks.values import Unit
from platform_images.model import Environment, Platform
from platform_images.solve import uv
from platform_images.solve.hostenv import host_environment

_NOTHING = "pass"
_IMPORTS = "import nox, platform_images.solve.session, platform_images.locks.freshness"
_PIP_TOOLS_ON = ("tike", "tess")


def start_tasks(workshop: Workshop, runs: int) -> Measured:
    """Measure `invoke --list`."""
    return _started(workshop, runs, "--list")


def start_list(workshop: Workshop, runs: int) -> Measured:
    """Measure `invoke list`."""
    return _started(workshop, runs, "list")


def _started(workshop: Workshop, runs: int, word: str) -> Measured:
    """Measure one command against a Python that does nothing, each once before it counts."""
    folder = workshop.solving.folder
    ours = workshop.python("-m", "invoke", word, cwd=folder)
    return _compared(workshop, runs, ours, workshop.python("-c", _NOTHING, cwd=folder))


def lock_unchanged(workshop: Workshop, runs: int) -> Measured:
    """Measure `nox -s lock` where every lock is fresh.

    Raises:
        LockError: One is not.
    """
    hub.fresh_lock()
    folder = workshop.solving.folder
    ours = workshop.python("-m", "nox", "-s", "lock", cwd=folder)
    return _compared(workshop, runs, ours, workshop.python("-c", _IMPORTS, cwd=folder))


def _compared(workshop: Workshop, runs: int, ours: Command, theirs: Command) -> Measured:
    """Measure two commands in turns, each once before it counts."""
    paired(1, lambda: timed(ours), lambda: timed(theirs))
    mine, others = paired(runs, lambda: timed(ours), lambda: timed(theirs))
    places = workshop.places()
    return Measured(
        subject=seconds(mine),
        peer=seconds(others),
        subject_commands=shown(ours, places=places),
        peer_commands=shown(theirs, places=places),
    )


def lock_cold(workshop: Workshop, runs: int) -> Measured:
    """Measure solving all environments anew against a bare uv."""
    platform = workshop.solving
    found = solved_by_uv(platform)
    return _solved(workshop, runs, found, [uv_words(uv.executable(), inputs(platform, e), _output(e)) for e in found])


def lock_pip_tools(workshop: Workshop, runs: int) -> Measured:
    """Measure solving one kernel anew against pip-tools."""
    platform = workshop.solving
    kernel = _kernel_for_pip_tools(workshop)
    words = pip_compile_words(sys.executable, inputs(platform, kernel), _output(kernel))
    found = _solved(workshop, runs, (kernel,), [words], cap=PIP_TOOLS_CAP)
    bare = uv_words(uv.executable(), inputs(platform, kernel), _output(kernel))
    host = uv.uv_environment({**workshop.env, **host_environment(platform)})
    with workshop.empty_caches() as caches:
        alone = timed(Command(argvs=(bare,), cwd=platform.folder, env={**host, **caches}))
    return replace(
        found, facts=(*found.facts, ("bare uv for the same kernel, empty caches, s", round(alone.seconds, 1)))
    )


def _solved(
    workshop: Workshop,
    runs: int,
    environments: Sequence[Environment],
    peers: Sequence[tuple[str, ...]],
    *,
    cap: float | None = None,
) -> Measured:
    """Measure solving environments anew with empty caches, in turns with other solvers."""
    platform = workshop.solving
    sessions = [f"lock({each.scope}, {each.name})" for each in environments]
    ours = workshop.python("-m", "nox", "-s", *sessions, "--", "--upgrade", cwd=platform.folder)
    host = uv.uv_environment({**workshop.env, **host_environment(platform)})
    theirs = Command(argvs=tuple(peers), cwd=platform.folder, env=host, cap=cap)

    def run(command: Command) -> Timed:
        with workshop.empty_caches() as caches:
            for environment in environments:
                Path(platform.folder, _output(environment)).unlink(missing_ok=True)
            env = {**(command.env or {}), **caches}
            return timed(Command(argvs=command.argvs, cwd=command.cwd, env=env, cap=command.cap))

    mine, others = paired(runs, lambda: run(ours), lambda: run(theirs))
    places = workshop.places()
    return Measured(
        subject=seconds(mine),
        peer=seconds(others),
        subject_commands=shown(ours, places=places),
        peer_commands=shown(theirs, places=places),
        capped=any(each.capped for each in others),
        facts=(
            (
                "environments",
                ", ".join(f"{each.scope}/{each.name} (Python {each.conda.python})" for each in environments),
            ),
        ),
    )


def solved_by_uv(platform: Platform) -> tuple[Environment, ...]:
    """Return every environment of the project that uv solves; pip-tools needs an engine."""
    kernels = [kernel for mission in own_missions(platform) for kernel in mission.kernels]
    return tuple(each for each in (platform.base, *kernels) if each.settings.solver == "uv")


def inputs(platform: Platform, environment: Environment) -> Inputs:
    """Return what the project's own solver is given for the pip part of an environment."""
    store = LockStore(platform.locks)
    packages = conda_packages(store.require(Unit(scope=environment.scope, part=environment.name)))
    glibc = root(store.require(ROOT_UNIT)).glibc
    return Inputs(
        requests=tuple(path.relative_to(platform.folder).as_posix() for path in environment.request_files),
        constraints=tuple(path.relative_to(platform.folder).as_posix() for path in environment.constraint_files),
        sdists=tuple(sorted(environment.settings.sdist)),
        python=next(package.version for package in packages if package.name == "python"),
        platform=uv.platform_tag(platform.architecture, glibc),
    )


def _kernel_for_pip_tools(workshop: Workshop) -> Environment:
    """Return the kernel that pip-tools solves too: of the mission that was asked for, or TESS, or the first."""
    found = [each for each in solved_by_uv(workshop.solving) if not each.is_base]
    asked = [each for each in found if each.scope == workshop.options.mission]
    usual = [each for each in found if (each.scope, each.name) == _PIP_TOOLS_ON]
    return (*asked, *usual, *found)[0]


def _output(environment: Environment) -> str:
    """Return where another solver writes, below the copy's folder."""
    return f"{environment.scope}-{environment.name}.txt"
