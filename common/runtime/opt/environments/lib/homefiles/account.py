"""Who writes into a home: always its user, so that no link in it leads a program of root anywhere."""

import os
from contextlib import suppress

_NOT_CONTENT = frozenset({"lost+found"})


def parse(text: str) -> tuple[int, int]:
    """Return UID and GID of ``UID:GID``.

    Raises:
        ValueError: It is not of that form.
    """
    uid, colon, gid = text.partition(":")
    if not colon or not uid.isdecimal() or not gid.isdecimal():
        raise ValueError(f"{text!r} is not UID:GID, such as 1000:100")
    return int(uid), int(gid)


def become(uid: int, gid: int, *, home: str) -> None:
    """Be this user from now on; root gives an empty home to the user before. Without root's rights nothing happens.

    Raises:
        OSError: Root may not change its user here.
    """
    if os.geteuid() != 0 or uid == 0:
        return
    _give(home, uid, gid)
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)


def _give(home: str, uid: int, gid: int) -> None:
    """Make a home that is not there, and give one to its user in which nobody has put anything.

    An engine makes the folder of a bind mount as root's, and a new volume's top is root's as well. What has content is
    left to CHOWN_HOME. Where even root may not do it (a server of files that does not trust it), the user's own attempt
    to write says so.
    """
    with suppress(OSError):
        os.makedirs(home, mode=0o755, exist_ok=True)
        if os.stat(home).st_uid != uid and not set(os.listdir(home)) - _NOT_CONTENT:
            os.chown(home, uid, gid)
