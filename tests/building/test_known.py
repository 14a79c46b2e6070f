"""known.py: what distributions say is read once, against uv and wheels of a folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.building.wheels import lock_of, wheel


@pytest.fixture
def installed(uv: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The releases that uv was asked for, in the order of asking."""
    asked: list[str] = []
    plan, run = sys.modules["plan_pip"], sys.modules["plan_pip"].run

    def watched(words: list[str], environment: dict[str, str]) -> None:
        text = Path(words[words.index("--requirements") + 1]).read_text()
        asked.extend(sorted(sys.modules["pip_part"].releases(text)))
        run(words, environment)

    monkeypatch.setattr(plan, "run", watched)
    return asked


@pytest.fixture
def lines(uv: SimpleNamespace) -> dict[str, str]:
    wheels = uv.folder / "wheels"
    return {
        "alpha": wheel(wheels, "alpha", "1", {"alpha.py": "a = 1\n", "README": "alpha"}, script="alpha"),
        "beta": wheel(wheels, "beta", "1", {"beta.py": "b = 1\n", "README": "beta"}),
    }


def plans(uv: SimpleNamespace, name: str, *lines: str) -> dict[str, str]:
    """Plan a lock, each distribution in a layer of its own; return what was written."""
    work = uv.folder / name
    work.mkdir()
    lock = lock_of(work / "lock", *lines)
    found = sys.modules["pip_part"].releases("".join(lines))
    (work / "groups.json").write_text(json.dumps({each: f"layer-{each}" for each in found}))
    sys.modules["plan_pip"].main(uv.prefix, lock, work / "groups.json", work / "plans", [])
    written = sorted(path for path in (work / "plans").rglob("*") if path.is_file())
    return {str(path.relative_to(work / "plans")): path.read_text() for path in written}


def test_a_second_plan_is_the_first_one_and_installs_nothing(
    uv: SimpleNamespace, lines: dict[str, str], installed: list[str]
) -> None:
    first = plans(uv, "first", *lines.values())
    assert installed == ["alpha", "beta"]
    assert "README" in first["layer-alpha/left-out.txt"]
    installed.clear()
    assert plans(uv, "second", *lines.values()) == first
    assert installed == []


def test_of_a_changed_lock_only_what_is_new_is_installed_and_the_plan_is_that_of_an_empty_cache(
    uv: SimpleNamespace, lines: dict[str, str], installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plans(uv, "first", *lines.values())
    installed.clear()
    new = wheel(uv.folder / "wheels", "beta", "2", {"beta.py": "b = 2\n", "alpha.py": "b"})
    changed = plans(uv, "second", lines["alpha"], new)
    assert installed == ["beta"]
    for name in ("pip_part", "known", "plan_pip"):
        monkeypatch.setattr(sys.modules[name], "CACHE", uv.folder / "empty")
    assert plans(uv, "third", lines["alpha"], new) == changed
    assert "alpha.py" in changed["layer-alpha/left-out.txt"]


def test_who_asks_for_a_release_does_not_make_it_another_one(
    uv: SimpleNamespace, lines: dict[str, str], installed: list[str]
) -> None:
    plans(uv, "first", *lines.values())
    installed.clear()
    plans(uv, "second", *(f"{each}    # via somebody else\n" for each in lines.values()))
    assert installed == []


def test_what_is_built_from_source_is_asked_each_time(
    uv: SimpleNamespace, lines: dict[str, str], installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["plan_pip"], "built", lambda text: {"beta"})
    plans(uv, "first", *lines.values())
    installed.clear()
    plans(uv, "second", *lines.values())
    assert installed == ["beta"]


def test_another_python_and_another_environment_are_asked_anew(
    uv: SimpleNamespace, lines: dict[str, str], installed: list[str]
) -> None:
    known = sys.modules["known"]
    plans(uv, "first", *lines.values())
    shelf = known.shelf(uv.prefix)
    (uv.prefix / "conda-meta/python-3.99.0-0.json").write_text("{}")
    assert known.shelf(uv.prefix) != shelf
    assert known.shelf(uv.folder) != shelf
    installed.clear()
    plans(uv, "second", *lines.values())
    assert installed == ["alpha", "beta"]


def test_what_another_step_kept_first_stays(uv: SimpleNamespace, lines: dict[str, str], installed: list[str]) -> None:
    known = sys.modules["known"]
    plans(uv, "first", *lines.values())
    shelf = known.shelf(uv.prefix)
    before = sorted(path.name for path in shelf.iterdir())
    place = uv.folder / "place"
    known.take(shelf, place, lines)
    known.keep(shelf, place, lines, lines)
    assert sorted(path.name for path in shelf.iterdir()) == before
    assert len(before) == len(lines)
