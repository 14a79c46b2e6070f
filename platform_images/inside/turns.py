"""Which of the steps that run at the same time may work: as many as there are processors, those of lower rank first.

An engine begins all steps that can run. Where they are many more than processors, all end late; where the lower layers
end first, the engine stacks them while the others are still made.

A step that waits or works has a file in a folder that all share, and holds a lock on it, which ends with the process.
Names say who is before whom: ``0-...`` works, ``1-<rank>-...`` waits.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_SECONDS = 0.1
"""How often one that waits looks, for each that is before it: a step that lays out a layer takes longer."""


@contextmanager
def turn(folder: Path, rank: str, *, most: int | None = None) -> Iterator[None]:
    """Wait for a turn, and give it back afterwards.

    Args:
        folder: Shared by all whose turns these are; it is made.
        rank: Lower ones, as text, are before others that wait.
        most: How many may work at a time; the number of processors without it.
    """
    folder.mkdir(exist_ok=True)
    number, made = tempfile.mkstemp(prefix=".", dir=folder)
    ticket = Path(made)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)  # before it has a name that others look at
        ticket = ticket.rename(folder / f"1-{rank}-{ticket.name}")
        most = most or len(os.sched_getaffinity(0))
        while (before := sum(name < ticket.name for name in held(folder))) >= most:
            time.sleep(LOOK_SECONDS * (before - most + 1))
        ticket = ticket.rename(folder / f"0-{ticket.name}")
        yield
    finally:
        ticket.unlink(missing_ok=True)
        os.close(number)


def held(folder: Path) -> list[str]:
    """Return the names of those that wait or work, and remove what one that was killed has left."""
    return [path.name for path in folder.glob("[01]-*") if _held(path)]


def _held(path: Path) -> bool:
    """Whether somebody holds the lock on a file."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            path.unlink()
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
