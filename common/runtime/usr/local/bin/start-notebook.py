#!/opt/conda/bin/python -I
"""Start the Jupyter server: start-notebook.py [OPTION...]. DOCKER_STACKS_JUPYTER_CMD (lab) says with which frontend.

NOTEBOOK_ARGS holds more options, RESTARTABLE=yes starts it again whenever it ends. In a hub it is the hub's server.
Its settings are in /etc/jupyter/jupyter_server_config.py.
"""
# ruff: noqa: S606 - it becomes another program

import os
import sys

sys.path.insert(0, "/opt/environments/lib")
from becoming import LOOP, become, given_options
from startlog import is_on, log

SINGLEUSER = "/usr/local/bin/start-singleuser.py"


def main():
    """Become the server."""
    if os.environ.get("JUPYTERHUB_API_TOKEN"):
        log(
            "WARNING",
            "using start-singleuser.py instead of start-notebook.py to start a server associated with JupyterHub.",
        )
        os.execv(SINGLEUSER, [SINGLEUSER, *sys.argv[1:]])
    command = ["jupyter", os.environ.get("DOCKER_STACKS_JUPYTER_CMD") or "lab", *given_options(), *sys.argv[1:]]
    if is_on("RESTARTABLE"):
        become([LOOP, *command], shown=[os.path.basename(LOOP), *command])  # noqa: PTH119 - pathlib is slow to import
    become(command)


if __name__ == "__main__":
    main()
