"""How long steps took in earlier builds, and from that how long one may take now. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from platform_images.engine.buildlog import StepEnd
from platform_images.files import json_text

_FORMAT = 1
_KEPT = 5
_FORGOTTEN_AFTER = 50
_LONGEST = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One step in earlier builds.

    Attributes:
        build: The last build that had it, by its count.
        seconds: How long it took, the latest last.
    """

    build: int
    seconds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """What is known of earlier builds of one name.

    Attributes:
        builds: How many there were.
        steps: Title to past of each step.
    """

    builds: int = 0
    steps: Mapping[str, Past] = field(default_factory=dict)

    def expected(self, title: str) -> float | None:
        """Return how long a step may take: the middle of what it took; None where it never ran."""
        past = self.steps.get(title)
        return median(past.seconds) if past is not None and past.seconds else None


def parse_durations(text: str) -> Durations:
    """Return what a file says of earlier builds; nothing, or the rest, where it is damaged."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Durations()
    if not isinstance(value, dict) or value.get("format") != _FORMAT or not isinstance(value.get("steps"), dict):
        return Durations()
    steps = {title: past for title, each in value["steps"].items() if (past := _past(each)) is not None}
    return Durations(builds=_count(value.get("builds")) or 0, steps=steps)


def durations_text(durations: Durations) -> str:
    """Return the file's text."""
    steps = {title: {"build": past.build, "seconds": list(past.seconds)} for title, past in durations.steps.items()}
    return json_text({"format": _FORMAT, "builds": durations.builds, "steps": steps})


def with_build(durations: Durations, ends: Iterable[StepEnd]) -> Durations:
    """Return what is known after one more build; steps that no build has had for long are forgotten."""
    build = durations.builds + 1
    steps = {title: past for title, past in durations.steps.items() if past.build > build - _FORGOTTEN_AFTER}
    for end in ends:
        before = steps[end.title].seconds if end.title in steps else ()
        now = (round(end.seconds, 1),) if end.state == "done" else ()
        steps[end.title] = Past(build=build, seconds=(*before, *now)[-_KEPT:])
    return Durations(builds=build, steps=steps)


def _past(value: Any) -> Past | None:
    """Return the past of a step, or None where it is not one."""
    if not isinstance(value, dict) or not isinstance(value.get("seconds"), list):
        return None
    build, seconds = _count(value.get("build")), tuple(value["seconds"])
    if build is None or not all(_is_duration(each) for each in seconds):
        return None
    return Past(build=build, seconds=tuple(float(each) for each in seconds[-_KEPT:]))


def _count(value: Any) -> int | None:
    """Return a whole number that is not negative, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _is_duration(value: Any) -> bool:
    """Whether a value is a number of seconds; neither infinite nor NaN is."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST
