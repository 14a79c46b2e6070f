"""Lines on standard error in the format of the start-up scripts: ``LEVEL[YYYY-MM-DD HH:MM:SS] message``."""
# ruff: noqa: T201 - a program inside the image

import os
import sys
import time

INFO, WARNING = "INFO", "WARNING"


def line(level: str, message: str) -> str:
    """Return one line of the log."""
    return f"{level}[{time.strftime('%Y-%m-%d %H:%M:%S')}] {message}"


def wanted(level: str) -> bool:
    """Whether lines of this level are shown."""
    return level != INFO or not os.environ.get("JUPYTER_DOCKER_STACKS_QUIET")


def say(level: str, message: str) -> None:
    """Print one line, where its level is wanted; a reader that is gone is no failure."""
    if wanted(level):
        try:
            print(line(level, message), file=sys.stderr, flush=True)
        except OSError:
            sys.stderr = None


def warn(message: str) -> None:
    """Say that something is wrong."""
    say(WARNING, message)


def info(message: str) -> None:
    """Say what was done."""
    say(INFO, message)
