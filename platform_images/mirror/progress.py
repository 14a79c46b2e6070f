"""How far a download is: a bar on a terminal, a line now and then where there is none."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from platform_images import console
from platform_images.fetch import Count, Item

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

_EVERY = 100_000_000


class Progress:
    """Shows bars."""

    def __init__(self, bars: Bars | None) -> None:
        self._bars = bars
        self._lock = threading.Lock()

    @contextmanager
    def of(self, name: str, items: Sequence[Item]) -> Iterator[Count]:
        """Give what is to be told of each number of bytes of these files."""
        sizes = [item.size for item in items if item.size is not None]
        total = sum(sizes) if len(sizes) == len(items) else None
        said = f"  fetching {len(items)} files" + (f", {total / 1e6:.0f} MB" if total is not None else "")
        if self._bars is None:
            console.say(said)
            yield self._lines(total)
            return
        task = self._bars.add_task(name, total=total)
        yield lambda number: self._bars.update(task, advance=number) if self._bars else None
        self._bars.update(task, completed=total)

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._bars is not None:
            self._bars.stop()

    def _lines(self, total: int | None) -> Count:
        """Return what prints a line after every hundred megabytes."""
        state = {"done": 0, "said": 0}

        def count(number: int) -> None:
            with self._lock:
                state["done"] += number
                if state["done"] - state["said"] < _EVERY:
                    return
                state["said"] = state["done"]
            of = f" of {total / 1e6:.0f}" if total is not None else ""
            console.say(f"  {state['done'] / 1e6:.0f}{of} MB")

        return count


def shown_progress() -> Progress:
    """Return bars on a terminal, lines elsewhere."""
    if not console.stderr().is_terminal:
        return Progress(None)
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bars = Bars(*columns, TimeRemainingColumn(), console=console.stderr())
    bars.start()
    return Progress(bars)
