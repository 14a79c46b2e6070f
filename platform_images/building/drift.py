"""What is in an image and is not what its locks say: read from the image, shown to a person."""

from __future__ import annotations

from collections.abc import Sequence

from platform_images import console
from platform_images.compose.values import Drift
from platform_images.engine.client import container, fetched
from platform_images.engine.root import RootImage
from platform_images.locks.store import ROOT_UNIT
from platform_images.locks.values import OS, MissionLocks, Unit

FOLDER = "/opt/environments/record/drift"
NOTHING = "-"


def root_drift(image: RootImage) -> tuple[Drift, ...]:
    """Return how the root differs from the locked one."""
    return tuple(
        Drift(unit=ROOT_UNIT, name=each.name, locked=each.locked or NOTHING, installed=each.found or NOTHING)
        for each in image.drift
    )


def recorded_drift(image: str, locks: MissionLocks) -> tuple[Drift, ...]:
    """Return what the steps that installed OS packages recorded in the image.

    Raises:
        PrerequisiteError: No engine answers.
    """
    found: list[Drift] = []
    with container(image, ["true"], role="record") as made:
        for unit in (lock.unit for lock in locks.locks if lock.unit.part == OS):
            data = fetched(made, f"{FOLDER}/{unit.scope}-{unit.part}.txt")
            found.extend(parse_drift((data or b"").decode("utf-8"), unit))
    return tuple(found)


def parse_drift(text: str, unit: Unit) -> tuple[Drift, ...]:
    """Return the lines ``name locked installed`` of a record."""
    rows = [line.split() for line in text.splitlines()]
    return tuple(Drift(unit=unit, name=row[0], locked=row[1], installed=row[2]) for row in rows if len(row) == 3)


def show_drift(drift: Sequence[Drift]) -> None:
    """Print every difference as a table on standard error; nothing where there is none."""
    if not drift:
        return
    from rich.table import Table

    table = Table(title="Not as locked", title_justify="left")
    for heading in ("Unit", "Package", "Locked", "Installed"):
        table.add_column(heading, overflow="fold")
    for each in drift:
        table.add_row(str(each.unit), each.name, each.locked, each.installed)
    console.stderr().print(table)
    console.say("The image's label platform-images.drift names the same; nox -s lock takes what there is now.")
