"""A mistake or a failure in words for the person who reads it, and the one place where it is printed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

FAILED, USAGE, INTERRUPTED = 1, 2, 130
_ENDING = (signal.SIGTERM, signal.SIGHUP)
_ELSEWHERE = "choose a place that you may write to; df -h ~ and ls -ld ~ tell about the home folder"
_CURES = {
    errno.ENOSPC: "make room: df -h ~, cache-size, cache-clear",
    errno.EDQUOT: "make room: cache-size, cache-clear",
    errno.EROFS: _ELSEWHERE,
    errno.EACCES: _ELSEWHERE,
}


class ToolError(Exception):
    """What happened, why, and what to do next; ``code`` is the exit code."""

    def __init__(self, what: str, *, why: str = "", fix: str = "", code: int = FAILED) -> None:
        super().__init__(what)
        self.what = what
        self.why = why.strip()
        self.fix = fix
        self.code = code

    def lines(self) -> list[str]:
        """Return the error as it is printed."""
        found = [self.what]
        found += [f"  {line}" for line in self.why.splitlines()]
        if self.fix:
            found.append(f"What to do: {self.fix}")
        return found


def usage(what: str, *, why: str = "", fix: str = "") -> ToolError:
    """Return an error for a mistake in what was asked."""
    return ToolError(what, why=why, fix=fix, code=USAGE)


def of_system(error: OSError) -> ToolError:
    """Return what the system refused, in words."""
    what = f"{error.filename or 'A file'} cannot be used: {error.strerror or error}."
    return ToolError(what, fix=_CURES.get(error.errno or 0, ""))


def run(main: Callable[[list[str]], int], argv: list[str] | None = None) -> None:
    """Run a command and end the process with its exit code; never returns."""
    words = sys.argv[1:] if argv is None else argv
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, _ended)
    try:
        code = main(words)
        sys.stdout.flush()  # a result that cannot be written is a failure
    except ToolError as error:
        code = _told(error, words)
    except KeyboardInterrupt:
        code = INTERRUPTED
        sys.stderr.write("Interrupted.\n")
    except BrokenPipeError:
        code = 0  # whoever read the output has seen enough
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except OSError as error:
        code = _told(of_system(error), words)
    _leave(code)


def _told(error: ToolError, words: list[str]) -> int:
    """Print an error and return its exit code."""
    with contextlib.suppress(OSError):
        if "--json" in words:
            sys.stdout.write(json.dumps({"success": False, "error": error.what, "message": error.why}) + "\n")
    sys.stderr.write("".join(f"{line}\n" for line in error.lines()))
    return error.code


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Within it nobody can interrupt: a second Ctrl-C must not stop the tidying that the first has begun."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *_ENDING)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def become(program: str, words: list[str]) -> NoReturn:
    """Turn this process into another program, which ends at a closed pipe as programs do: Python ignores that."""
    sys.stdout.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execv(program, [program, *words])  # noqa: S606 - no shell is wanted


def _leave(code: int) -> None:
    """End without winding up: rattler's threads may outlive its answers, and crash an interpreter that waits."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def _ended(number: int, _frame: object) -> None:
    """Let what is half-made be removed before the process ends."""
    raise SystemExit(128 + number)
