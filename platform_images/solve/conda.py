"""The conda part of an environment, locked by conda-lock."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platform_images
from platform_images import temporary
from platform_images.errors import ToolError
from platform_images.files import json_text
from platform_images.locks.conda import distributions, parse_conda_lock
from platform_images.locks.values import CONDA_LOCK, CondaPackage, Lock
from platform_images.model.environment import Environment
from platform_images.model.platform import Platform
from platform_images.process import Completed, redacted, run
from platform_images.solve.conda_front import SETTINGS
from platform_images.solve.explanation import unreachable
from platform_images.solve.hostenv import host_environment
from platform_images.solve.solution import Say

TIMEOUT = 1800.0
_LINUX = "5.10"
_UNSOLVABLE = re.compile(
    r"Cannot solve the request|No candidates were found|[Uu]nsatisfiable|PackagesNotFound|ResolvePackageNotFound"
    r"|Could not solve for environment|nothing provides"
)
_NO_CHANNEL = re.compile(
    r"could not find subdir|HTTP status client error|\b40[0-9] Client Error|HTTP 404|UnavailableInvalidChannel"
)
_ARCHSPEC = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}


def solve_conda(
    platform: Platform,
    environment: Environment,
    *,
    glibc: str,
    old: Lock | None,
    upgrade: bool,
    upgrade_packages: tuple[str, ...],
    say: Say,
) -> tuple[str, dict[str, str]]:
    """Solve the conda part.

    Args:
        platform: The platform, with its channels.
        environment: What is asked for.
        glibc: Version of the root's C library, for packages that need one.
        old: The present lock; its packages are kept where they still satisfy.
        upgrade: Keep none of them.
        upgrade_packages: Keep all but these.
        say: Told what is under way.

    Returns:
        The text of ``conda-lock.yml`` and the versions of the solvers.

    Raises:
        ToolError: There is no solution, or a channel cannot be read; carries the solver's own explanation.
        UsageError: The chosen solver is not on this machine.
    """
    say(f"conda: {', '.join(environment.conda.dependencies)}")
    with temporary.folder(temporary.Role.SOLVE) as scratch:
        solver = _solver_path(platform)
        settings: dict[str, Any] = {
            "channels": {channel: platform.channel_base(channel) for channel in environment.conda.channels},
            "locked": [] if upgrade else _kept(old, freed=upgrade_packages),
            "error": str(scratch / "error.txt"),
            "solver": solver,
        }
        done = _run_conda_lock(platform, environment, scratch, settings=settings, glibc=glibc)
        if done.returncode:
            raise _failed(platform, environment, scratch, done)
        text = normalised((scratch / CONDA_LOCK).read_text(encoding="utf-8"))
    return text, _versions(platform, solver)


def _solver_path(platform: Platform) -> str | None:
    """Return the executable that solves; nothing for rattler."""
    from platform_images.solve.conda_external import executable

    chosen = platform.settings.conda.solver
    return None if chosen == "rattler" else executable(chosen)


def _versions(platform: Platform, solver: str | None) -> dict[str, str]:
    """Return what had a part in the solution."""
    result = {"conda-lock": version("conda-lock")}
    if solver is None:
        return {**result, "py-rattler": version("py-rattler")}
    said = run([solver, "--version"]).stdout.split()
    return {**result, platform.settings.conda.solver: said[-1] if said else "unknown"}


def _kept(old: Lock | None, *, freed: tuple[str, ...]) -> list[str]:
    """Return the packages of the present lock to keep."""
    if old is None or CONDA_LOCK not in old.files:
        return []
    packages = parse_conda_lock(old.files[CONDA_LOCK], unit=old.unit)
    return [package.url for package in packages if package.name not in freed]


def _run_conda_lock(
    platform: Platform, environment: Environment, scratch: Path, *, settings: Mapping[str, Any], glibc: str
) -> Completed:
    """Write conda-lock's inputs into the scratch folder and run it."""
    subdir = platform.subdir
    request = {
        "channels": list(environment.conda.channels),
        "dependencies": list(environment.conda.dependencies),
        "platforms": [subdir],
    }
    packages = {"__unix": "0", "__linux": _LINUX, "__archspec": f"1 {_ARCHSPEC[subdir]}", "__glibc": glibc}
    for file, content in {
        "environment.yml": request,
        "virtual-packages.yml": {"subdirs": {subdir: {"packages": packages}}},
        "pypi-names.json": {},
        "front.json": settings,
    }.items():
        (scratch / file).write_text(json_text(content), encoding="utf-8")  # JSON is YAML
    argv = [sys.executable, "-m", "conda_lock", "lock", "--conda", str(_launcher(scratch, platform)), "--micromamba"]
    argv += ["--file", "environment.yml", "--lockfile", CONDA_LOCK, "--platform", subdir, "--without-cuda"]
    argv += ["--virtual-package-spec", "virtual-packages.yml", "--pypi_to_conda_lookup_file", "pypi-names.json"]
    return run(argv, env=_child_environment(platform, scratch), cwd=scratch, ok=range(-64, 256), timeout=TIMEOUT)


