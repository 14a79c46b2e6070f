#!/opt/conda/bin/python -IS
"""Exit 0 where a Jupyter server of this container answers on its API, whoever runs it and wherever it listens."""

import glob
import json
import os
import socket
import sys

TIMEOUT = 1.5
ADDRESSES = ("127.0.0.1", "::1")


def main():
    """Ask each server that has left its address in a runtime folder, or the one that is expected."""
    return 0 if any(answers(*place) for place in places()) else 1


def places():
    """Return (addresses, port, base URL, whether TLS) of every server that may be running, newest first."""
    found = []
    for name in sorted(runtime_files(), key=changed, reverse=True):
        try:
            with open(name, encoding="utf-8") as stream:
                server = json.load(stream)
            addresses = tuple(dict.fromkeys((*ADDRESSES, str(server.get("hostname") or ADDRESSES[0]))))
            found.append((addresses, int(server["port"]), str(server["base_url"]), bool(server.get("secure"))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    port = os.environ.get("JUPYTER_PORT", "")
    base_url = os.environ.get("JUPYTERHUB_SERVICE_PREFIX") or "/"
    return [*found, (ADDRESSES, int(port) if port.isdigit() else 8888, base_url, False)]


def runtime_files():
    """Return the files in which running servers describe themselves, of every user who may be the container's."""
    variables = os.environ
    homes = {variables.get("HOME", ""), f"/home/{variables.get('NB_USER', '')}", *glob.glob("/tmp/home-*")}  # noqa: S108
    folders = {
        variables.get("JUPYTER_RUNTIME_DIR", ""),
        variables.get("JUPYTER_DATA_DIR", "") and variables["JUPYTER_DATA_DIR"] + "/runtime",
        variables.get("XDG_DATA_HOME", "") and variables["XDG_DATA_HOME"] + "/jupyter/runtime",
        *(f"{home}/.local/share/jupyter/runtime" for home in homes if home),
    }
    return [name for folder in folders if folder for name in glob.glob(f"{folder}/jpserver-*.json")]


def changed(name):
    """Return when a file has changed; long ago where it has gone."""
    try:
        return os.path.getmtime(name)
    except OSError:
        return 0.0


def answers(addresses, port, base_url, secure):
    """Return whether the server's API answers with its version."""
    if not 0 < port < 65536 or not base_url.isprintable() or " " in base_url:
        return False
    request = f"GET {base_url.rstrip('/')}/api HTTP/1.0\r\nHost: localhost\r\n\r\n"
    for address in addresses:
        try:
            with socket.create_connection((address, port), timeout=TIMEOUT) as plain:
                stream = wrapped(plain) if secure else plain
                stream.sendall(request.encode())
                if b" 200 " in stream.recv(1024).split(b"\r\n", 1)[0]:
                    return True
        except OSError:
            continue
    return False


def wrapped(plain):
    """Return the connection with TLS; the certificate is the server's own and need not be one we know."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


if __name__ == "__main__":
    sys.exit(main())
