"""Processes of a test inside the container: found by a mark in their environment, wherever they went, and ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

MARKER = "PLATFORM_IMAGES_TEST"
GRACE_SECONDS = 3.0
SETTLE_SECONDS = 0.5
PROC = Path("/proc")
_PR_SET_DUMPABLE = 4


def close_to_others() -> None:
    """Let no other process of this user, as tests are, read this one's memory or write to its open files."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group: terminate, then kill."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE_SECONDS)
            return


def end_marked(mark: str) -> list[str]:
    """Kill what a test left running, after a moment to end by itself, and return the commands that were killed."""
    if not marked(mark):
        return []
    time.sleep(SETTLE_SECONDS)
    found = marked(mark)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return sorted(found.values())


def marked(mark: str) -> dict[int, str]:
    """Return process id and command line of every living process with this mark."""
    wanted = f"{MARKER}={mark}".encode()
    found = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = command_line(folder)
        except OSError:  # it ended meanwhile, or belongs to someone else
            continue
    return found


def command_line(folder: Path) -> str:
    """Return a process's command line in one line."""
    words = (folder / "cmdline").read_bytes().decode("utf-8", errors="replace").split("\0")
    return " ".join(words).strip()


def first_to_go(pid: int, score: str) -> None:
    """Let the system choose this process, and what it starts, where memory runs out: not the runner, not the host's."""
    with contextlib.suppress(OSError):
        (PROC / str(pid) / "oom_score_adj").write_text(score)
