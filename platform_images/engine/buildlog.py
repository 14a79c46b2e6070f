"""Reading BuildKit's plain progress: which steps there are, what each said, how long it took, which one failed."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

LAST_LINES = 30
_OWN = ("exporting",)
_LINE = re.compile(r"^#(?P<number>\d+) (?P<rest>.*)$")
_HEADER = re.compile(r"^\[(?P<stage>[^\]]+?)(?:\s+\d+/\d+)?\] (?P<instruction>[A-Z]+ .*)$")
_OUTPUT = re.compile(r"^\d+\.\d+ (?P<text>.*)$")
_DONE = re.compile(r"^DONE (?P<seconds>\d+(?:\.\d+)?)s$")
_FLAG = re.compile(r"\s--[a-z]+(?:=\S+)?")
_SHOWN = 90
_NAMES = (
    (re.compile(r"sh /mnt/install_os\.sh (\S+).*"), r"Debian packages of \1"),
    (re.compile(r"sh /mnt/run\.sh (conda|pip) (\S+).*"), r"\2, \1 part"),
    (re.compile(r"sh /mnt/finish\.sh (\S+)"), r"\1, its list of files"),
    (re.compile(r"\S+ -B -s /mnt/changes\.py \S+ .*"), r"what was changed"),
    (re.compile(r"COPY /changes/tree/ /"), r"what was changed"),
    (re.compile(r"xargs \S+ -r rm -rf -- < /mnt/deleted"), r"what was deleted"),
    (re.compile(r"sh /mnt/make_user\.sh (\S+).*"), r"user \1"),
    (re.compile(r"sh /mnt/install_npm\.sh .*"), r"npm packages"),
    (re.compile(r"sh /mnt/place\.sh /mnt/(\S+) .*"), r"files of \1"),
    (re.compile(r"sh /mnt/install_certificates\.sh .*"), r"certificates"),
)


@dataclass(slots=True)
class _Step:
    """One vertex while it is read."""

    title: str | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnd:
    """A step that has ended.

    Attributes:
        title: What it did, in words.
        state: How it ended.
        seconds: How long it took.
    """

    title: str
    state: Literal["done", "cached", "failed"]
    seconds: float = 0.0


class BuildLog:
    """Reads progress line by line."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._failed: _Step | None = None
        self._trouble: list[str] = []
        self.cached = 0

    def read(self, line: str) -> StepEnd | None:
        """Take in one line; return the step that ends with it, where it is one of the Dockerfile."""
        found = _LINE.match(line)
        if found is None:
            if line.startswith("ERROR:"):
                self._trouble.append(line)
            return None
        step = self._steps.setdefault(found["number"], _Step())
        rest = found["rest"]
        header = _HEADER.match(rest)
        if header:
            step.title = step.title or title(header["stage"], header["instruction"])
            return None
        if step.title is None and rest.startswith(_OWN):
            step.title = f"#{rest}"
            return None
        output = _OUTPUT.match(rest)
        if output:
            step.lines.append(output["text"])
            return None
        return self._ended(step, rest)

    def _ended(self, step: _Step, rest: str) -> StepEnd | None:
        """Return how a step ended, where the line says that it did."""
        done = _DONE.match(rest)
        if rest.startswith("ERROR:"):
            self._failed = step
            step.lines.append(rest) if not step.lines else None
            return StepEnd(title=step.title or "the build", state="failed")
        if done:
            return self._finished(step, float(done["seconds"]))
        if step.title is None:
            return None
        if rest == "CACHED" and not step.title.startswith("#"):
            self.cached += 1
            return StepEnd(title=step.title, state="cached")
        return None

    @staticmethod
    def _finished(step: _Step, seconds: float) -> StepEnd | None:
        """Return a finished step; of BuildKit's own steps only those that take their time."""
        if step.title is None or step.title.startswith("#"):
            name = (step.title or "").removeprefix("#")
            return StepEnd(title=name, state="done", seconds=seconds) if name and seconds >= 1 else None
        return StepEnd(title=step.title, state="done", seconds=seconds)

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
