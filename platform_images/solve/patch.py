"""Solving a patch of an environment's pip part: some packages move, everything else is held, hashes included."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from platform_images.errors import UsageError
from platform_images.locks.pip import pins
from platform_images.locks.store import ROOT_UNIT, LockStore, requirements, root
from platform_images.locks.values import BUILD_REQUIREMENTS, CONDA_LOCK, REQUIREMENTS, Lock
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.solve.environment import conda_part
from platform_images.solve.pip import solve_pip
from platform_images.solve.runner import ContainerRunner
from platform_images.solve.solution import Say, Solution


def parse_request(text: str) -> Requirement:
    """Return a request of a patch: a package's name, perhaps with the versions that are meant.

    Raises:
        UsageError: It is something else.
    """
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise _refused(text, str(error).splitlines()[0]) from error
    if found.url or found.marker or found.extras:
        raise _refused(text, "an address, an extra or a marker has no place there")
    return found


def patch_environment(
    platform: Platform,
    mission: Mission | None,
    environment: Environment,
    asked: tuple[str, ...],
    *,
    old: Lock,
    store: LockStore,
    say: Say,
) -> Solution:
    """Solve an environment's pip part anew for some packages, all others held where that is possible.

    Args:
        platform: The platform.
        mission: The environment's mission; none for the base.
        environment: The environment, whose conda part stays as it is.
        asked: The requests, ``NAME`` or ``NAME>=VERSION``; its lock has each of these packages.
        old: The present lock.
        store: The locks that it builds on.
        say: Told what is under way.

    Raises:
        ToolError: There is no solution, or the index did not answer; carries the solver's own explanation.
    """
    conda = conda_part(platform, environment, old.files[CONDA_LOCK])
    files, solvers = solve_pip(
        platform,
        environment,
        conda=conda,
        glibc=root(store.require(ROOT_UNIT)).glibc,
        old=old,
        upgrade=False,
        upgrade_packages=asked,
        say=say,
        runner=ContainerRunner(platform=platform, mission=mission, environment=environment, store=store, say=say),
    )
    kept = {name: old.files[name] for name in (CONDA_LOCK, BUILD_REQUIREMENTS) if name in old.files}
    text = held(files[REQUIREMENTS], requirements(old))
    return Solution(files={**files, **kept, REQUIREMENTS: text}, solvers={**old.header.solvers, **solvers})


def held(new: str, old: str) -> str:
    """Return a solved text in which packages that have kept their version have kept their hashes as well.

    An index may have more files of a release than it had, such as a wheel for another Python.
    """
    before = {canonicalize_name(pin.name): pin for pin in pins(old)}
    for pin in pins(new):
        one = before.get(canonicalize_name(pin.name))
        if one is not None and one.version == pin.version and one.hashes != pin.hashes:
            new = new.replace(pin.text, one.text)
    return new


def _refused(text: str, why: str) -> UsageError:
    return UsageError(
        f"--package {text!r} is not a package of Python with its versions.",
        why=why,
        fix="give NAME, or NAME with versions in quotes, such as 'requests>=2.33'",
    )
