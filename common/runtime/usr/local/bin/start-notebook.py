#!/opt/conda/bin/python -I
"""Start JupyterLab in the container: start-notebook.py [JUPYTERLAB OPTION...].

JUPYTER_PORT (8888) is its port, NOTEBOOK_ARGS holds more options. Access needs the token of JUPYTER_TOKEN, or the one
that the server makes and prints, unless the options say otherwise.
"""
# ruff: noqa: PTH103, PTH112, S108, S606, T201 - a container's first program: it becomes the server

import os
import pwd
import shlex
import sys

LAUNCHER = "/opt/environments/bin/activated"


def main():
    """Become the server."""
    environment = dict(os.environ)
    environment.update(home(environment))
    environment.update(user(environment))
    if not environment.get("JUPYTER_TOKEN"):
        environment.pop("JUPYTER_TOKEN", None)
    command = argv(environment, sys.argv[1:])
    os.execve(command[0], command, environment)


def argv(environment, extra):
    """Return the server's command line."""
    port = environment.get("JUPYTER_PORT") or "8888"
    root = ["--allow-root"] if os.geteuid() == 0 else []
    more = shlex.split(environment.get("NOTEBOOK_ARGS", ""))
    return [LAUNCHER, "base", "jupyter", "lab", "--ip=0.0.0.0", f"--port={port}", "--no-browser", *root, *more, *extra]


def home(environment):
    """Return HOME where the present one cannot be written to, as with an unknown --user: a folder of its own."""
    present = environment.get("HOME", "")
    if present and os.path.isdir(present) and os.access(present, os.W_OK | os.X_OK):
        return {}
    folder = f"/tmp/home-{os.geteuid()}"
    os.makedirs(folder, mode=0o700, exist_ok=True)
    print(f"{present or 'HOME'} is not writable for user {os.geteuid()}: HOME is {folder}", file=sys.stderr)
    os.chdir(folder)
    return {"HOME": folder}


def user(environment):
    """Return USER and LOGNAME where the system has no name for this user: programs ask for one."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = environment.get("NB_USER") or "jovyan"
    return {"USER": name, "LOGNAME": name}


if __name__ == "__main__":
    main()
