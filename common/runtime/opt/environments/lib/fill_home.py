"""What fill-home does where there may be something to do: fill_home.py DEFAULTS STAMP HOME_FOLDER [UID:GID]."""
# ruff: noqa: PTH100, PTH112, PTH118, PTH120, PTH123 - it runs at the start of a container, and pathlib is slow to import

import errno
import json
import os
import sys
from contextlib import suppress

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from homefiles import account
from homefiles.log import info, warn
from homefiles.merge import FULL, Outcome, merge
from homefiles.record import load, locked, state_place, write
from homefiles.trees import Tree, items

LOCK_SECONDS = 20.0
_SHOWN = 5
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


def main(defaults: str, stamp: str, home: str, owner: str = "") -> int:
    """Fill the home; what goes wrong is said and never raised."""
    try:
        if os.path.realpath(home) == "/":
            warn(f"fill-home: {home} is no home folder: nothing was put into it")
            return 0
        if owner:
            account.become(*account.parse(owner), home=home)
        fill(defaults, stamp, home)
    except (OSError, ValueError) as error:
        warn(f"fill-home: {home} did not get its default contents: {error}")
    return 0


def fill(defaults: str, stamp: str, home: str) -> None:
    """Bring a home up to date.

    Raises:
        OSError: The defaults cannot be read.
    """
    if not os.path.isdir(defaults):
        return
    if not os.path.isdir(home):
        warn(f"fill-home: there is no folder {home}: nothing was put into it")
        return
    with locked(state_place(home, "home.lock"), seconds=LOCK_SECONDS) as alone:
        if not alone:
            warn(f"fill-home: another start is still filling {home}: what it leaves open is done at the next start")
            return
        record = load(state_place(home, "home.json"))
        record.source = {"image": image(defaults)}
        outcome = merge(
            items(defaults),
            Tree(home),
            record,
            name_beside=lambda path: f"{path}.new",
            remove_gone=False,
            keep_strangers=not record.known,
        )
        if outcome.beside:
            info(f"fill-home: new defaults lie beside your own files in {home}: {listed(outcome.beside)}")
        complain(home, outcome)
        try:
            record.save()
            if outcome.complete:
                write(state_place(home, "home.stamp"), f"{stamp}\n")
        except OSError as error:
            # Nothing is amiss where all is there and the home is not to be written to.
            if outcome.put or (error.errno not in _READ_ONLY and outcome.stopped is None):
                warn(f"fill-home: {home} cannot keep the record of what was put into it: {error.strerror}")


def image(defaults: str) -> str:
    """Return the image's own name, for the record; empty where it has none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        place = os.path.join(os.path.dirname(defaults), "environments", "record", "image.json")
        with open(place, encoding="utf-8") as stream:
            content = json.load(stream)
        return f"{content['mission']}:{content['version']} {content['lock_digest']}"
    return ""


def complain(home: str, outcome: Outcome) -> None:
    """Say in one line what could not be put, and what to do."""
    if outcome.complete:
        return
    paths = list(outcome.failed)
    error = outcome.stopped or outcome.failed[paths[0]]
    cure = {
        **dict.fromkeys(FULL, "free some space in it and start again"),
        errno.EROFS: "mount it so that it can be written to",
    }.get(error.errno or 0, "see who owns what lies there")
    missing = "and what comes after it" if outcome.stopped else f"({len(paths)} in all)" if len(paths) > 1 else ""
    warn(f"fill-home: {home}: {error.strerror}: default contents are missing: {listed(paths)} {missing}; {cure}")


def listed(paths: "list[str]") -> str:
    """Return some of the paths."""
    return ", ".join(paths[:_SHOWN]) + (" ..." if len(paths) > _SHOWN else "")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
