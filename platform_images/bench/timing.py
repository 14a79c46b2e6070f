"""Running commands and measuring them: wall time, memory, and how long a client of the engine ran."""

from __future__ import annotations

import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from platform_images import process
from platform_images.bench.processes import Watched, watching
from platform_images.errors import PlatformError, ToolError

GRACE = 20.0
LAST_LINES = 200
_HOST = re.compile(r"://[^/\s'\")]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Programs to run one after the other, measured as one.

    Attributes:
        argvs: Each as a list; no shell is involved.
        cwd: Working folder.
        env: The whole environment; this process's own without it.
        cap: Seconds after which all is stopped.
    """

    argvs: tuple[tuple[str, ...], ...]
    cwd: Path
    env: Mapping[str, str] | None = field(default=None, repr=False)
    cap: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One run of a command.

    Attributes:
        seconds: From the start of the first program to the end of the last.
        cpu_seconds: Processor time of all of them, as far as they waited for their children.
        capped: It was stopped when its time was up.
        watched: What was seen of it, where somebody looked.
    """

    seconds: float
    cpu_seconds: float
    capped: bool = False
    watched: Watched | None = None


def timed(command: Command, *, watch: float | None = None) -> Timed:
    """Run a command to its end, or until its time is up.

    Args:
        command: What to run.
        watch: Seconds between two looks at its processes; nobody looks without it, since looking costs time too.

    Raises:
        ToolError: A program failed; carries its last lines.
        PrerequisiteError: A program is not on this machine.
    """
    before = _children()
    start = time.monotonic()
    seen: Watched | None = None
    for argv in command.argvs:
        left = None if command.cap is None else command.cap - (time.monotonic() - start)
        capped, seen = _run(argv, command, left=left, watch=watch)
        if capped:
            return Timed(seconds=command.cap or 0.0, cpu_seconds=0.0, capped=True, watched=seen)
    seconds = time.monotonic() - start
    return Timed(seconds=seconds, cpu_seconds=_children() - before, watched=seen)


def _run(
    argv: Sequence[str], command: Command, *, left: float | None, watch: float | None
) -> tuple[bool, Watched | None]:
    """Run one program; return whether its time was up, and what was seen of it."""
    said: deque[str] = deque(maxlen=LAST_LINES)
    env = os.environ if command.env is None else command.env
    with (
        process.serving(argv, env=env, cwd=command.cwd, on_line=said.append, grace=GRACE) as child,
        nullcontext() if watch is None else watching(child.pid, every=watch) as seen,
    ):
        try:
            child.wait(timeout=left)  # without a cap to the moment, with one to some hundredths of a second
        except subprocess.TimeoutExpired:
            return True, seen
    if child.returncode:
        raise process.failure(tuple(argv), child.returncode, "\n".join(said))
    return False, seen


def paired(
    runs: int, subject: Callable[[], Timed], peer: Callable[[], Timed] | None = None
) -> tuple[tuple[Timed, ...], tuple[Timed, ...]]:
    """Run two things in turns, so that what changes on the machine meanwhile befalls both; a cap ends the peer's."""
    ours: list[Timed] = []
    theirs: list[Timed] = []
    for _ in range(runs):
        ours.append(subject())
        if peer is not None and not any(each.capped for each in theirs):
            theirs.append(peer())
    return tuple(ours), tuple(theirs)


def seconds(runs: Sequence[Timed]) -> tuple[float, ...]:
    """Return how long each run took, in milliseconds' precision."""
    return tuple(round(each.seconds, 3) for each in runs)


def shown(command: Command, *, places: Mapping[str, str]) -> tuple[str, ...]:
    """Return a command as a person would type it: programs by name, and no path of this machine.

    Args:
        command: The command.
        places: Path to what is written in its place; the longest that fits is taken.
    """
    programs = {argv[0]: Path(argv[0]).name for argv in command.argvs if Path(argv[0]).is_absolute()}
    names = {**programs, sys.executable: "python", str(command.cwd): ".", **places}
    ordered = sorted(names, key=len, reverse=True)
    return tuple(shlex.join(_hidden(word, ordered, names) for word in argv) for argv in command.argvs)


def _hidden(word: str, ordered: Sequence[str], names: Mapping[str, str]) -> str:
    """Return a word without paths of this machine."""
    for path in ordered:
        word = word.replace(path, names[path])
    return word


def without_paths(text: str, *, places: Mapping[str, str]) -> str:
    """Return a text as one line, without hosts, passwords, and paths of this machine."""
    known = {tempfile.gettempdir(): "scratch", **places}
    return _hidden(_HOST.sub("://...", " ".join(text.split())), sorted(known, key=len, reverse=True), known)


def reason(error: PlatformError, *, places: Mapping[str, str]) -> str:
    """Return why a case could not run: what happened, and the last word of the program that failed."""
    last = error.why.splitlines()[-1] if error.why and isinstance(error, ToolError) else ""
    return without_paths(f"{error.what} {last}", places=places)


def _children() -> float:
    """Return the processor time of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
