"""Solving what the hub runs: uv for its Python packages, npm for its proxy; for any machine, not only the image's."""

from __future__ import annotations

from importlib.metadata import version

from platform_images import process, temporary
from platform_images.errors import LockError, ToolError
from platform_images.files import write_text
from platform_images.hub.requests import NPM_TXT, PROJECT, REQUIREMENTS_IN, UNIT, fresh_lock, inputs, store
from platform_images.locks.content import read_whole
from platform_images.locks.values import REQUIREMENTS, Lock
from platform_images.model.platform import Platform
from platform_images.solve import uv
from platform_images.solve.hostenv import host_environment
from platform_images.solve.npm import solve_requests
from platform_images.solve.solution import Say

PYTHON = "3.11"


def lock_hub(platform: Platform, *, say: Say, upgrade: bool = False, upgrade_packages: tuple[str, ...] = ()) -> bool:
    """Solve what the hub runs and save it; a lock that is fresh stays, unless something is to be upgraded.

    Args:
        platform: The platform, for this machine's certificates.
        say: Told what is under way.
        upgrade: Take the newest versions of everything.
        upgrade_packages: Take the newest versions of these.

    Returns:
        Whether the lock changed.

    Raises:
        UsageError: npm.txt has a mistake, or asks for what the registry does not have.
        ToolError: There is no solution, or an index did not answer; the old lock is untouched.
    """
    if not (upgrade or upgrade_packages) and _is_fresh():
        say("fresh, nothing to do")
        return False
    old = None if upgrade else _old(say)
    say(f"uv solves {REQUIREMENTS_IN.as_posix()} for Python {PYTHON} and later")
    text = _requirements(platform, old, upgrade_packages)
    listed = (PROJECT / NPM_TXT).read_text(encoding="utf-8").split()
    npm = solve_requests(
        platform, "hub", listed, file=NPM_TXT.as_posix(), old=old, upgrade_packages=upgrade_packages, say=say
    )
    return store().write(
        UNIT,
        files={REQUIREMENTS: text, **npm.files},
        inputs=inputs(),
        solvers={"uv": version("uv"), **npm.solvers},
    )


def _is_fresh() -> bool:
    """Whether the lock was solved from the present requests."""
    try:
        fresh_lock()
    except LockError:
        return False
    return True


def _old(say: Say) -> Lock | None:
    """Return the present lock; a damaged one counts as none."""
    try:
        return read_whole(store(), UNIT)
    except LockError as error:
        say(f"the present lock is not used: {error.what}")
        return None


def _requirements(platform: Platform, old: Lock | None, upgrade_packages: tuple[str, ...]) -> str:
    """Return the Python packages with their hashes; the pins of the old lock are kept where they still fit."""
    with temporary.folder(temporary.Role.SOLVE) as folder:
        write_text(folder / REQUIREMENTS_IN.name, (PROJECT / REQUIREMENTS_IN).read_text(encoding="utf-8"))
        if old is not None:
            write_text(folder / REQUIREMENTS, old.files[REQUIREMENTS])
        argv = [uv.executable(), "pip", "compile", "--universal", "--python-version", PYTHON, "--generate-hashes"]
        argv += ["--only-binary", ":all:", "--no-header", "--no-annotate", "--color", "never", "--no-progress"]
        argv += [word for package in upgrade_packages for word in ("--upgrade-package", package)]
        argv += ["--quiet", "--output-file", REQUIREMENTS, REQUIREMENTS_IN.name]
        try:
            process.run(argv, env=uv.uv_environment(host_environment(platform)), cwd=folder, timeout=uv.TIMEOUT)
        except ToolError as error:
            raise ToolError(
                "The hub's Python packages could not be solved.",
                why=error.why,
                fix=f"correct {REQUIREMENTS_IN.as_posix()}, or see with invoke doctor --network that the index answers",
            ) from error
        return (folder / REQUIREMENTS).read_text(encoding="utf-8")
