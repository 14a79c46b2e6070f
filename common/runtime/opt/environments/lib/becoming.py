"""How start-notebook.py and start-singleuser.py become a server. Base is active then, or what a hook has activated."""
# ruff: noqa: S606 - a container's first program: it becomes the server

import os
import shlex
import shutil

from startlog import log, stop

LAUNCHER = "/opt/environments/bin/activated"
LOOP = "/usr/local/bin/run-one-constantly"


def given_options():
    """Return the options of NOTEBOOK_ARGS, split as a shell does."""
    try:
        return shlex.split(os.environ.get("NOTEBOOK_ARGS", ""))
    except ValueError as error:
        stop(f"NOTEBOOK_ARGS cannot be split into words ({error}): {os.environ['NOTEBOOK_ARGS']}", 2)


def become(command, shown=None):
    """Become a command, found on PATH, in the active environment; in base where the entry point has been bypassed."""
    log("INFO", "Executing: " + " ".join(shown or command))
    if not os.environ.get("CONDA_PREFIX"):
        command = [LAUNCHER, "base", *command]
    program = shutil.which(command[0])
    if program is None:
        stop(f"There is no command {command[0]!r} (PATH is {os.environ.get('PATH', '')})", 127)
    os.execv(program, command)
