from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from platform_images import console
from platform_images.publish.progress import Layers, shown_layers
from platform_images.publish.values import LayerEvent, LayerState


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is written to a console that is no terminal."""
    stream = io.StringIO()
    plain = Console(file=stream, width=120)
    monkeypatch.setattr(console, "stderr", lambda: plain)
    return stream


def event(state: LayerState, done: int = 0, total: int | None = None) -> LayerEvent:
    return LayerEvent(layer="0123456789ab", state=state, done=done, total=total)


def test_a_layer_has_one_line_when_it_has_arrived(output: io.StringIO) -> None:
    with shown_layers() as watch:
        watch(event(LayerState.WAITS))
        watch(event(LayerState.TRAVELS, 1_000_000, 12_000_000))
        watch(event(LayerState.TRAVELS, 12_000_512, 12_000_000))
        assert output.getvalue() == ""
        watch(event(LayerState.SENT))
        watch(event(LayerState.SENT))
    assert output.getvalue() == "  + layer 0123456789ab, 12 MB\n"


def test_a_layer_that_is_there_has_none(output: io.StringIO) -> None:
    with shown_layers() as watch:
        watch(event(LayerState.WAITS))
        watch(event(LayerState.THERE))
    assert output.getvalue() == ""


def test_a_layer_that_breaks_off_is_told_once_each_time(output: io.StringIO) -> None:
    with shown_layers() as watch:
        for _ in range(2):
            for _second in range(5):
                watch(event(LayerState.TRIES_AGAIN))
            watch(event(LayerState.TRAVELS, 1, 2))
    assert output.getvalue().count("broke off") == 2


def test_a_bar_lasts_as_long_as_its_layer_travels(output: io.StringIO) -> None:
    bars = Progress(console=Console(file=io.StringIO(), force_terminal=True))
    layers = Layers(bars)
    layers.take(event(LayerState.TRAVELS, 5, 9))
    layers.take(event(LayerState.TRAVELS, 10, 9))
    assert [(task.description, task.completed, task.total) for task in bars.tasks] == [("0123456789ab", 9, 9)]
    layers.take(event(LayerState.SENT))
    assert bars.tasks == []
