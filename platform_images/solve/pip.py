"""The pip part of an environment: every package with its hashes, and the build backends of those without a wheel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version

from platform_images import temporary
from platform_images.errors import ToolError
from platform_images.files import write_text
from platform_images.locks.pip import in_pip_s_order
from platform_images.locks.values import BUILD_REQUIREMENTS, REQUIREMENTS, Lock, Unit
from platform_images.model.environment import Environment
from platform_images.model.platform import Platform
from platform_images.solve import piptools, uv
from platform_images.solve.conflict import narrowed
from platform_images.solve.explanation import asked_by_requests, asked_by_sdists, conflicting, explain
from platform_images.solve.piplayout import PipLayout, lay_out
from platform_images.solve.runner import EnvironmentRunner
from platform_images.solve.solution import Say

_PINNED = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*==", re.MULTILINE)
_BUILD_REQUESTS = "build-requests.in"


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaPart:
    """What the pip part stands on.

    Attributes:
        python: Full version of the environment's Python.
        provided: Name and version of each Python distribution that it has.
        text: All of it, as ``conda-lock.yml``.
    """

    python: str
    provided: tuple[tuple[str, str], ...]
    text: str


def solve_pip(
    platform: Platform,
    environment: Environment,
    *,
    conda: CondaPart,
    glibc: str,
    old: Lock | None,
    upgrade: bool,
    upgrade_packages: tuple[str, ...],
    say: Say,
    runner: EnvironmentRunner,
) -> tuple[dict[str, str], dict[str, str]]:
    """Solve the pip part.

    Args:
        platform: The platform.
        environment: What is asked for.
        conda: The conda part, whose distributions are constraints and not part of the result.
        glibc: Version of the root's C library.
        old: The present lock; its pins are kept where they still satisfy.
        upgrade: Keep none of them.
        upgrade_packages: Keep all but these.
        say: Told what is under way.
        runner: Runs a command in the environment itself, for pip-tools.

    Returns:
        Files of the lock, and the versions of the solvers.

    Raises:
        ToolError: There is no solution, or the index did not answer; carries the solver's own explanation.
        PrerequisiteError: pip-tools is asked for, and no engine answers.
    """
    solver = environment.settings.solver
    say(f"pip: {solver} for Python {conda.python}")
    with temporary.folder(temporary.Role.SOLVE) as folder:
        layout = lay_out(platform, environment, folder, python=conda.python, glibc=glibc, provided=conda.provided)
        if old is not None and not upgrade:
            _put_old_pins(layout, old)
        _solve_build_backends(platform, environment, layout, upgrade_packages=upgrade_packages)
        if solver == "uv":
            done = uv.compile_requirements(layout, upgrade_packages=upgrade_packages)
        else:
            done = piptools.compile_requirements(
                layout,
                upgrade_packages=upgrade_packages,
                conda_lock=conda.text,
                runner=runner,
            )
        if done.returncode:
            asked = asked_by_requests(platform, environment)
            error = explain(asked, done)
            if conflicting(asked, done):
                error = narrowed(error, platform.folder, environment, layout, say=say)
            raise error
        files = _results(environment, layout)
    return files, _versions(solver, uses_uv=bool(layout.sdists))


def _versions(solver: str, *, uses_uv: bool) -> dict[str, str]:
    """Return the programs that had a part in it."""
    names = {solver} | ({"uv"} if uses_uv else set())
    return {name: version(name) for name in sorted(names)}


def _put_old_pins(layout: PipLayout, old: Lock) -> None:
    """Put the present pins where a solver looks for them."""
    for name in (REQUIREMENTS, BUILD_REQUIREMENTS):
        if name in old.files:
            write_text(layout.folder / name, old.files[name])


def _solve_build_backends(
    platform: Platform, environment: Environment, layout: PipLayout, *, upgrade_packages: tuple[str, ...]
) -> None:
    """Solve what building the sdists needs, where there are any."""
    if not layout.sdists:
        (layout.folder / BUILD_REQUIREMENTS).unlink(missing_ok=True)
        return
    wanted = sorted({line for sdist in environment.settings.sdist.values() for line in sdist.build_requires})
    write_text(layout.folder / _BUILD_REQUESTS, "".join(f"{line}\n" for line in wanted))
    solves = [uv.compile_build_requirements(layout, _BUILD_REQUESTS, upgrade_packages=upgrade_packages)]
    if environment.settings.solver == "uv":
        solves.append(uv.compile_build_requirements_here(layout, _BUILD_REQUESTS))
    for done in solves:
        if done.returncode:
            raise explain(asked_by_sdists(platform, environment), done)


def _results(environment: Environment, layout: PipLayout) -> dict[str, str]:
    """Return the files of the lock with a header that holds nothing of this machine."""
    session = Unit(scope=environment.scope, part=environment.name).session
    names = [REQUIREMENTS, *([BUILD_REQUIREMENTS] if layout.sdists else [])]
    header = f"# Written by the command below, never by hand.\n# {session}\n"
    texts = {name: (layout.folder / name).read_text(encoding="utf-8") for name in names}
    for text in texts.values():
        _refuse_unhashed(text, label=layout.label)
    return {name: header + in_pip_s_order(text) for name, text in texts.items()}


def _refuse_unhashed(text: str, *, label: str) -> None:
    """Refuse a solution that holds something without a hash: no build could install it.

    Raises:
        ToolError: A package, or one that it requires, is not a release of an index.
    """
    blocks = re.split(r"\n(?=[^\s#])", text)
    bare = [block.split()[0] for block in blocks if block[:1].isalnum() and "--hash=sha256:" not in block]
    if bare:
        raise ToolError(
            f"The pip part of {label} cannot be locked: {bare[0]} is not a release of the package index.",
            why="\n".join(bare),
            fix="ask for a release that requires only releases; its metadata names an address",
        )


def pinned_names(text: str) -> tuple[str, ...]:
    """Return the names that a solved requirements file pins, in its order."""
    return tuple(line.split("==")[0] for line in _PINNED.findall(text))
