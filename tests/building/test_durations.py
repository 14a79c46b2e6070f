from __future__ import annotations

import json
from pathlib import Path

import pytest

from platform_images.building.durations import Durations, Past, durations_text, parse_durations, with_build
from platform_images.building.progress import durations_path, read_durations, write_durations
from platform_images.engine.buildlog import StepEnd

PIP = "kernel-new: /opt/conda/envs/new, pip part"


def done(title: str, seconds: float) -> StepEnd:
    return StepEnd(title=title, state="done", seconds=seconds)


def test_what_is_written_is_read_again() -> None:
    known = with_build(Durations(), [done(PIP, 15.25), StepEnd(title="os: Debian packages", state="cached")])
    assert parse_durations(durations_text(known)) == known
    assert known.steps[PIP] == Past(build=1, seconds=(15.2,))


def test_a_step_may_take_what_it_took_in_the_middle_of_its_last_five_builds() -> None:
    known = Durations()
    for seconds in (900.0, 10.0, 12.0, 11.0, 300.0, 13.0):
        known = with_build(known, [done(PIP, seconds)])
    assert known.expected(PIP) == 12.0
    assert known.builds == 6


def test_neither_a_step_that_never_ran_nor_one_that_failed_or_was_cached_tells_how_long_it_takes() -> None:
    ends = [StepEnd(title="a", state="cached"), StepEnd(title="b", state="failed", seconds=3.0)]
    known = with_build(Durations(), ends)
    assert [known.expected(title) for title in ("a", "b", "c")] == [None, None, None]


def test_a_step_that_no_build_has_had_for_long_is_forgotten_and_one_that_was_cached_is_not() -> None:
    known = with_build(Durations(), [done("gone", 5.0), done("stays", 6.0)])
    for _ in range(50):
        known = with_build(known, [StepEnd(title="stays", state="cached")])
    assert set(known.steps) == {"stays"}
    assert known.expected("stays") == 6.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"format": 2, "builds": 1, "steps": {}}',
        '{"format": 1, "builds": 1, "steps": []}',
        '{"format": 1, "builds": "x"}',
    ],
)
def test_a_damaged_file_tells_nothing(text: str) -> None:
    assert parse_durations(text) == Durations()


@pytest.mark.parametrize(
    "past",
    [
        None,
        [],
        {"build": 1},
        {"build": 1, "seconds": 3},
        {"build": "1", "seconds": [1.0]},
        {"build": True, "seconds": [1.0]},
        {"build": -1, "seconds": [1.0]},
        {"build": 1, "seconds": ["1"]},
        {"build": 1, "seconds": [-1.0]},
        {"build": 1, "seconds": [float("nan")]},
        {"build": 1, "seconds": [float("inf")]},
        {"build": 1, "seconds": [10**400]},
    ],
)
def test_of_a_file_that_is_damaged_in_part_the_rest_is_used(past: object) -> None:
    good = {"build": 1, "seconds": [4]}
    known = parse_durations(json.dumps({"format": 1, "builds": 1, "steps": {"bad": past, "good": good}}))
    assert (known.expected("bad"), known.expected("good")) == (None, 4.0)


def test_a_file_that_cannot_be_read_or_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = with_build(Durations(), [done(PIP, 1.0)])
    (tmp_path / "file").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none.json", tmp_path, tmp_path / "file", tmp_path / "file" / "below.json"):
        assert read_durations(path) == Durations()
    write_durations(tmp_path / "file" / "below.json", known)
    write_durations(tmp_path, known)
    monkeypatch.setattr("platform_images.building.progress.write_text", refuse)
    write_durations(tmp_path / "new.json", known)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def refuse(path: Path, text: str) -> bool:
    raise PermissionError(13, "Permission denied", str(path))


def test_durations_lie_beside_the_log_whatever_the_name_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = durations_path("mission-1.0")
    assert path == tmp_path / "platform-images" / "builds" / "mission-1.0.json"
    write_durations(path, with_build(Durations(), [done(PIP, 2.0)]))
    assert read_durations(path).expected(PIP) == 2.0
