"""What the nox sessions do: the list of units, the words after ``--``, and one solve with its progress."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from platform_images import console, process
from platform_images.errors import PlatformError, UsageError
from platform_images.files import refused
from platform_images.hub import requests as hub
from platform_images.locks.conda import conda_packages
from platform_images.locks.content import read_whole
from platform_images.locks.freshness import check, unasked
from platform_images.locks.store import LockStore, mission_units, requirements, units
from platform_images.locks.values import COMMON, CONDA_LOCK, REQUIREMENTS, Unit
from platform_images.model import load_mission, load_missions, load_platform
from platform_images.model.spelling import nearest
from platform_images.solve.pip import pinned_names
from platform_images.usage import Kind, using

_TALKATIVE = ("asyncio", "docker", "urllib3")
USAGE = """usage: nox -s lock -- [--upgrade | --upgrade-package NAME [--upgrade-package NAME ...]]
       nox -s "lock(tike, tess)" -- --upgrade-package astropy"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions:
    """The words after ``--``."""

    upgrade: bool = False
    upgrade_packages: tuple[str, ...] = ()


class _Parser(argparse.ArgumentParser):
    """A parser whose mistakes are usage errors and not an exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"nox -s lock: {message}.", fix=USAGE)


def lock_options(words: Sequence[str]) -> LockOptions:
    """Return the words after ``--`` as options.

    Raises:
        UsageError: A word is not known, or both kinds of upgrade are asked for.
    """
    parser = _Parser(prog="nox -s lock --", add_help=False, allow_abbrev=False)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--upgrade", action="store_true")
    either.add_argument("--upgrade-package", action="append", default=[], metavar="NAME")
    parsed = parser.parse_args(list(words))
    return LockOptions(upgrade=parsed.upgrade, upgrade_packages=tuple(parsed.upgrade_package))


def all_units(folder: Path) -> tuple[Unit, ...]:
    """Return every unit of the project: the common ones, then each mission's.

    Raises:
        UsageError: A file of the platform or of a mission has a mistake.
    """
    platform = load_platform(folder)
    missions = load_missions(platform)
    return (*units(platform, None), *(unit for mission in missions for unit in mission_units(mission)))


def solve(folder: Path, unit: Unit, words: Sequence[str]) -> None:
    """Solve and save one unit, with progress.

    Raises:
        PlatformError: There is no solution, an option is wrong, or an index did not answer.
    """
    from platform_images.solve.lock import lock_unit
    from platform_images.solve.progress import progress

    options = lock_options(words)
    platform = load_platform(folder)
    store = hub.store() if unit == hub.UNIT else LockStore(platform.locks)
    names = _relevant(store, unit, options.upgrade_packages)
    if options.upgrade_packages and not names:
        console.say(f"  {unit} has none of {', '.join(options.upgrade_packages)}; it stays as it is")
        return
    with using(Kind.IMAGES, Kind.ROOTS, Kind.TOOLS), progress(f"lock {unit}") as say:
        if unit == hub.UNIT:
            from platform_images.hub.locking import lock_hub

            changed = lock_hub(platform, say=say, upgrade=options.upgrade, upgrade_packages=names)
        else:
            mission = None if unit.scope == COMMON else load_mission(platform, unit.scope)
            changed = lock_unit(
                platform, mission, unit, store=store, say=say, upgrade=options.upgrade, upgrade_packages=names
            )
    console.say(f"  locks/{unit}: {'written' if changed else 'unchanged'}")


def check_all(folder: Path) -> None:
    """Say whether every lock of the project is fresh, and which ones nothing asks for; needs no network.

    Raises:
        LockError: At least one is not; lists each with its reasons and the cure.
    """
    platform = load_platform(folder)
    missions = load_missions(platform)
    for unit in unasked(platform, missions):
        console.say(f"locks/{unit}: nothing asks for it any more; git rm -r locks/{unit}", style="yellow")
    check(platform, *missions)
    console.say(f"{len(all_units(folder))} locks are fresh", style="green")
    hub.fresh_lock()
    console.say(f"{hub.UNIT} is fresh", style="green")


def printed(session_error: Callable[[str], NoReturn], body: Callable[[], None]) -> None:
    """Run a session's body; a failure that a user can act on is printed and fails the session without a traceback."""
    process.interrupt_when_told_to_end()
    for library in _TALKATIVE:  # nox shows everything that any library logs
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        body()
    except PlatformError as error:
        console.show_error(error)
        session_error(error.what.rstrip("."))
    except OSError as error:
        if error.filename is None:
            raise
        console.show_error(refused(error))
        session_error(refused(error).what.rstrip("."))


def _relevant(store: LockStore, unit: Unit, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that this unit's lock has.

    Raises:
        UsageError: No lock of the project has one of the names.
    """
    from packaging.utils import canonicalize_name

    if not names:
        return ()
    here = _package_names(store, unit)
    everywhere = here | {name for other in store.units() for name in _package_names(store, other)}
    for name in names:
        if canonicalize_name(name) not in everywhere:
            raise UsageError(
                f"No lock has a package {name!r}{nearest(name, sorted(everywhere))}.",
                fix="a new package is asked for in requirements.in, environment.yml, apt.txt or npm.txt",
            )
    return tuple(name for name in names if canonicalize_name(name) in here)


def _package_names(store: LockStore, unit: Unit) -> set[str]:
    """Return the normalised names of a lock's packages."""
    import json

    from packaging.utils import canonicalize_name

    lock = read_whole(store, unit)
    if lock is None:
        return set()
    names = list(pinned_names(requirements(lock))) if REQUIREMENTS in lock.files else []
    names += [package.name for package in conda_packages(lock)] if CONDA_LOCK in lock.files else []
    for file in ("packages.json", "package.json"):
        data = json.loads(lock.files.get(file, "{}"))
        names += [package["name"] for package in data.get("packages", ())]
        names += data.get("dependencies", {})
    return {canonicalize_name(name) for name in names}
