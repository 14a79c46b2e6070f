"""Turns of build steps that run at the same time: how many at once, who is first, and what a killed one leaves."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

import pytest

from platform_images.compose.sources import PROGRAMS


@pytest.fixture(scope="module")
def turns() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inside_turns", PROGRAMS / "turns.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hold(module: ModuleType, folder: Path, rank: str, log: Path) -> None:
    """Work for a moment, and write when it begins and when it ends."""
    with module.turn(folder, rank, most=2):
        note(log, f"+{rank}")
        time.sleep(0.3)
        note(log, f"-{rank}")


def note(log: Path, text: str) -> None:
    with log.open("a", encoding="utf-8") as stream:
        stream.write(text + "\n")


@contextmanager
def begun(*arguments: object) -> Iterator[BaseProcess]:
    child = multiprocessing.get_context("fork").Process(target=hold, args=arguments)
    child.start()
    try:
        yield child
    finally:
        child.kill()
        child.join()


def wait_for(text: str, log: Path) -> None:
    end = time.monotonic() + 20
    while not (log.exists() and text in log.read_text().splitlines()):
        assert time.monotonic() < end, f"{text} did not come"
        time.sleep(0.01)


def test_two_work_at_a_time_and_the_lower_ranks_are_first(turns: ModuleType, tmp_path: Path) -> None:
    folder, log = tmp_path / "turns", tmp_path / "log"
    with ExitStack() as ends:
        children = [ends.enter_context(begun(turns, folder, rank, log)) for rank in ("8", "9")]
        wait_for("+8", log)
        wait_for("+9", log)
        children += [ends.enter_context(begun(turns, folder, rank, log)) for rank in ("3", "2", "1", "0")]
        for child in children:
            child.join(20)
    events = log.read_text().split()
    running = [sum(1 if event[0] == "+" else -1 for event in events[: n + 1]) for n in range(len(events))]
    assert max(running) == 2
    assert set(events[:2]) == {"+8", "+9"}
    order = [event[1] for event in events if event[0] == "+"][2:]
    assert set(order[:2]) == {"0", "1"}
    assert set(order[2:]) == {"2", "3"}


def test_one_that_is_killed_gives_its_turn_back(turns: ModuleType, tmp_path: Path) -> None:
    folder, log = tmp_path / "turns", tmp_path / "log"
    with begun(turns, folder, "1", log) as first, begun(turns, folder, "2", log) as second:
        wait_for("+1", log)
        wait_for("+2", log)
        for child in (first, second):
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            child.join()
        with turns.turn(folder, "9", most=1):
            assert len(turns.held(folder)) == 1
    assert list(folder.iterdir()) == []


def test_an_error_gives_the_turn_back(turns: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="of the step"), turns.turn(tmp_path / "turns", "1"):
        raise ValueError("of the step")
    assert list((tmp_path / "turns").iterdir()) == []
