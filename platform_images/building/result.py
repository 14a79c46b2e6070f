"""What a build gave: the image, and how it came about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from platform_images.compose.values import Drift
from platform_images.engine.buildlog import Event, StepEnd, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of a build that have ended.

    Attributes:
        ended: Each once, in the order of their ends.
    """

    ended: tuple[StepEnd, ...] = ()

    @property
    def ran(self) -> int:
        """How many steps of the Dockerfile ran."""
        return sum(end.kind == "step" and end.state == "done" for end in self.ended)

    @property
    def cached(self) -> int:
        """How many steps of the Dockerfile were done before."""
        return sum(end.kind == "step" and end.state == "cached" for end in self.ended)

    @property
    def export(self) -> float:
        """For how many seconds the image was handed over to the engine."""
        return sum(end.seconds for end in self.ended if end.kind == "export")

    def longest(self, count: int) -> tuple[StepEnd, ...]:
        """Return those of the Dockerfile that took most of the time, of a second and more, the longest first."""
        steps = [end for end in self.ended if end.kind == "step" and end.seconds >= 1]
        return tuple(sorted(steps, key=lambda end: -end.seconds)[:count])


class StepsSeen:
    """Collects the steps of a build."""

    def __init__(self) -> None:
        self._ended: dict[str, StepEnd] = {}

    def beside(self, watch: Watch) -> Watch:
        """Return what notes each step that has ended, and tells ``watch`` of everything."""

        def take(event: Event) -> None:
            if isinstance(event, StepEnd):
                self._ended[event.number] = event
            watch(event)

        return take

    @property
    def steps(self) -> Steps:
        """Those that have ended so far."""
        return Steps(ended=tuple(self._ended.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """Where the time of a build went, in seconds.

    Attributes:
        solving: Solving, or reading the locks; checking a mirror.
        root: Getting the root.
        build: The steps.
        export: Handing the image over to the engine.
    """

    solving: float = 0.0
    root: float = 0.0
    build: float = 0.0
    export: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large an image is, in bytes.

    Attributes:
        total: All of it.
        new: The layers that the image which had its name before does not have; None where that is not known.
    """

    total: int
    new: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """An image that was built.

    Attributes:
        image_id: ``sha256:...``.
        tags: Its names, the exact one first.
        lock_digest: 64 hexadecimal digits over the solutions.
        drift: Every package that is not the locked one.
        seconds: How long it took.
        steps: Its steps.
        phases: Where the time went.
        size: How large it is, where the engine says so.
        log: The full log.
    """

    image_id: str
    tags: tuple[str, ...]
    lock_digest: str
    drift: tuple[Drift, ...] = field(default=())
    seconds: float = 0.0
    steps: Steps = field(default_factory=Steps)
    phases: Phases = field(default_factory=Phases)
    size: Size | None = None
    log: Path | None = None


def phases(times: Iterable[float], *, export: float) -> Phases:
    """Return the phases from the times at which each began and the last one ended."""
    start, solved, rooted, built = times
    return Phases(solving=solved - start, root=rooted - solved, build=max(0.0, built - rooted - export), export=export)
