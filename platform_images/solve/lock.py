"""Solving one unit and saving it: what ``nox -s lock`` and a floating build do."""

from __future__ import annotations

from dataclasses import dataclass

from platform_images.errors import LockError, PlatformError, UsageError
from platform_images.locks.content import read_whole
from platform_images.locks.freshness import Status, inputs, states
from platform_images.locks.store import COMMON_OS, ROOT_UNIT, LockStore, os_packages, root
from platform_images.locks.values import COMMON, NOTEBOOKS, NPM, OS, ROOT, Lock, OsPackages, Unit
from platform_images.model.environment import CondaRequest, Environment
from platform_images.model.load import load_mission, load_platform
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.solve.solution import Say, Solution


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One solve: what, against what, and how much of the old solution to keep."""

    platform: Platform
    mission: Mission | None
    unit: Unit
    store: LockStore
    old: Lock | None
    upgrade: bool
    upgrade_packages: tuple[str, ...]
    say: Say


def lock_unit(
    platform: Platform,
    mission: Mission | None,
    unit: Unit,
    *,
    store: LockStore,
    say: Say,
    upgrade: bool = False,
    upgrade_packages: tuple[str, ...] = (),
) -> bool:
    """Solve one unit and save it. A lock that is fresh is left as it is, unless something is to be upgraded.

    Args:
        platform: The platform.
        mission: The mission of the unit; none for common units.
        unit: What is solved. What it builds on is solved first where it has no lock.
        store: Where locks are read and written.
        say: Told what is under way.
        upgrade: Take the newest versions of everything.
        upgrade_packages: Take the newest versions of these.

    Returns:
        Whether the lock changed.

    Raises:
        PlatformError: There is no solution, an index did not answer, or a request was edited while it was solved; the
            old lock is untouched.
    """
    if not (upgrade or upgrade_packages) and _is_fresh(platform, mission, unit, store):
        say("fresh, nothing to do")
        return False
    for lower in _below(platform, mission, unit):
        if store.read(lower) is None:
            say(f"{lower} has no lock yet, so it is solved first")
            lock_unit(platform, None if lower.scope == COMMON else mission, lower, store=store, say=say)
    job = _Job(
        platform=platform,
        mission=mission,
        unit=unit,
        store=store,
        old=_old(store, unit, say=say),
        upgrade=upgrade,
        upgrade_packages=upgrade_packages,
        say=say,
    )
    recorded = inputs(platform, mission, unit, store=store)
    _refuse_read_before(job)
    solution = _solve(job)
    _refuse_edited(unit, recorded, inputs(platform, mission, unit, store=store))
    return store.write(unit, files=solution.files, inputs=recorded, solvers=solution.solvers)


def _refuse_read_before(job: _Job) -> None:
    """Refuse to solve what was read of a file that asks for something else by now: its hash would be of the latter.

    Raises:
        LockError: The unit's file was edited after this program read it.
    """
    if job.unit.part in (ROOT, NOTEBOOKS):
        return  # their hashes are of what was read
    platform = load_platform(job.platform.folder)
    mission = load_mission(platform, job.mission.name) if job.mission is not None else None
    if _asked(platform, mission, job.unit) != _asked(job.platform, job.mission, job.unit):
        name = {OS: "apt.txt", NPM: "npm.txt"}.get(job.unit.part, "environment.yml")
        raise _edited(job.unit, f"{name} is not as it was when this began")


def _asked(platform: Platform, mission: Mission | None, unit: Unit) -> tuple[str, ...] | CondaRequest:
    """Return what a unit's own file asks for, as it was read."""
    if unit.part == OS:
        return (platform if unit.scope == COMMON else _named(mission, unit)).os_packages
    if unit.part == NPM:
        return _named(mission, unit).npm_packages
    return _environment(platform, mission, unit).conda


def _refuse_edited(unit: Unit, recorded: dict[str, str], present: dict[str, str]) -> None:
    """Refuse to save a solution of which nobody can tell whether it is of the old requests or the new ones.

    Raises:
        LockError: A file that it is solved from was edited meanwhile.
    """
    names = sorted(name for name in recorded | present if recorded.get(name) != present.get(name))
    if names:
        raise _edited(unit, "\n".join(f"{name} changed" for name in names))


