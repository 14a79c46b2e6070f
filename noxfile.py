"""Solving and checking: `nox --list` shows the sessions. All run in the project's own environment."""

from __future__ import annotations

import sys
from pathlib import Path

import nox

PROJECT = Path(__file__).resolve().parent
sys.path.insert(0, str(PROJECT))

from platform_images import console  # noqa: E402
from platform_images.errors import PlatformError  # noqa: E402
from platform_images.hub.requests import UNIT as HUB  # noqa: E402
from platform_images.locks.values import COMMON, Unit  # noqa: E402
from platform_images.solve import session as room  # noqa: E402

nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "lint"]
nox.needs_version = ">=2024.4"

try:
    UNITS = room.all_units(PROJECT)
except PlatformError as error:
    console.show_error(error)
    sys.exit(int(error.exit_code))
MISSIONS = sorted({unit.scope for unit in UNITS} - {COMMON})


@nox.session(python=False)
@nox.parametrize("unit", [nox.param(unit, id=f"{unit.scope}, {unit.part}") for unit in (*UNITS, HUB)])
def lock(session: nox.Session, unit: Unit) -> None:
    """Solve one unit and save the solution; -- --upgrade, -- --upgrade-package NAME."""
    room.printed(session.error, lambda: room.solve(PROJECT, unit, session.posargs))


@nox.session(python=False)
def lock_check(session: nox.Session) -> None:
    """Fail where a lock is stale, missing or damaged; needs no network."""
    room.printed(session.error, lambda: room.check_all(PROJECT))


@nox.session(python=False)
@nox.parametrize("mission", [nox.param(name, id=name) for name in MISSIONS])
def images(session: nox.Session, mission: str) -> None:
    """Build one mission's image and test it."""
    for verb in ("build", "test"):
        session.run(sys.executable, "-m", "invoke", verb, "--mission", mission, external=True)


@nox.session(python=False, default=False)
@nox.parametrize("mission", [nox.param(name, id=name) for name in MISSIONS])
def exact(session: nox.Session, mission: str) -> None:
    """Build one mission's image here and on a second, empty engine, and fail where the two differ; needs root."""
    from platform_images.verify import exact as verifying

    room.printed(session.error, lambda: verifying.run(PROJECT, mission))


@nox.session(python=False, default=False)
def bench(session: nox.Session) -> None:
    """Measure this project against what people would use; -- --list, --case NAME, --mission M, --small, --runs N."""
    from platform_images.bench import session as measuring

    room.printed(session.error, lambda: measuring.run(PROJECT, session.posargs))


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """Run the tests, those of another engine beside the rest; words after -- go to pytest in their place."""
    words = session.posargs or ["--numprocesses", "2", "--dist", "loadgroup"]
    session.run(sys.executable, "-m", "pytest", *words, external=True)


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Check style, types, and workflows by their schema."""
    session.run(sys.executable, "-m", "ruff", "check", external=True)
    session.run(sys.executable, "-m", "ruff", "format", "--check", external=True)
    session.run(sys.executable, "-m", "mypy", external=True)
    workflows = sorted(str(path) for path in (PROJECT / ".github" / "workflows").glob("*.yml"))
    words = ("check_jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    session.run(sys.executable, "-m", *words, external=True)
