"""What sync-notebooks does: sync_notebooks.py ENVIRONMENTS HOME_FOLDER."""
# ruff: noqa: PTH100, PTH120, T201 - a program inside the image

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from homefiles import settings
from homefiles.log import warn
from homefiles.notebooks import NotebooksError, Request, update
from homefiles.record import locked, state_place

LOCK_SECONDS = 60.0


def main(environments: str, home: str) -> int:
    """Bring each folder up to date; one that fails keeps no other from it."""
    code = 0
    try:
        requests = [Request(values) for values in settings.read(environments)["notebooks"]]
    except (KeyError, ValueError) as error:
        warn(f"notebooks: {environments}/etc/post-start.json is not what a build writes: {error}")
        return 1
    with locked(state_place(home, "notebooks.lock"), seconds=LOCK_SECONDS) as alone:
        if not alone:
            warn(f"notebooks: another server of yours is still updating them in {home}; sync-notebooks tries again")
            return 1
        for request in requests:
            try:
                print("\n  ".join(update(home, request)), flush=True)
            except NotebooksError as error:
                code = 1
                warn(f"notebooks: {error}")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