def _edited(unit: Unit, why: str) -> LockError:
    """Return the error for requests that were edited while they were solved."""
    return LockError(
        f"What {unit} is solved from was edited meanwhile; nothing is saved.",
        why=why,
        fix="run the same again",
    )


def _is_fresh(platform: Platform, mission: Mission | None, unit: Unit, store: LockStore) -> bool:
    """Whether the unit's lock was solved from the present requests."""
    found = {state.unit: state.status for state in states(platform, mission, store=store)}
    return found.get(unit) is Status.FRESH


def _below(platform: Platform, mission: Mission | None, unit: Unit) -> tuple[Unit, ...]:
    """Return the units whose locks this one is solved against, lowest first."""
    if unit.part in (ROOT, NPM, NOTEBOOKS):
        return ()
    if unit.part == OS:
        return (ROOT_UNIT,) if unit.scope == COMMON else (ROOT_UNIT, COMMON_OS)
    if _environment(platform, mission, unit).settings.solver == "uv":
        return (ROOT_UNIT,)
    own = (Unit(scope=mission.name, part=OS),) if mission is not None and mission.os_packages else ()
    return (ROOT_UNIT, COMMON_OS, *own)


def _old(store: LockStore, unit: Unit, *, say: Say) -> Lock | None:
    """Return the present lock; a damaged one counts as none."""
    try:
        return read_whole(store, unit)
    except PlatformError as error:
        say(f"the present lock is not used: {error.what}")
        return None


def _solve(job: _Job) -> Solution:
    """Hand the unit to its solver."""
    if job.unit.part == ROOT:
        from platform_images.solve.root import solve_root

        return solve_root(job.platform, old=job.old, say=job.say)
    if job.unit.part == NPM:
        from platform_images.solve.npm import solve_npm

        return solve_npm(
            job.platform,
            _named(job.mission, job.unit),
            old=job.old,
            upgrade=job.upgrade,
            upgrade_packages=job.upgrade_packages,
            say=job.say,
        )
    if job.unit.part == NOTEBOOKS:
        from platform_images.solve.notebooks import solve_notebooks

        return solve_notebooks(
            job.platform, _named(job.mission, job.unit), old=job.old, upgrade=job.upgrade, say=job.say
        )
    system = root(job.store.require(ROOT_UNIT))
    if job.unit.part == OS:
        from platform_images.solve.apt import solve_os

        return solve_os(
            job.platform,
            job.mission,
            root=system,
            below=_os_below(job.unit, job.store),
            old=job.old,
            upgrade=job.upgrade,
            upgrade_packages=job.upgrade_packages,
            say=job.say,
        )
    from platform_images.solve.environment import solve_environment
    from platform_images.solve.runner import ContainerRunner

    environment = _environment(job.platform, job.mission, job.unit)
    return solve_environment(
        job.platform,
        environment,
        glibc=system.glibc,
        old=job.old,
        upgrade=job.upgrade,
        upgrade_packages=job.upgrade_packages,
        say=job.say,
        runner=ContainerRunner(
            platform=job.platform, mission=job.mission, environment=environment, store=job.store, say=job.say
        ),
    )


def _os_below(unit: Unit, store: LockStore) -> tuple[OsPackages, ...]:
    """Return the OS packages between the root and this unit."""
    return () if unit == COMMON_OS else (os_packages(store.require(COMMON_OS)),)


def _environment(platform: Platform, mission: Mission | None, unit: Unit) -> Environment:
    """Return the environment of a unit."""
    return platform.base if unit.scope == COMMON else _named(mission, unit).kernel(unit.part)


def _named(mission: Mission | None, unit: Unit) -> Mission:
    """Return the unit's mission.

    Raises:
        UsageError: None was given.
    """
    if mission is None:
        raise UsageError(f"{unit} belongs to a mission, and none was given.", fix="invoke list")
    return mission
