from __future__ import annotations

from platform_images.building.board import Board, Running
from platform_images.engine.buildlog import StepEnd, StepSeen

CONDA = "kernel-old-conda: /opt/conda/envs/old, conda part"


def board(**expected: float) -> Board:
    return Board(expected.get)


def test_a_step_runs_from_when_it_was_seen_until_it_ends() -> None:
    following = board(a=90.0)
    following.take(StepSeen(number="1", title="a"), now=100.0)
    following.take(StepSeen(number="2", title="b"), now=105.0)
    assert following.running(now=110.0) == (
        Running(title="a", seconds=10.0, expected=90.0),
        Running(title="b", seconds=5.0),
    )
    following.take(StepEnd(number="1", title="a", state="done", seconds=11.0), now=111.0)
    assert [each.title for each in following.running(now=111.0)] == ["b"]


def test_a_step_that_is_spoken_of_again_goes_on_and_its_own_words_tell_when_it_began() -> None:
    following = board()
    following.take(StepSeen(number="1", title="a"), now=110.0)
    following.take(StepSeen(number="1", title="a"), now=130.0)
    assert following.running(now=130.0)[0].seconds == 20.0
    following.take(StepSeen(number="1", title="a", seconds=28.0), now=130.0)
    assert following.running(now=130.0)[0].seconds == 28.0


def test_a_step_that_ends_before_it_was_seen_is_no_trouble() -> None:
    following = board()
    following.take(StepEnd(number="1", title="a", state="cached"), now=0.0)
    assert following.running(now=1.0) == ()


def test_a_long_step_is_spoken_of_rarer_and_rarer() -> None:
    following = board(a=90.0)
    following.take(StepSeen(number="1", title="a"), now=0.0)
    said = [each.still for now in range(2000) for each in following.due(now=float(now))]
    assert said[:3] == [f"still: a, {seconds} s of about 90 s" for seconds in (30, 60, 120)]
    assert [line.split()[2] for line in said[3:]] == ["240", "480", "780", "1080", "1380", "1680", "1980"]


def test_a_clock_that_jumped_gives_one_line_and_not_one_for_each_mark() -> None:
    following = board()
    following.take(StepSeen(number="1", title=CONDA), now=0.0)
    assert [each.still for each in following.due(now=1000.0)] == [f"still: {CONDA}, 1000 s"]
    assert following.due(now=1001.0) == ()


def test_the_time_left_is_told_until_there_is_none() -> None:
    assert Running(title="a", seconds=12.4).times == "12 s"
    assert Running(title="a", seconds=12.4, expected=90.0).times == "12 s, about 78 s left"
    assert Running(title="a", seconds=95.0, expected=90.0).times == "95 s, 90 s before"
