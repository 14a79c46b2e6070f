"""What link-data does: link_data.py ENVIRONMENTS HOME_FOLDER."""
# ruff: noqa: PTH100, PTH110, PTH120, T201 - a program inside the image

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from homefiles import settings
from homefiles.log import warn
from homefiles.merge import merge
from homefiles.record import load, locked, state_place
from homefiles.trees import LINK, Item, Tree

LOCK_SECONDS = 20.0


def main(environments: str, home: str) -> int:
    """Make the links of the data that is there."""
    try:
        rows = [row for row in settings.read(environments)["data"] if row.get("link")]
        links = {str(row["link"]): Item(f"{LINK}{row['path']}") for row in rows if os.path.exists(str(row["path"]))}
        with locked(state_place(home, "data.lock"), seconds=LOCK_SECONDS):
            record = load(state_place(home, "data.json"))
            if not links and not record.entries:
                return 0
            outcome = merge(links, Tree(home), record, name_beside=None, remove_gone=True, keep_strangers=True)
            record.save()
    except (KeyError, OSError, ValueError) as error:
        warn(f"reference data: {home} did not get its links: {error}")
        return 1
    for path, error in outcome.failed.items():
        warn(f"reference data: the link {path} is not as it should be: {error.strerror}")
    for path in outcome.put:
        print(f"{path} is {links[path].identity.removeprefix(LINK)}", flush=True)
    return 0 if outcome.complete else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
