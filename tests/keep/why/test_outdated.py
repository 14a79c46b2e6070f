from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from platform_images.errors import ToolError
from platform_images.keep import outdated
from tests.keep.why.conftest import write_project
from tests.keep.why.server import Index

HERE = "deployments/survey/kernels/sky"


def ask(folder: Path, *, kernel: str | None = None, direct: bool = False, code: bool = False, json: bool = True) -> int:
    return outdated.run(folder, "survey", kernel=kernel, direct=direct, exit_code=code, json=json)


def test_what_is_outdated_and_why(sky: Path, json_of: Callable[[], Any]) -> None:
    assert ask(sky) == 0
    rows = {row["package"]: row for row in json_of()}
    assert {name: (row["version"], row["newest"], row["step"], row["direct"]) for name, row in rows.items()} == {
        "colours": ("8.0", "9.1", "major", False),
        "kernel-part": ("1.5", "1.5.1", "patch", True),
        "numbers": ("2.0", "3.1", "major", True),
        "viewer": ("1.0", "2.0", "major", True),
    }
    assert rows["kernel-part"]["held_by"] == []
    assert [each["by"] for each in rows["numbers"]["held_by"]] == [f"{HERE}/requirements.in:3", "plotting 1.0"]
    assert rows["viewer"]["requests"] == [{"file": f"{HERE}/more.in", "line": 3, "text": "viewer"}]
    assert rows["viewer"]["held_by"] == [
        {"by": f"{HERE}/bounds.txt:1", "bound": "colours<9, and the release requires colours>=9"}
    ]


def test_only_what_a_line_asks_for(sky: Path, json_of: Callable[[], Any]) -> None:
    assert ask(sky, direct=True) == 0
    assert [row["package"] for row in json_of()] == ["kernel-part", "numbers", "viewer"]


def test_the_exit_code_tells_where_it_shall(sky: Path) -> None:
    assert ask(sky, code=True) == 1
    assert ask(sky, kernel="base", code=True) == 0


def test_only_one_environment(sky: Path, index: Index, json_of: Callable[[], Any]) -> None:
    assert ask(sky, kernel="base") == 0
    assert json_of() == []
    assert index.asked == ["/simple/lab/"]


def test_each_page_is_asked_for_once(sky: Path, index: Index) -> None:
    assert ask(sky) == 0
    assert len(index.asked) == len(set(index.asked))


def test_a_table_for_people(sky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(sky, json=False) == 0
    said = capsys.readouterr().out
    assert "common/base: nothing outdated" in said and "survey/sky: 4 outdated" in said
    assert "plotting 1.0: numbers<2.5" in said and f"{HERE}/requirements.in:3" in said


def test_a_release_without_a_wheel_that_fits(sky: Path, index: Index, json_of: Callable[[], Any]) -> None:
    index.add("stars", "2.2", (), file="stars-2.2-cp313-cp313-win_amd64.whl")
    assert ask(sky, kernel="sky") == 0
    (row,) = [row for row in json_of() if row["package"] == "stars"]
    assert row["held_by"] == [{"by": "the release itself", "bound": "it has no wheel for this platform"}]


def test_who_may_hold_it_is_named_where_nobody_tells(sky: Path, index: Index, json_of: Callable[[], Any]) -> None:
    index.has_metadata = index.has_ranges = False
    assert ask(sky) == 0
    rows = {row["package"]: row for row in json_of()}
    assert rows["numbers"]["bounds_unknown"] == ["plotting", "stars"]


@pytest.fixture
def early(tmp_path: Path, index: Index) -> Path:
    """A project that has locked early releases: of one there is a later one, of another the final, of two neither."""
    versions = {"colours": "10.0b1", "kernel-part": "2.0rc1", "numbers": "3.1rc1", "viewer": "2.1.dev1"}
    folder = write_project(tmp_path / "project", index, versions=versions)
    index.add("colours", "10.0b2")
    index.add("colours", "10.0b3", yanked=True)
    return folder


def test_of_an_early_release_later_ones_and_the_final_one_count(early: Path, json_of: Callable[[], Any]) -> None:
    assert ask(early) == 0
    assert {row["package"]: (row["version"], row["newest"]) for row in json_of()} == {
        "colours": ("10.0b1", "10.0b2"),
        "numbers": ("3.1rc1", "3.1"),
    }


def test_what_is_newer_than_every_final_release_is_not_outdated_and_said(
    early: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(early, json=False) == 0
    said = capsys.readouterr().out
    assert "survey/sky: 2 outdated" in said
    assert "kernel-part 2.0rc1 is newer than every final release; the newest of those is 1.5.1\n" in said
    assert "viewer 2.1.dev1 is newer than every final release; the newest of those is 2.0\n" in said
    assert "colours 10.0b1 is newer" not in said
    assert ask(early, json=False, direct=True) == 0
    assert "viewer 2.1.dev1 is newer" in capsys.readouterr().out


def test_it_alone_is_no_exit_code(early: Path, index: Index) -> None:
    for name in ("colours", "numbers"):
        index.entries[name] = index.entries[name][:1]
    assert ask(early, code=True) == 0


def test_an_index_that_does_not_answer(sky: Path, index: Index) -> None:
    index.failures = 1000
    with pytest.raises(ToolError, match="The package index does not answer") as caught:
        ask(sky)
    assert "503" in str(caught.value) and caught.value.exit_code == 5


def test_a_narrow_terminal_loses_no_part_of_a_name() -> None:
    row = outdated.Row(
        environment="survey/sky",
        package="charset-normalizer",
        version="2.9.0.post0",
        newest="2026.10.19.post1",
        step="major",
        requests=(),
        held=(),
        unknown=(),
    )
    shown = io.StringIO()
    Console(width=40, file=shown).print(outdated.table([row]))
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown.getvalue()


@pytest.mark.parametrize("kernel", [None, "sky", "base"])
def test_an_index_that_has_nothing_of_what_is_locked_is_none(
    sky: Path, index: Index, monkeypatch: pytest.MonkeyPatch, kernel: str | None
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index.address.replace('://', '://me:secret@')}/simpel")
    with pytest.raises(
        ToolError, match="does not answer as an index does: it has none of the locked packages"
    ) as caught:
        ask(sky, kernel=kernel)
    assert caught.value.exit_code == 5
    assert f"***@{index.address.removeprefix('http://')}/simpel has not " in str(caught.value.why)
    assert "secret" not in str(caught.value)
    assert "UV_DEFAULT_INDEX" in str(caught.value.fix)


def test_a_package_that_the_index_has_dropped_is_not_outdated(
    sky: Path, index: Index, json_of: Callable[[], Any]
) -> None:
    del index.entries["numbers"]
    assert ask(sky) == 0
    assert [row["package"] for row in json_of()] == ["colours", "kernel-part", "viewer"]
