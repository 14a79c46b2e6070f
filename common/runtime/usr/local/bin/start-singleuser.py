#!/opt/conda/bin/python -I
"""Start the server of one user of a JupyterHub: start-singleuser.py [OPTION...]; NOTEBOOK_ARGS holds more options."""

import sys

sys.path.insert(0, "/opt/environments/lib")
from becoming import become, given_options


def main():
    """Become the server."""
    options = [*given_options(), *sys.argv[1:]]
    if not any(option.split("=", 1)[0] in ("--ip", "--ServerApp.ip") for option in options):
        # Every address, of IPv4 and IPv6: by default a hub names the loopback, which nobody outside reaches.
        options.insert(0, "--ip=")
    become(["jupyterhub-singleuser", *options])


if __name__ == "__main__":
    main()
