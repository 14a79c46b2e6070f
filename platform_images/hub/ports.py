"""Ports of this machine on which a hub and its proxy can listen."""

from __future__ import annotations

import errno
import socket

from platform_images.errors import UsageError


def check(port: int | None) -> None:
    """Refuse a number that is no port.

    Raises:
        UsageError: It is not one.
    """
    if port is not None and not 0 < port < 65536:
        raise UsageError(f"{port} is no port.", fix="give --port a number from 1 to 65535, or leave it out")


def free(address: str) -> int:
    """Return a port on which nobody listens at that address.

    Raises:
        OSError: The address is not this machine's.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def asked(address: str, port: int | None) -> int:
    """Return the port that was asked for, or a free one.

    Raises:
        UsageError: It is in use, or this user may not have it.
    """
    if port is None:
        return free(address)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that have ended do not keep a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            what = "is in use" if error.errno == errno.EADDRINUSE else "needs root"
            raise UsageError(f"The port {port} {what}.", fix="leave --port out, and a free one is found") from error
    return port
