"""The end of what a hub has started that has itself ended."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from platform_images.hub.configuration import HUB_PID, PROXY_PID
from platform_images.owner import started

END_SECONDS = 10.0
_PROC = Path("/proc")
_PROGRAMS = {HUB_PID: b"jupyterhub", PROXY_PID: b"configurable-http-proxy"}


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
            if started(pid) is None:
                return
            time.sleep(0.05)
