from __future__ import annotations

import io
import re
import threading
from pathlib import Path

import pytest
from rich.console import Console

from platform_images import console
from platform_images.building.board import Board, Running
from platform_images.building.durations import Durations, Past
from platform_images.building.progress import Display, durations_path, read_durations, rows, shown_progress
from platform_images.engine.buildlog import BuildLog, StepEnd, StepSeen
from platform_images.errors import ToolError

RECORDED = Path(__file__).parent / "recorded" / "build.txt"
PIP = "kernel-new: /opt/conda/envs/new, pip part"
CONTROL = re.compile(r"\x1b\[(?P<count>\d*)(?P<what>[AKm])|\x1b\[\?25[lh]|\x1b\[[\d;]*m")
SETTLED = [
    "  root: FROM platform-images/root:09eaf5128da7 (0.0 s)",
    "  files: files of files (0.8 s)",
    "  kernel-new: /opt/conda/envs/new, pip part (15.2 s)",
    "  kernel-old-conda: /opt/conda/envs/old, conda part (41.7 s)",
    "  final: COPY /opt/conda /opt/conda (2.1 s)",
    "  exporting to image (4.0 s)",
]


class FakeClock:
    """A clock that only goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def screen(text: str) -> list[str]:
    """What a terminal shows after it was sent ``text``, without blank lines."""
    lines, row, column, place = [""], 0, 0, 0
    while place < len(text):
        found = CONTROL.match(text, place)
        if found:
            if found["what"] == "A":
                row = max(0, row - int(found["count"] or 1))
            elif found["what"] == "K":
                lines[row] = ""
            place = found.end()
            continue
        letter = text[place]
        place += 1
        if letter == "\n":
            row, column = row + 1, 0
            lines.extend([""] * (row + 1 - len(lines)))
        elif letter == "\r":
            column = 0
        else:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + letter + line[column + 1 :]
            column += 1
    return [line.rstrip() for line in lines if line.strip()]


def display(*, live: bool, width: int = 100, height: int = 20, **expected: float) -> tuple[Display, FakeClock, Console]:
    clock = FakeClock()
    on = Console(
        file=io.StringIO(),
        force_terminal=live,
        width=width,
        height=height,
        soft_wrap=True,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    return Display(on, Board({PIP: 15.0, **expected}.get), live=live, clock=clock), clock, on


def written(on: Console) -> str:
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue()


def replay(shown: Display) -> None:
    log = BuildLog()
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        event = log.read(line)
        if event is not None:
            shown.take(event)


def refresh(shown: Display) -> None:
    """Draw the live lines now, as their own thread does from time to time."""
    live = shown._shown
    assert live is not None
    live.refresh()


def test_without_a_terminal_there_is_one_plain_line_for_each_finished_step() -> None:
    shown, _, on = display(live=False)
    replay(shown)
    shown.close()
    assert written(on).splitlines() == SETTLED


def test_without_a_terminal_a_long_step_is_spoken_of_now_and_then() -> None:
    shown, clock, on = display(live=False)
    shown.take(StepSeen(number="45", title=PIP))
    clock.now += 29
    shown.look()
    assert written(on) == ""
    clock.now += 2
    shown.look()
    shown.look()
    assert written(on) == f"  still: {PIP}, 31 s of about 15 s\n"
    shown.close()


def test_on_a_terminal_nothing_but_settled_lines_is_left() -> None:
    shown, _, on = display(live=True)
    replay(shown)
    shown.close()
    assert screen(written(on)) == SETTLED


def test_on_a_terminal_each_step_that_runs_has_a_line_below_the_settled_ones() -> None:
    shown, clock, on = display(live=True)
    shown.take(StepSeen(number="45", title=PIP))
    shown.take(StepSeen(number="46", title="kernel-old: conda part"))
    clock.now += 12
    refresh(shown)
    assert screen(written(on)) == [f"  {PIP} (12 s, about 3 s left)", "  kernel-old: conda part (12 s)"]
    clock.now += 4
    on.print("  words of somebody else")
    shown.take(StepEnd(number="45", title=PIP, state="done", seconds=15.2))
    refresh(shown)
    settled = ["  words of somebody else", f"  {PIP} (15.2 s)"]
    assert screen(written(on)) == [*settled, "  kernel-old: conda part (16 s)"]
    shown.close()
    on.print("Error: it failed")
    assert screen(written(on)) == [*settled, "Error: it failed"]


def test_a_step_has_never_both_a_live_line_and_a_settled_one() -> None:
    shown, _, on = display(live=True)
    shown.take(StepSeen(number="45", title=PIP))
    refresh(shown)
    shown.take(StepEnd(number="45", title=PIP, state="done", seconds=15.2))
    assert screen(written(on)) == [f"  {PIP} (15.2 s)"]
    shown.close()


def test_an_error_that_ends_the_build_stands_alone_on_the_terminal() -> None:
    shown, _, on = display(live=True)
    for number in range(3):
        shown.take(StepSeen(number=str(number), title=f"kernel {number}"))
    refresh(shown)
    shown.take(StepEnd(number="1", title="kernel 1", state="failed"))
    shown.close()
    shown.take(StepSeen(number="4", title="late"))
    shown.take(StepEnd(number="2", title="kernel 2", state="done", seconds=1.0))
    on.print("Error: The build failed.")
    assert screen(written(on)) == ["  kernel 1: failed", "Error: The build failed."]


def test_more_steps_than_the_terminal_has_lines_leave_nothing_behind() -> None:
    shown, _, on = display(live=True, height=5)
    for number in range(12):
        shown.take(StepSeen(number=str(number), title=f"kernel {number}"))
    refresh(shown)
    assert len(screen(written(on))) <= 5
    shown.close()
    assert screen(written(on)) == []


def test_a_build_that_nobody_saw_a_step_of_writes_nothing() -> None:
    for live in (True, False):
        shown, _, on = display(live=live)
        shown.close()
        assert written(on) == ""


def test_a_line_fits_the_terminal_and_always_shows_the_times() -> None:
    narrow = Console(file=io.StringIO(), force_terminal=True, width=40)
    found = list(
        rows((Running(title="x" * 90, seconds=12.0, expected=90.0), Running(title="short", seconds=1)), narrow)
    )
    assert found[0].endswith("xx (12 s, about 78 s left)")
    assert len(found[0]) == 36
    assert found[1] == "  short (1 s)"


def test_a_wide_letter_takes_two_places_and_one_that_cannot_be_shown_is_escaped() -> None:
    narrow = Console(file=io.StringIO(), force_terminal=True, width=30)
    assert list(rows((Running(title="星" * 20, seconds=1.0),), narrow)) == ["  " + "星" * 9 + " (1 s)"]
    ascii_only = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), force_terminal=True, width=60)
    assert list(rows((Running(title="\xe9toile", seconds=1.0),), ascii_only)) == ["  \\xe9toile (1 s)"]


@pytest.fixture
def plain_stderr(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Console:
    """The console of progress writes to a string, and what is kept goes to a folder of the test's own."""
    on = Console(file=io.StringIO(), soft_wrap=True, highlight=False, markup=False)
    monkeypatch.setattr(console, "stderr", lambda: on)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return on