def _launcher(scratch: Path, platform: Platform) -> Path:
    """Write the executable that conda-lock asks; it tells the kinds of conda apart by their file names."""
    chosen = platform.settings.conda.solver
    path = scratch / ("conda" if chosen == "rattler" else chosen)
    command = shlex.join([sys.executable, "-m", "platform_images.solve.conda_front"])
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def _child_environment(platform: Platform, scratch: Path) -> dict[str, str]:
    """Return the environment of conda-lock and of the executable that it starts."""
    package = Path(platform_images.__file__).resolve().parent.parent
    path = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
    host = {name: value for name, value in host_environment(platform).items() if name != "PYTHONWARNINGS"}
    return {**host, SETTINGS: str(scratch / "front.json"), "PYTHONPATH": os.pathsep.join(path)}


def _failed(platform: Platform, environment: Environment, scratch: Path, done: Completed) -> ToolError:
    """Return the error of a failed solve: the solver's own words where it said any."""
    error = scratch / "error.txt"
    said = error.read_text(encoding="utf-8").strip() if error.is_file() else ""
    why = said or "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-20:])
    what, fix = _cure(platform, environment, why)
    return ToolError(what, why=why, fix=fix, argv=done.argv, returncode=done.returncode)


def _cure(platform: Platform, environment: Environment, said: str) -> tuple[str, str]:
    """Return what happened and what to do: only what cannot be satisfied is cured by other requests."""
    place = f"{environment.scope}/{environment.name}"
    if unreachable(said):
        return (
            f"A conda channel did not answer while {place} was solved.",
            "see that this machine reaches the channels of platform.toml; invoke doctor shows proxy and certificates",
        )
    if _UNSOLVABLE.search(said):
        channels = ", ".join(environment.conda.channels)
        return (
            f"The conda part of {place} cannot be solved.",
            f"edit environment.yml of {place}, or add a channel to platform.toml; the present ones: {channels}",
        )
    if _NO_CHANNEL.search(said):
        named = ", ".join(
            f"{channel.name} ({channel.path or redacted(channel.url or '')})"
            for channel in platform.settings.channels
            if channel.name in environment.conda.channels
        )
        return (
            f"A conda channel is not where platform.toml says, so {place} was not solved.",
            f"correct 'path' or 'url' of that channel in platform.toml, which has: {named}",
        )
    return (
        f"The solver of the conda part of {place} could not do its work.",
        "see what it says above, and that there is room in the temporary folder (TMPDIR) and in the home, which has "
        "caches; invoke doctor shows proxy and certificates",
    )


def normalised(text: str) -> str:
    """Return a ``conda-lock.yml`` without advice on commands that do not apply here, its packages sorted by name."""
    import yaml

    data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    data["package"] = sorted(data["package"], key=lambda entry: (entry["platform"], entry["name"]))
    header = "# Solved by conda-lock; written by nox -s lock, never by hand.\n"
    return header + str(yaml.safe_dump(data, sort_keys=False, width=1000))


def provided_distributions(
    packages: Iterable[CondaPackage], pypi_names: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """Return name and version of each Python distribution of a conda part, sorted by name.

    Args:
        packages: The conda part.
        pypi_names: conda name to PyPI name, where the two differ.
    """
    return tuple((name, package.version) for name, package in distributions(packages, pypi_names).items())
