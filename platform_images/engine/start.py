"""Starts an installed Docker Engine and waits until it answers."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platform_images import process
from platform_images.errors import PrerequisiteError, ToolError
from platform_images.machine import child_environment

WAIT_SECONDS = 60.0
END_SECONDS = 30.0
_ASK_EVERY = 0.5
_SAY_EVERY = 5.0
_LOG_LINES = 15
# A build gives the engine much to forget at once: it looks for that less often than other programs in Go, as long as it
# takes no more memory than this. https://pkg.go.dev/runtime#hdr-Environment_Variables
COLLECTING = {"GOGC": "400", "GOMEMLIMIT": "2GiB"}
_HINTS = (
    ("iptables", "update-alternatives --set iptables /usr/sbin/iptables-legacy, then ./bootstrap again"),
    ("cgroup", "mount the control groups (mount -t cgroup2 none /sys/fs/cgroup), then ./bootstrap again"),
    ("operation not permitted", "run it on a machine, or in a privileged container: an engine needs to mount"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """How dockerd is started where no service manager does it.

    Attributes:
        program: The command, without its arguments.
        arguments: Options after the program's name.
        log: Where its output goes.
        runtime: Its folder for process ids (``--exec-root`` names another).
        pidfile: Where it writes its own.
        host: Where to ask it, or None for the client's default.
    """

    program: tuple[str, ...] = ("dockerd",)
    arguments: tuple[str, ...] = ()
    log: Path = Path("/var/log/dockerd.log")
    runtime: Path = Path("/var/run/docker")
    pidfile: Path = Path("/var/run/docker.pid")
    host: str | None = None


def start_engine(*, systemd: bool, say: Callable[[str], None], daemon: Daemon | None = None) -> None:
    """Start the engine, and return when it answers. An engine that answers already is left alone.

    Raises:
        PrerequisiteError: It did not answer within a minute, or ended; carries the end of its log.
    """
    daemon = daemon or Daemon()
    if answers(daemon.host):
        return
    if systemd:
        _start_service(say)
        return
    launch(daemon, say)
    say(f"dockerd runs; its log is {daemon.log}")


def launch(daemon: Daemon, say: Callable[[str], None]) -> None:
    """Start dockerd where it does not run, and return when it answers.

    Raises:
        PrerequisiteError: It did not answer within a minute, or ended; carries the end of its log.
    """
    child: subprocess.Popen[bytes] | None = None
    daemon.log.parent.mkdir(parents=True, exist_ok=True)
    offset = daemon.log.stat().st_size if daemon.log.exists() else 0
    if not _alive(daemon.pidfile, "dockerd"):
        clear_stale(daemon)
        environment = {**COLLECTING, **child_environment()}
        child = process.detach([*daemon.program, *daemon.arguments], log=daemon.log, env=environment)
    if not _wait(daemon.host, say, child):
        raise _silent(daemon, offset, child)


def answers(host: str | None = None) -> bool:
    """Return whether an engine answers there."""
    where = ["--host", host] if host else []
    try:
        process.run(
            ["docker", *where, "version", "--format", "{{.Server.Version}}"], timeout=20, env=child_environment()
        )
    except ToolError:
        return False
    return True


def clear_stale(daemon: Daemon) -> None:
    """Remove process id files of an engine that is gone: their numbers may belong to others by now."""
    for name, program in (
        (daemon.pidfile, "dockerd"),
        (daemon.runtime / "containerd" / "containerd.pid", "containerd"),
        (daemon.runtime / "containerd" / "docker-containerd.pid", "containerd"),
    ):
        if name.is_file() and not _alive(name, program):
            name.unlink(missing_ok=True)


def _alive(pidfile: Path, program: str) -> bool:
    """Whether the process that a file names runs that program."""
    try:
        number = int(pidfile.read_text(encoding="ascii").strip())
        name = Path(f"/proc/{number}/comm").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return False
    return name == program


def end_daemon(daemon: Daemon) -> None:
    """End a dockerd, and its containerd where that outlives it; return when both are gone.

    A process id may be another's by now, even another dockerd's: only what runs for this runtime folder is ended.
    """
    for pidfile in (daemon.pidfile, daemon.runtime / "containerd" / "containerd.pid"):
        with suppress(OSError, ValueError):
            number = int(pidfile.read_text(encoding="ascii"))
            if str(daemon.runtime) in Path(f"/proc/{number}/cmdline").read_text(encoding="utf-8"):
                _end(number)


def _end(number: int) -> None:
    """Tell a process to end, and make it where it does not; return when it has ended."""
    with suppress(ProcessLookupError), os.fdopen(os.pidfd_open(number)) as process_file:
        for told in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(process_file.fileno(), told)
            if select.select([process_file], [], [], END_SECONDS)[0]:
                break
    with suppress(ChildProcessError):
        os.waitpid(number, 0)


def _start_service(say: Callable[[str], None]) -> None:
    """Have systemd start the engine, now and at every boot."""
    try:
        process.run(["systemctl", "enable", "--now", "docker"], env=child_environment())
        if _wait(None, say, None):
            return
        why = "it was started, but does not answer"
    except ToolError as error:
        why = error.why or error.what
    journal = process.run(
        ["journalctl", "--unit=docker", f"--lines={_LOG_LINES}", "--no-pager", "--output=cat"],
        ok=range(256),
        env=child_environment(),
    )
    raise PrerequisiteError(
        "systemd could not start the Docker Engine.",
        why=f"{why}\n{process.redacted(journal.stdout).strip()}",
        fix=_hint(journal.stdout) or "systemctl status docker shows more",
    )


def _wait(host: str | None, say: Callable[[str], None], child: subprocess.Popen[bytes] | None) -> bool:
    """Return whether the engine answers before a minute has passed or its process has ended."""
    start = said = time.monotonic()
    while time.monotonic() - start < WAIT_SECONDS:
        if answers(host):
            return True
        if child is not None and child.poll() is not None:
            return False
        if time.monotonic() - said >= _SAY_EVERY:
            said = time.monotonic()
            say(f"waiting for the engine ({said - start:.0f} s of at most {WAIT_SECONDS:.0f})")
        time.sleep(_ASK_EVERY)
    return False


def _silent(daemon: Daemon, offset: int, child: subprocess.Popen[bytes] | None) -> PrerequisiteError:
    """Return the error with what dockerd wrote since it was started."""
    with daemon.log.open("rb") as stream:
        stream.seek(offset)
        written = process.redacted(stream.read().decode("utf-8", errors="replace"))
    ended = child is not None and child.poll() is not None
    what = f"ended with exit code {child.returncode}" if child and ended else f"did not answer in {WAIT_SECONDS:.0f} s"
    return PrerequisiteError(
        f"The Docker Engine (dockerd) {what}.",
        why="\n".join([f"the end of {daemon.log}:", *written.strip().splitlines()[-_LOG_LINES:]]),
        fix=_hint(written) or f"read {daemon.log}; start dockerd by hand, then ./bootstrap again",
    )


def _hint(log: str) -> str | None:
    """Return the cure for a failure that is known, from the last lines of a log."""
    end = "\n".join(log.strip().splitlines()[-3:]).lower()
    return next((cure for word, cure in _HINTS if word in end), None)
