"""Whether the process that started a hub still runs, and the end of what it started where it does not."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from platform_images.hub.configuration import HUB_PID, PROXY_PID

END_SECONDS = 10.0
_PROC = Path("/proc")
_AFTER_NAME = 19  # place of the time at which a process was started, counted from its state
_PROGRAMS = {HUB_PID: b"jupyterhub", PROXY_PID: b"configurable-http-proxy"}


def this_process() -> str:
    """Return what tells this process from every other: its id and when it was started."""
    return f"{os.getpid()} {_started(os.getpid())}"


def runs(owner: str) -> bool:
    """Return whether a process still runs; another one that has its id now does not count."""
    pid, _, started = owner.partition(" ")
    return pid.isdigit() and bool(started) and _started(int(pid)) == started


def remove(folder: Path) -> None:
    """End the hub and proxy whose state is in a folder, and remove the folder; what is gone is well."""
    found = [pid for name, program in _PROGRAMS.items() if (pid := _process(folder / name, program))]
    for pid in found:  # looked up before any of them ends: the hub takes the proxy's file away before the proxy
        with suppress(ProcessLookupError):
            _end(pid)
    shutil.rmtree(folder, ignore_errors=True)


def _process(file: Path, program: bytes) -> int | None:
    """Return the process that a file names, where it still is that program."""
    try:
        pid = int(file.read_text(encoding="ascii"))
        return pid if program in (_PROC / str(pid) / "cmdline").read_bytes() else None
    except (OSError, ValueError):
        return None


def _end(pid: int) -> None:
    """Ask a process to end, and make it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, number)
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            if _started(pid) is None:
                return
            time.sleep(0.05)


def _started(pid: int) -> str | None:
    """Return when a process was started, in ticks since the machine was; None where there is none, or a dead one."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[_AFTER_NAME]
