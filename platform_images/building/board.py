"""Which steps run at a moment, for how long, and for how much longer. Pure: the time is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from platform_images.engine.buildlog import Event, StepEnd

FIRST_MARK = 30.0
MARK_EVERY = 300.0
Expected = Callable[[str], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A step that runs.

    Attributes:
        title: What it does.
        seconds: For how long it has run.
        expected: How long it may take; None where nobody knows.
    """

    title: str
    seconds: float
    expected: float | None = None

    @property
    def times(self) -> str:
        """How long it has run, and what is left by what it took before."""
        if self.expected is None:
            return f"{self.seconds:.0f} s"
        left = self.expected - self.seconds
        return f"{self.seconds:.0f} s, " + (
            f"about {left:.0f} s left" if left >= 1 else f"{self.expected:.0f} s before"
        )

    @property
    def still(self) -> str:
        """One line that says that it goes on."""
        of = f" of about {self.expected:.0f} s" if self.expected is not None else ""
        return f"still: {self.title}, {self.seconds:.0f} s{of}"


@dataclass(slots=True)
class _Row:
    """A step that runs, and when it is to be spoken of next."""

    title: str
    start: float
    mark: float = FIRST_MARK


class Board:
    """Follows the steps of a build."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._rows: dict[str, _Row] = {}

    def take(self, event: Event, *, now: float) -> None:
        """Note that a step was seen or has ended; BuildKit may speak of one only some time after its start."""
        if isinstance(event, StepEnd):
            self._rows.pop(event.number, None)
            return
        start = now - event.seconds
        row = self._rows.setdefault(event.number, _Row(title=event.title, start=start))
        row.start = min(row.start, start)

    def running(self, *, now: float) -> tuple[Running, ...]:
        """Return the steps that run, the one that was seen first at first."""
        return tuple(self._running(row, now) for row in self._rows.values())

    def due(self, *, now: float) -> tuple[Running, ...]:
        """Return the steps that have run so long that it is to be said again; each rarer and rarer."""
        rows = [row for row in self._rows.values() if now - row.start >= row.mark]
        for row in rows:
            while row.mark <= now - row.start:
                row.mark = min(2 * row.mark, row.mark + MARK_EVERY)
        return tuple(self._running(row, now) for row in rows)

    def _running(self, row: _Row, now: float) -> Running:
        """Return a row as it is at this moment."""
        return Running(title=row.title, seconds=max(0.0, now - row.start), expected=self._expected(row.title))
