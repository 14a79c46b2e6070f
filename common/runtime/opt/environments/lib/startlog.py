"""Log lines of the start-up's Python programs, as _docker_stacks_log.sh writes them."""

import os
import sys
import time

COLOURS = {"ERROR": 31, "WARNING": 33}


def log(level, message):
    """Write ``LEVEL[YYYY-MM-DD HH:MM:SS] message`` to standard error; where quiet is asked for, not information."""
    if level == "INFO" and os.environ.get("JUPYTER_DOCKER_STACKS_QUIET"):
        return
    line = f"{level}[{time.strftime('%Y-%m-%d %H:%M:%S')}] {message}"
    if level in COLOURS and not os.environ.get("NO_COLOR") and sys.stderr.isatty():
        line = f"\033[0;{COLOURS[level]}m{line}\033[0m"
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def stop(message, code=1):
    """Log an error and end this program."""
    log("ERROR", message)
    sys.exit(code)


def is_on(name):
    """Return whether an environment variable says yes."""
    return os.environ.get(name, "").lower() in ("1", "yes", "true")
