"""A certificate that a server makes for itself, for GEN_CERT: its browser cannot know it, but nobody can listen in."""

import os
import socket
import subprocess
import tempfile

DAYS = 365


def made(folder):
    """Make a key with its certificate in one file of this folder, for its owner's eyes alone, and return its path.

    Raises:
        OSError: It cannot be written.
        subprocess.CalledProcessError: openssl fails; carries its words.
    """
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    target = os.path.join(folder, "notebook.pem")  # noqa: PTH118
    with tempfile.TemporaryDirectory(dir=folder) as place:  # for its owner alone
        draft = os.path.join(place, "notebook.pem")  # noqa: PTH118
        with open(draft, "x", encoding="ascii", opener=private) as stream:
            stream.write("")
        subprocess.run(
            [
                *("/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(DAYS)),
                *("-subj", "/O=generated/CN=generated", "-addext", f"subjectAltName={names()}"),
                *("-keyout", draft, "-out", f"{draft}.certificate"),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        with open(draft, "a", encoding="ascii") as stream, open(f"{draft}.certificate", encoding="ascii") as part:  # noqa: PTH123
            stream.write(part.read())
        os.replace(draft, target)  # noqa: PTH105
    return target


def names():
    """Return what the server can be called."""
    return f"DNS:localhost,DNS:{socket.gethostname()},IP:127.0.0.1,IP:::1"


def private(path, flags):
    """Open a file that nobody else may read."""
    return os.open(path, flags, 0o600)
