"""The record of what was put into a tree: one JSON file for each, below the home.

For each path: ``default``, the identity of what was put there or offered last; ``offered``, all that ever were;
``seen``, how the file looked then; ``beside``, name and identity of a new default that lies beside a user's own file.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STATE = ".local/state/platform-images"
VERSION = 1
_POLL_SECONDS = 0.05


class Record:
    """What was put into one tree, and from where."""

    def __init__(self, place: str, *, known: bool = False) -> None:
        """Begin an empty record.

        Args:
            place: Its file.
            known: Whether there was one before.
        """
        self.place, self.known = place, known
        self.source: dict[str, object] = {}
        self.entries: dict[str, dict[str, object]] = {}
        self._saved = ""

    def save(self) -> None:
        """Write the record where it has changed, in one step.

        Raises:
            OSError: It cannot be written.
        """
        document = {"version": VERSION, "source": self.source, "entries": self.entries}
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        if text != self._saved:
            write(self.place, text)
            self._saved = text


def state_place(home: str, name: str) -> str:
    """Return the place of a file of ours in a home."""
    return os.path.join(home, STATE, name)


def load(place: str) -> Record:
    """Return a record; an empty one where there is none or it cannot be read as one."""
    record = Record(place)
    try:
        with open(place, encoding="utf-8") as stream:
            text = stream.read()
        document = json.loads(text)
        entries, source = document["entries"], document["source"]
        good = document["version"] == VERSION and all(isinstance(entry["default"], str) for entry in entries.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return record
    if good and isinstance(source, dict):
        record.entries, record.source, record.known, record._saved = entries, source, True, text
    return record


def write(place: str, text: str) -> None:
    """Write a small file, in one step.

    Raises:
        OSError: It cannot be written; what was there is there still.
    """
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    temporary = f"{place}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(temporary, place)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise


@contextmanager
def locked(place: str, *, seconds: float) -> "Iterator[bool]":
    """Be the only one at something; gives False where another is still at it after some time.

    Where a home cannot be locked at all, no one is kept from anything: every file is put in its place in one step.
    """
    try:
        os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield True
        return
    try:
        yield _taken(handle, seconds)
    finally:
        os.close(handle)


def _taken(handle: int, seconds: float) -> bool:
    """Whether the lock could be had in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_SECONDS)
        except OSError:
            return True
        else:
            return True
