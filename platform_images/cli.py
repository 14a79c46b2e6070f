"""What every task has in common: errors become three lines and an exit code, Ctrl-C is 130, results go to stdout."""

from __future__ import annotations

import errno
import functools
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from invoke.exceptions import Exit

from platform_images import console, process
from platform_images.errors import ExitCode, PlatformError, UsageError
from platform_images.files import refused
from platform_images.home import user_path

P = ParamSpec("P")
if sys.stdout is None:  # closed by the caller (>&-): what is printed goes nowhere, as with other programs
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the program runs
if sys.stderr is None:
    sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the program runs
for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):  # names and titles may hold what the terminal's encoding does not
        stream.reconfigure(errors="backslashreplace")


def guarded(body: Callable[P, int | None]) -> Callable[P, None]:
    """Return a task body whose failures are printed once and become exit codes.

    With ``PLATFORM_IMAGES_DEBUG=1`` the traceback of a failure is shown as well.
    """

    @functools.wraps(body)
    def task(*args: P.args, **kwargs: P.kwargs) -> None:
        code = exit_code(functools.partial(body, *args, **kwargs))
        if code:
            raise Exit(code=code)

    return task


def exit_code(body: Callable[[], int | None]) -> int:
    """Run ``body`` and return its exit code; every expected failure is printed."""
    process.interrupt_when_told_to_end()
    try:
        code = body() or 0
        sys.stdout.flush()
        return code
    except PlatformError as error:
        if os.environ.get("PLATFORM_IMAGES_DEBUG"):
            raise
        console.show_error(error)
        return int(error.exit_code)
    except KeyboardInterrupt:
        console.say("Interrupted; what was under way has been stopped.", style="yellow")
        return int(ExitCode.INTERRUPTED)
    except OSError as error:
        if error.errno == errno.EPIPE:
            return _reader_gone()
        if error.errno == errno.ENOSPC and error.filename is None:
            return _disk_full()
        if error.filename is None or os.environ.get("PLATFORM_IMAGES_DEBUG"):
            raise
        told = refused(error)
        console.show_error(told)
        return int(told.exit_code)


def _reader_gone() -> int:
    """End quietly, as other programs do when the reader of their output goes away (``| head``)."""
    _close_stdout()
    return int(ExitCode.FAILED)


def _disk_full() -> int:
    """Say where nothing more can be written, and leave no traceback at exit."""
    console.show_error(
        PlatformError(
            "No space is left to write to standard output.",
            fix="free some space; invoke doctor shows how much each place has",
        )
    )
    _close_stdout()
    return int(ExitCode.FAILED)


def _close_stdout() -> None:
    """Give standard output an end that accepts everything, so that the interpreter's last flush cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(value: object) -> None:
    """Print a result for machines on standard output, with the escapes of JSON for what its encoding does not hold."""
    from platform_images.files import json_text

    text = json_text(value)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json_text(value, ascii_only=True)
    sys.stdout.write(text)


def after_dashes() -> tuple[str, ...]:
    """Return the words after ``--`` on the command line, each as it was typed."""
    return tuple(sys.argv[sys.argv.index("--") + 1 :]) if "--" in sys.argv else ()


def one_of(first: bool, second: bool, *, names: tuple[str, str]) -> None:
    """Refuse two flags that exclude each other.

    Raises:
        UsageError: Both are given.
    """
    if first and second:
        raise UsageError(f"{names[0]} and {names[1]} exclude each other.", fix=f"give {names[0]} or {names[1]}")


def only_with(flag: str, given: bool, other: str, other_given: bool) -> None:
    """Refuse a flag that says nothing without another one.

    Raises:
        UsageError: It is given, and the other is not.
    """
    if given and not other_given:
        raise UsageError(f"{flag} is of use with {other} alone.", fix=f"give {other} as well, or leave {flag} out")


def number(flag: str, text: str) -> int | None:
    """Return a flag's value as a number; None where it was not given.

    Raises:
        UsageError: It is not a number.
    """
    if not text:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise UsageError(f"{flag} {text!r} is not a number.", fix=f"give {flag} a whole number") from error


def words(flag: str, values: list[str] | None) -> tuple[str, ...]:
    """Return what a repeatable flag was given, each value perhaps a list with commas.

    Raises:
        UsageError: A value has no word in it: that is not the same as no flag.
    """
    found = [tuple(word for word in value.split(",") if word) for value in values or ()]
    if () in found:
        raise UsageError(f"{flag} is given nothing.", fix=f"give {flag} a value, or leave it out")
    return tuple(word for each in found for word in each)


def path(flag: str, text: str) -> Path | None:
    """Return a flag's value as a whole path; None where it was not given.

    Raises:
        UsageError: It begins in the home of a user that the machine does not know.
    """
    return user_path(text, named=flag).absolute() if text else None
