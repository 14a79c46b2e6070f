"""The progress of a build's steps: live lines on a terminal, plain lines elsewhere; how long they took is kept."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from platform_images import console, process
from platform_images.building.board import Board, Running
from platform_images.building.durations import Durations, durations_text, parse_durations, with_build
from platform_images.engine.buildlog import Event, StepEnd, Watch, told
from platform_images.engine.buildx import log_path
from platform_images.files import write_text

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live

_LOOK_EVERY = 1.0
_REFRESHES = 2
_MARGIN = 4  # a terminal writes ^C where the cursor is


@contextmanager
def shown_progress(name: str) -> Iterator[Watch]:
    """Show the steps of a build to a person, and give what is to be told of them.

    Whatever ends the build, the terminal is in order afterwards, and what steps took is kept for the next one.
    """
    known = read_durations(durations_path(name))
    live = console.stderr().is_interactive and sys.stderr.isatty()
    display = Display(console.stderr(), Board(known.expected), live=live, clock=time.monotonic)
    try:
        yield display.take
    finally:
        with process.undisturbed():
            display.close()
            if display.ended:
                write_durations(durations_path(name), with_build(known, display.ended))


class Display:
    """Writes progress to a console; begins with the first step, so that others may use the console before."""

    def __init__(self, on: Console, board: Board, *, live: bool, clock: Callable[[], float]) -> None:
        self._console = on
        self._board = board
        self._clock = clock
        self._shown: Live | _Looker | None = None
        self._make = self._lines if live else self._looker
        self._closed = False
        self._turn = threading.Lock()  # beginning and closing
        self._lock = threading.Lock()  # the board; nothing is written under it, for a console has a lock of its own
        self._ended: dict[str, StepEnd] = {}

    @property
    def ended(self) -> tuple[StepEnd, ...]:
        """The steps that have ended, each once."""
        return tuple(self._ended.values())

    def take(self, event: Event) -> None:
        """Show a step that is seen to run or to end."""
        with self._lock:
            self._board.take(event, now=self._clock())
            if isinstance(event, StepEnd):
                self._ended[event.number] = event
        shown = self._begun()
        line = told(event) if isinstance(event, StepEnd) else None
        if shown is not None and line is not None:
            shown.refresh()  # its live line goes before the settled one comes
            self._console.print(f"  {line}")

    def look(self) -> None:
        """Say of steps that take long that they go on."""
        with self._lock:
            due = self._board.due(now=self._clock())
        for running in due:
            self._console.print(f"  {running.still}")

    def close(self) -> None:
        """Leave nothing but settled lines; what is told from now on is not shown."""
        with self._turn:
            self._closed = True
            if self._shown is not None:
                self._shown.stop()

    def _begun(self) -> Live | _Looker | None:
        """Begin with the first step; return what shows the steps, None after the end."""
        with self._turn:
            if self._shown is None and not self._closed:
                self._shown = self._make()
                self._shown.start()
            return None if self._closed else self._shown

    def _lines(self) -> Live:
        """Return a live line for each step that runs."""
        from rich.live import Live

        return Live(
            console=self._console,
            get_renderable=self._rows,
            refresh_per_second=_REFRESHES,
            transient=True,
            redirect_stdout=False,  # it is the result
        )

    def _looker(self) -> _Looker:
        """Return what looks now and then where there is no terminal."""
        return _Looker(self.look)

    def _rows(self) -> Group:
        """Return the live lines of this moment."""
        from rich.console import Group
        from rich.text import Text

        with self._lock:
            running = () if self._closed else self._board.running(now=self._clock())
        return Group(*(Text(row, no_wrap=True, style="cyan") for row in rows(running, self._console)))


class _Looker:
    """Calls ``look`` every second, in a thread of its own."""

    def __init__(self, look: Callable[[], None], *, every: float = _LOOK_EVERY) -> None:
        self._look = look
        self._every = every
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def refresh(self) -> None:
        """Draw nothing: there is no live line."""

    def stop(self) -> None:
        """End, and wait for a line that is being written."""
        self._end.set()
        self._thread.join(timeout=self._every)

    def _run(self) -> None:
        with suppress(OSError):  # the reader of our lines is gone; whoever writes the next one hears of it
            while not self._end.wait(self._every):
                self._look()


def rows(running: tuple[Running, ...], on: Console) -> Iterator[str]:
    """Yield a line for each step that fits the terminal and its encoding; the times are always seen."""
    from rich.cells import cell_len, set_cell_size

    for each in running:
        times = f" ({each.times})"
        title = f"  {each.title}".encode(on.encoding, "backslashreplace").decode(on.encoding)
        room = max(0, on.width - _MARGIN - len(times))
        yield (set_cell_size(title, room) if cell_len(title) > room else title) + times


def durations_path(name: str) -> Path:
    """Return where it is kept how long the steps of a build took."""
    return log_path(name).with_suffix(".json")


def read_durations(path: Path) -> Durations:
    """Return what is known of earlier builds; nothing where there is no file that can be read."""
    try:
        return parse_durations(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Durations()


def write_durations(path: Path, durations: Durations) -> None:
    """Keep what is known, where that can be: it is no more than a help."""
    with suppress(OSError):
        write_text(path, durations_text(durations))
