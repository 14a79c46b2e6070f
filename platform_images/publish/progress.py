"""The layers of a push: a bar for each that travels on a terminal, and a line for each that has arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from platform_images import console
from platform_images.building.summary import bytes_in_words
from platform_images.publish.values import LayerEvent, LayerState

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

Watch = Callable[[LayerEvent], None]


@contextmanager
def shown_layers() -> Iterator[Watch]:
    """Give what is to be told of each layer; the terminal is in order afterwards, whatever ends the push."""
    bars = _bars() if console.stderr().is_terminal else None
    try:
        yield Layers(bars).take
    finally:
        if bars is not None:
            bars.stop()


class Layers:
    """Shows what becomes of layers."""

    def __init__(self, bars: Bars | None) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._states: dict[str, LayerState] = {}
        self._sizes: dict[str, int] = {}

    def take(self, event: LayerEvent) -> None:
        """Show an event."""
        before = self._states.get(event.layer)
        self._states[event.layer] = event.state
        if event.total:
            self._sizes[event.layer] = event.total
        if event.state is LayerState.TRAVELS:
            self._draw(event)
            return
        self._end(event.layer)
        if event.state is before:
            return
        if event.state is LayerState.SENT:
            size = self._sizes.get(event.layer)
            console.say(f"  + layer {event.layer}" + (f", {bytes_in_words(size)}" if size else ""))
        elif event.state is LayerState.TRIES_AGAIN:
            console.say(f"  layer {event.layer} broke off; the engine tries again", style="yellow")

    def _draw(self, event: LayerEvent) -> None:
        """Move a layer's bar on."""
        if self._bars is None:
            return
        if event.layer not in self._tasks:
            self._tasks[event.layer] = self._bars.add_task(event.layer, total=event.total)
        # the engine counts a little more than there is
        done = min(event.done, event.total) if event.total else event.done
        self._bars.update(self._tasks[event.layer], completed=done, total=event.total)

    def _end(self, layer: str) -> None:
        """Take a layer's bar away."""
        task = self._tasks.pop(layer, None)
        if task is not None and self._bars is not None:
            self._bars.remove_task(task)


def _bars() -> Bars:
    """Return bars that leave nothing behind."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bars = Bars(*columns, console=console.stderr(), transient=True, redirect_stdout=False)
    bars.start()
    return bars
