"""Solving an environment: the conda part first, then the pip part constrained by it."""

from __future__ import annotations

from platform_images.locks.conda import parse_conda_lock
from platform_images.locks.values import CONDA_LOCK, Lock, Unit
from platform_images.model.environment import Environment
from platform_images.model.platform import Platform
from platform_images.solve.conda import provided_distributions, solve_conda
from platform_images.solve.pip import CondaPart, solve_pip
from platform_images.solve.runner import EnvironmentRunner
from platform_images.solve.solution import Say, Solution


def solve_environment(
    platform: Platform,
    environment: Environment,
    *,
    glibc: str,
    old: Lock | None,
    upgrade: bool,
    upgrade_packages: tuple[str, ...],
    say: Say,
    runner: EnvironmentRunner,
) -> Solution:
    """Solve the base environment or a kernel.

    Args:
        platform: The platform.
        environment: What is asked for.
        glibc: Version of the root's C library.
        old: The present lock; its versions are kept where they still satisfy.
        upgrade: Keep none of them.
        upgrade_packages: Keep all but these, conda or pip packages.
        say: Told what is under way.
        runner: Runs a command in the environment itself, for pip-tools.

    Raises:
        ToolError: There is no solution, or an index did not answer; carries the solver's own explanation.
        UsageError: A request file has a mistake.
    """
    conda_text, conda_versions = solve_conda(
        platform,
        environment,
        glibc=glibc,
        old=old,
        upgrade=upgrade,
        upgrade_packages=upgrade_packages,
        say=say,
    )
    files, pip_versions = solve_pip(
        platform,
        environment,
        conda=conda_part(platform, environment, conda_text),
        glibc=glibc,
        old=old,
        upgrade=upgrade,
        upgrade_packages=upgrade_packages,
        say=say,
        runner=runner,
    )
    return Solution(files={CONDA_LOCK: conda_text, **files}, solvers={**conda_versions, **pip_versions})


def conda_part(platform: Platform, environment: Environment, text: str) -> CondaPart:
    """Return what the pip part needs to know of the conda part."""
    packages = parse_conda_lock(text, unit=Unit(scope=environment.scope, part=environment.name))
    return CondaPart(
        python=next(package.version for package in packages if package.name == "python"),
        provided=provided_distributions(packages, platform.settings.conda.pypi_names),
        text=text,
    )