def test_what_steps_took_is_kept_for_the_next_build_even_of_one_that_fails(plain_stderr: Console) -> None:
    with pytest.raises(ToolError), shown_progress("small") as watch:
        watch(StepEnd(number="1", title=PIP, state="done", seconds=15.2))
        raise ToolError("a step failed")
    assert read_durations(durations_path("small")) == Durations(builds=1, steps={PIP: Past(build=1, seconds=(15.2,))})


def test_a_build_that_ends_before_its_first_step_keeps_nothing(plain_stderr: Console) -> None:
    with pytest.raises(KeyboardInterrupt), shown_progress("small"):
        raise KeyboardInterrupt
    assert not durations_path("small").exists()


def test_where_nothing_can_be_kept_the_build_goes_on(
    plain_stderr: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with shown_progress("small") as watch:
        watch(StepEnd(number="1", title=PIP, state="done", seconds=15.2))
    assert written(plain_stderr) == f"  {PIP} (15.2 s)\n"


def test_nothing_runs_behind_after_the_end(plain_stderr: Console) -> None:
    before = threading.active_count()
    with shown_progress("small") as watch:
        watch(StepSeen(number="1", title=PIP))
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


@pytest.mark.parametrize(("term", "live"), [("xterm", True), ("dumb", False)])
def test_live_lines_need_a_terminal_that_can_move_its_cursor(
    term: str, live: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    on = Console(file=io.StringIO(), force_terminal=True, soft_wrap=True, highlight=False, markup=False)
    monkeypatch.setattr(console, "stderr", lambda: on)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with shown_progress("small") as watch:
        watch(StepEnd(number="1", title=PIP, state="done", seconds=15.2))
    assert ("\x1b[?25l" in written(on)) is live


def test_no_colour_leaves_the_live_lines_without_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown, _, on = display(live=True)
    shown.take(StepSeen(number="45", title=PIP))
    refresh(shown)
    shown.close()
    assert not re.search(r"\x1b\[[\d;]*m", written(on))
