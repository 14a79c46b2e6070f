"""Which process something belongs to, in one line, and whether that process still runs."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

LABEL = "platform-images.owner"
_PROC = Path("/proc")
_BOOT = _PROC / "sys" / "kernel" / "random" / "boot_id"
_SPACE = _PROC / "self" / "ns" / "pid"
_AFTER_NAME = 19  # place of the time at which a process was started, counted from its state


class State(StrEnum):
    """What is known of an owner."""

    RUNS = "runs"
    GONE = "gone"
    UNKNOWN = "unknown"


def this_process() -> str:
    """Return what tells this process from every other one, on this machine and elsewhere.

    Its id, when it was started, and where ids mean that: the machine's boot and the space of process ids. Of a system
    without ``/proc``, only the id.
    """
    return " ".join((str(os.getpid()), started(os.getpid()) or "-", *_here()))


def state(owner: str) -> State:
    """Return whether an owner still runs; unknown where it is none of this machine, or that was not written down."""
    pid, _, rest = owner.partition(" ")
    begun, _, place = rest.partition(" ")
    here = _here()
    if not pid.isdigit() or not here or place.split() != list(here):
        return State.UNKNOWN
    return State.RUNS if started(int(pid)) == begun else State.GONE


def runs(owner: str) -> bool:
    """Return whether a process of this machine runs; another one that has its id now does not count."""
    pid, _, rest = owner.partition(" ")
    begun = rest.partition(" ")[0]
    return pid.isdigit() and bool(begun) and started(int(pid)) == begun


def started(pid: int) -> str | None:
    """Return when a process was started, in ticks since the machine was; None where there is none, or a dead one."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[_AFTER_NAME]


def _here() -> tuple[str, ...]:
    """Return the machine's boot and the space of process ids; nothing where the system does not say."""
    try:
        return (_BOOT.read_text(encoding="ascii").strip(), str(_SPACE.readlink()))
    except OSError:
        return ()
