"""Reading BuildKit's plain progress: which steps there are, what each said, how long it took, which one failed."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

LAST_LINES = 30
_OWN = ("exporting", "importing")
_WORTH_SAYING = 1.0
_LINE = re.compile(r"^#(?P<number>\d+) (?P<rest>.*)$")
_HEADER = re.compile(r"^\[(?P<stage>[^\]]+?)(?:\s+\d+/\d+)?\] (?P<instruction>[A-Z]+ .*)$")
_OUTPUT = re.compile(r"^(?P<seconds>\d+\.\d+) (?P<text>.*)$")
_DONE = re.compile(r"^DONE (?P<seconds>\d+(?:\.\d+)?)s$")
_FLAG = re.compile(r"\s--[a-z]+(?:=\S+)?")
_SHOWN = 90
_NAMES = (
    (re.compile(r"sh /mnt/install_os\.sh (\S+).*"), r"Debian packages of \1"),
    (re.compile(r"sh /mnt/run\.sh conda \d+ (\S+).*"), r"\1, conda part"),
    (re.compile(r"sh /mnt/run\.sh plan \d+ (\S+).*"), r"\1, pip part"),
    (re.compile(r"sh /mnt/run\.sh group .*"), r"laid out"),
    (re.compile(r"sh /mnt/finish\.sh (\S+).*"), r"\1, its list of files"),
    (re.compile(r"\S+ -B -s /mnt/changes\.py \S+ .*"), r"what was changed"),
    (re.compile(r"COPY / /"), r"what the steps are given"),
    (re.compile(r"COPY /changes/tree/ /"), r"what was changed"),
    (re.compile(r"COPY /layer/tree/ /"), r"packages"),
    (re.compile(r"xargs \S+ -r rm -rf -- < /mnt/paths"), r"what was deleted"),
    (re.compile(r"sh /mnt/make_user\.sh (\S+).*"), r"user \1"),
    (re.compile(r"sh /mnt/install_npm\.sh .*"), r"npm packages"),
    (re.compile(r"sh /mnt/place\.sh /mnt/(\S+) .*"), r"files of \1"),
    (re.compile(r"mkdir -p /opt/default-home .*"), r"the home once more, for homes on volumes"),
    (re.compile(r"sh /mnt/install_certificates\.sh .*"), r"certificates"),
)


Kind = Literal["step", "base", "export"]
State = Literal["done", "cached", "failed", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSeen:
    """A step that is running.

    Attributes:
        number: What tells it from the others of the same build.
        title: What it does, in words.
        seconds: How long it has run at least.
    """

    number: str
    title: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnd:
    """A step that has ended.

    Attributes:
        title: What it did, in words.
        state: How it ended.
        seconds: How long it took.
        number: What tells it from the others of the same build.
        kind: A step of the Dockerfile, an image that it starts from, or BuildKit's own handing over of the image.
    """

    title: str
    state: State
    seconds: float = 0.0
    number: str = ""
    kind: Kind = "step"


Event = StepSeen | StepEnd
Watch = Callable[[Event], None]


@dataclass(slots=True)
class _Step:
    """One vertex while it is read."""

    number: str
    title: str | None = None
    kind: Kind = "step"
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    end: StepEnd | None = None


class BuildLog:
    """Reads progress line by line."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._failed: _Step | None = None
        self._trouble: list[str] = []

    @property
    def cached(self) -> int:
        """How many steps of the Dockerfile were done before."""
        ends = (step.end for step in self._steps.values() if step.end is not None)
        return sum(end.state == "cached" and end.kind == "step" for end in ends)

    def read(self, line: str) -> Event | None:
        """Take in one line; return the step that is seen to run or that ends with it, where one is."""
        found = _LINE.match(line)
        if found is None:
            if line.startswith("ERROR:"):
                self._trouble.append(line)
            return None
        step = self._steps.setdefault(found["number"], _Step(number=found["number"]))
        rest = found["rest"]
        header = _HEADER.match(rest)
        if header:
            step.title = step.title or title(header["stage"], header["instruction"])
            step.kind = "base" if header["instruction"].startswith("FROM ") else "step"
            return _seen(step)
        if step.title is None and rest.startswith(_OWN):
            step.title, step.kind = rest, "export"
            return _seen(step)
        output = _OUTPUT.match(rest)
        if output:
            step.lines.append(output["text"])
            return _seen(step, seconds=float(output["seconds"]))
        return self._ended(step, rest)

    def _ended(self, step: _Step, rest: str) -> StepEnd | None:
        """Return how a step ended, where the line says that it did; what is said again is no news."""
        end = self._end(step, rest)
        if end is None or end == step.end:
            return None
        step.end = end
        return end

    def _end(self, step: _Step, rest: str) -> StepEnd | None:
        """Return the end of which a line tells."""
        if rest.startswith("ERROR:"):
            self._failed = step
            step.lines.append(rest) if not step.lines else None
            return _end(step, "failed")
        done = _DONE.match(rest)
        if step.title is None:  # sending a build context, and what else BuildKit does for itself
            return None
        if done:
            return _end(step, "done", seconds=float(done["seconds"]))
        if rest == "CACHED":
            return _end(step, "cached")
        return _end(step, "stopped") if rest == "CANCELED" else None

    @property
    def failed_title(self) -> str | None:
        """What the failed step did, where one failed."""
        return self._failed.title if self._failed is not None else None

    def evidence(self) -> tuple[str, ...]:
        """Return the last lines of the failed step, or BuildKit's own words where no step failed."""
        if self._failed is not None and self._failed.lines:
            return tuple(self._failed.lines)
        return tuple(self._trouble[-LAST_LINES:])


def title(stage: str, instruction: str) -> str:
    """Return a step in words: its stage, and what it does without the flags of its mounts."""
    words = _FLAG.sub("", instruction).removeprefix("RUN ").strip()
    for pattern, name in _NAMES:
        words = pattern.sub(name, words)
    short = words if len(words) <= _SHOWN else words[: _SHOWN - 3] + "..."
    return f"{stage}: {short}"


def told(end: StepEnd) -> str | None:
    """Return the line for a person on a step that has ended; None where it is not worth one."""
    if end.state == "failed":
        return f"{end.title}: failed"
    if end.state != "done" or (end.kind == "export" and end.seconds < _WORTH_SAYING):
        return None
    return f"{end.title} ({end.seconds:.1f} s)"


def spoken(say: Callable[[str], None]) -> Watch:
    """Return what says of each step that it has ended."""

    def watch(event: Event) -> None:
        line = told(event) if isinstance(event, StepEnd) else None
        if line is not None:
            say(line)

    return watch


def _seen(step: _Step, *, seconds: float = 0.0) -> StepSeen | None:
    """Return a step that runs; None where it has no name or has ended, of which its last words are told late."""
    if step.title is None or step.end is not None:
        return None
    return StepSeen(number=step.number, title=step.title, seconds=seconds)


def _end(step: _Step, state: State, *, seconds: float = 0.0) -> StepEnd:
    """Return the end of a step."""
    return StepEnd(title=step.title or "the build", state=state, seconds=seconds, number=step.number, kind=step.kind)
