"""The one place that starts a subprocess."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from platform_images.errors import PrerequisiteError, ToolError

LAST_LINES = 20
GRACE_SECONDS = 10.0
LAST_WORDS_SECONDS = 2.0
_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CREDENTIALS = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/\s@]+@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A finished command: its argument list, exit code and captured text (empty where it was not captured)."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


def redacted(text: str) -> str:
    """Return ``text`` with the user and password of every URL replaced by ``***@``."""
    return _CREDENTIALS.sub(r"\g<scheme>***@", text)


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    ok: Sequence[int] = (0,),
    on_line: Callable[[str], None] | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run a command to its end and return what it said.

    Args:
        argv: The command as a list; no shell is involved.
        env: The whole environment; by default this process's own.
        cwd: Working directory.
        stdin: Text for its standard input; without it the standard input is empty.
        ok: Exit codes that are not failures.
        on_line: Called with each line of standard error as it comes (no line end).
        timeout: Seconds after which it is ended.

    Raises:
        PrerequisiteError: The program is not on this machine.
        ToolError: Another exit code than those in ``ok``, or the time ran out; carries the last lines of output.
    """
    command = tuple(argv)
    child = _begun(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    out, err = _drain(child, stdin=stdin, on_line=on_line, timeout=timeout, command=command)
    if child.returncode not in ok:
        raise failure(command, child.returncode, err if err.strip() else out)
    return Completed(argv=command, returncode=child.returncode, stdout=out, stderr=err)


def detach(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a program that outlives this one: a session of its own, no terminal, output added to ``log``.

    Raises:
        PrerequisiteError: The program is not on this machine.
    """
    with log.open("ab") as output:
        try:
            return subprocess.Popen(
                tuple(argv),
                env=dict(env) if env is not None else None,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise PrerequisiteError(f"The program {argv[0]!r} is not on this machine.") from error


def attend(argv: Sequence[str], *, undo: Callable[[], None]) -> int:
    """Run a program with this one's terminal and streams, and return its exit code, 128 and more for a signal.

    Told to end, this one tells the program and waits for a while.

    Args:
        argv: The command as a list.
        undo: Called once, however the program or this one ends; nothing interrupts it. It makes a program that
            still runs end.

    Raises:
        PrerequisiteError: The program is not on this machine.
        KeyboardInterrupt: This one was told to end, and the program did not.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        child = subprocess.Popen(tuple(argv))
    except FileNotFoundError as error:
        raise _not_here(argv[0]) from error
    try:
        code = _attended(child)
    finally:
        with undisturbed():
            undo()
            _settled(child)
    return code if code >= 0 else 128 - code


def _attended(child: subprocess.Popen[bytes]) -> int:
    """Wait for a child in the foreground; where we are told to end, for its own end a while longer."""
    try:
        return child.wait()
    except KeyboardInterrupt as told:
        for number in told.args:  # none with Ctrl-C, which the terminal sends to the child as well
            child.send_signal(number)
        try:
            return child.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            raise told from None


def _settled(child: subprocess.Popen[bytes]) -> None:
    """Give a child the time to put the terminal in order, then end it."""
    try:
        child.wait(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hear no signal meanwhile that asks us to end: it was heard, or there is nothing left but to clean up."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _TO_END}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _postponed() -> Iterator[None]:
    """Hear a signal that asks us to end only afterwards."""
    heard: list[int] = []
    taken = [number for number in _TO_END if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda told, _: heard.append(told)) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if heard:
        raise KeyboardInterrupt(*heard)


def _not_here(program: str) -> PrerequisiteError:
    return PrerequisiteError(
        f"The program {program!r} is not on this machine.",
        fix="./bootstrap invoke doctor says what is missing and how to get it",
    )


def failure(argv: Sequence[str], returncode: int, output: str) -> ToolError:
    """Return the error for a command that failed: its quoted command line and the end of its output."""
    lines = redacted(output).strip().splitlines()[-LAST_LINES:]
    return ToolError(
        f"{Path(argv[0]).name} failed with exit code {returncode}.",
        why="\n".join([f"$ {redacted(shlex.join(argv))}", *lines]),
        argv=tuple(argv),
        returncode=returncode,
    )


@contextmanager
def serving(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, on_line: Callable[[str], None], grace: float
) -> Iterator[subprocess.Popen[str]]:
    """Give a program that runs beside this one, in a session of its own; it is made to end afterwards.

    Args:
        argv: The command as a list.
        env: Its whole environment.
        cwd: Its working directory.
        on_line: Called, in another thread, with each line that it says.
        grace: Seconds that each way of asking it to end is given.

    Raises:
        PrerequisiteError: The program is not on this machine.
    """
    with ExitStack() as ends:
        with _postponed():  # a child that we do not know yet could not be ended
            child = _begun(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
            reader = threading.Thread(target=_read, args=(child.stdout, [], on_line), daemon=True)
            ends.callback(reader.join, timeout=LAST_WORDS_SECONDS)
            ends.callback(stop, child, grace=grace)
            reader.start()
        yield child


def _begun(
    argv: Sequence[str], *, env: Mapping[str, str] | None, cwd: Path | None, stdin: int, stderr: int
) -> subprocess.Popen[str]:
    """Start a program in a session of its own, its standard output in a pipe."""
    try:
        return subprocess.Popen(
            tuple(argv),
            env=dict(env) if env is not None else None,
            cwd=cwd,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise _not_here(argv[0]) from error


def stop(child: subprocess.Popen[str], *, grace: float = GRACE_SECONDS) -> None:
    """End a child and its process group: interrupt, then terminate, then kill, with a grace period for each.

    Whoever interrupts again meanwhile goes on to the next of them.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
        try:
            child.wait(timeout=grace)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            continue


def interrupt_when_told_to_end() -> None:
    """Take SIGTERM and SIGHUP as Ctrl-C is taken: children are stopped and what was begun is undone."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup: the terminal may go, the work goes on
            signal.signal(number, interrupt)


def _drain(
    child: subprocess.Popen[str],
    *,
    stdin: str | None,
    on_line: Callable[[str], None] | None,
    timeout: float | None,
    command: tuple[str, ...],
) -> tuple[str, str]:
    """Feed and read a child until it ends; whatever interrupts us also ends the child."""
    out: list[str] = []
    err: list[str] = []
    readers = [
        threading.Thread(target=_read, args=(child.stdout, out, None), daemon=True),
        threading.Thread(target=_read, args=(child.stderr, err, on_line), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        if stdin is not None and child.stdin is not None:
            with suppress(BrokenPipeError):  # it ended without reading; its exit code and words say more
                child.stdin.write(stdin)
                child.stdin.close()
        child.wait(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        _stop_all(child, readers)
        raise ToolError(
            f"{Path(command[0]).name} did not end within {timeout:g} s and was stopped.",
            why="\n".join([f"$ {redacted(shlex.join(command))}", *deque("".join(err).splitlines(), LAST_LINES)]),
            argv=command,
        ) from error
    except BaseException:
        _stop_all(child, readers)
        raise
    for reader in readers:
        reader.join()
    return "".join(out), "".join(err)


def _stop_all(child: subprocess.Popen[str], readers: Sequence[threading.Thread]) -> None:
    """End a child, and wait a moment for its last words: nobody may hear them after we are gone."""
    stop(child)
    for reader in readers:
        reader.join(timeout=LAST_WORDS_SECONDS)


def _read(stream: IO[str] | None, into: list[str], on_line: Callable[[str], None] | None) -> None:
    """Collect a stream's lines, handing each on."""
    if stream is None:
        return
    with stream:
        for line in stream:
            into.append(line)
            if on_line is not None:
                on_line(line.rstrip("\n"))
