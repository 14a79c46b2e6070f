"""What post-start-hook does: post_start.py ENVIRONMENTS [--on-hub|--off-hub] [--strict] [--background].

The steps run in a process of their own. Whoever called waits for them, but not longer than PLATFORM_POST_START_WAIT
seconds (30): a hub counts that as time of the start. What takes longer goes on behind.
"""
# ruff: noqa: PTH100, PTH112, PTH119, PTH120, S108, T201 - a program inside the image

import os
import pwd
import select
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from homefiles import account, log, steps
from homefiles.record import STATE

USAGE = "usage: post-start-hook [--on-hub|--off-hub] [--strict] [--background]"
OPTIONS = ("--on-hub", "--off-hub", "--strict", "--background")
WAIT_SECONDS, LIMIT_SECONDS = 30, 300
HOME_SECONDS = 10


def main(environments: str, *words: str) -> int:
    """Do the steps, and wait for them for a while."""
    if set(words) - set(OPTIONS) or {"--on-hub", "--off-hub"} <= set(words):
        print(USAGE, file=sys.stderr)
        return 2
    strict = "--strict" in words
    try:
        run = steps.Run(
            environments=environments,
            home=settle(),
            on_hub="--on-hub" in words or ("--off-hub" not in words and bool(os.environ.get("JUPYTERHUB_API_TOKEN"))),
            limit=seconds("PLATFORM_POST_START_LIMIT", LIMIT_SECONDS),
        )
        failed = started(run, wait=0 if "--background" in words else seconds("PLATFORM_POST_START_WAIT", WAIT_SECONDS))
        if failed is None and strict and "--background" not in words:
            log.warn("post-start: not all was done in time")
            return 1
    except OSError as error:
        log.warn(f"post-start: nothing could be done: {error}")
        failed = True
    return 1 if strict and failed else 0


def settle() -> str:
    """Become the user whose server it is, where that is root's to say, and return the home.

    Raises:
        OSError: Root may not become that user.
    """
    uid, gid, name = os.environ.get("NB_UID", ""), os.environ.get("NB_GID", ""), os.environ.get("NB_USER", "")
    home = os.environ.get("HOME") or "/"
    if os.geteuid() == 0 and uid.isdecimal() and int(uid) != 0:
        home = home_of(int(uid), name or "jovyan")
        account.become(int(uid), int(gid) if gid.isdecimal() else 100, home=home)
    elif not os.access(home, os.W_OK | os.X_OK) and os.access(f"/tmp/home-{os.geteuid()}", os.W_OK | os.X_OK):
        home = f"/tmp/home-{os.geteuid()}"  # given by the start-up scripts to whom has no other
    os.environ["HOME"] = home
    return home


def home_of(uid: int, name: str) -> str:
    """Return the home of a user whom the start-up scripts may be making just now."""
    end = time.monotonic() + HOME_SECONDS
    while True:
        try:
            home = pwd.getpwuid(uid).pw_dir
            if os.path.basename(home) == name and os.path.isdir(home):
                return home
        except KeyError:
            pass
        if time.monotonic() >= end:
            return f"/home/{name}"
        time.sleep(0.1)


def seconds(variable: str, default: int) -> int:
    """Return a number of seconds that a variable may set."""
    text = os.environ.get(variable, "")
    if text and not text.isdecimal():
        log.warn(f"post-start: {variable} is {text!r} and not a number of seconds: {default} is taken")
    return int(text) if text.isdecimal() else default


def started(run: "steps.Run", *, wait: int) -> "bool | None":
    """Do the steps in a process of their own, and tell what it tells; None where that takes too long.

    Raises:
        OSError: There can be no further process.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        code = 70
        try:
            os.setsid()
            detach()
            code = 1 if run.all(steps.Reporter(writer, run.place("summary.log"))) else 0
        finally:
            os._exit(code)
    os.close(writer)
    if not told(reader, time.monotonic() + wait):
        if wait:
            log.info(f"post-start: not done after {wait} s, goes on behind; see ~/{STATE}/post-start/summary.log")
        return None
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def detach() -> None:
    """Let go of whoever called: it must not wait for our standard streams."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)


def told(reader: int, end: float) -> bool:
    """Pass on what the steps tell until they are done; False where the time is up before."""
    while (left := end - time.monotonic()) > 0:
        if not select.select([reader], [], [], left)[0]:
            return False
        text = os.read(reader, 65536)
        if not text:
            return True
        sys.stderr.write(text.decode("utf-8", "replace"))
        sys.stderr.flush()
    return False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
