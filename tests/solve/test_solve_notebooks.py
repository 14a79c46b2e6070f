"""Locking notebooks against git repositories on this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from platform_images.errors import ToolError, UsageError
from platform_images.locks.freshness import Status, inputs, states
from platform_images.locks.store import LockStore, mission_units
from platform_images.locks.values import COMMITS, Unit
from platform_images.model import Mission, Platform, load_mission, load_platform
from platform_images.solve.lock import lock_unit
from platform_images.solve.notebooks import solve_notebooks

UNIT = Unit(scope="tike", part="notebooks")
Asking = Callable[..., Mission]
Said = list[str]


class Repository:
    """A git repository with one commit on ``main``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.first = self.commit()

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> str:
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture(scope="module")
def platform(project: Path) -> Platform:
    return load_platform(project)


@pytest.fixture
def asking(platform: Platform, repository: Repository) -> Asking:
    """``asking(first="main", second="v1")``: the mission tike with notebooks from the repository at these refs."""

    def ask(url: str = "", **refs: str) -> Mission:
        tike = load_mission(platform, "tike")
        rows = [{"url": url or f"file://{repository.folder}", "ref": ref, "folder": name} for name, ref in refs.items()]
        settings = type(tike.settings).model_validate({**tike.settings.model_dump(), "notebooks": rows})
        return replace(tike, settings=settings)

    return ask


def solved(platform: Platform, mission: Mission) -> dict[str, str]:
    """Folder to commit."""
    solution = solve_notebooks(platform, mission, old=None, say=lambda text: None)
    assert set(solution.solvers) == {"git"}
    return {row["folder"]: row["commit"] for row in json.loads(solution.files[COMMITS])["notebooks"]}


def test_a_branch_a_tag_and_a_commit_are_locked_by_commit(
    platform: Platform, asking: Asking, repository: Repository
) -> None:
    repository.git("tag", "light")
    repository.git("tag", "--annotate", "--message", "one", "v1")
    second = repository.commit()
    found = solved(platform, asking(branch="main", tag="v1", light="light", commit=repository.first, head="HEAD"))
    first = repository.first
    assert found == {"branch": second, "tag": first, "light": first, "commit": first, "head": second}


def test_a_lock_names_no_place(platform: Platform, asking: Asking, repository: Repository) -> None:
    solution = solve_notebooks(platform, asking(first="main"), old=None, say=lambda text: None)
    assert str(repository.folder) not in solution.files[COMMITS]
    assert "file:" not in solution.files[COMMITS]


def test_a_ref_that_is_not_there_is_said_with_those_that_are(
    platform: Platform, asking: Asking, repository: Repository
) -> None:
    repository.git("tag", "--annotate", "--message", "one", "v1")
    with pytest.raises(UsageError) as caught:
        solved(platform, asking(first="mian"))
    assert "deployments/tike/mission.toml" in caught.value.what
    assert "has main, v1" in str(caught.value.why)
    with pytest.raises(UsageError, match="has no commit"):
        solved(platform, asking(first="a" * 40))


@pytest.mark.parametrize("url", ["file:///nowhere/at/all", "http://127.0.0.1:9/a.git", "git://127.0.0.1:9/a.git"])
def test_a_repository_that_does_not_answer_is_said(platform: Platform, asking: Asking, url: str) -> None:
    for ref in ("main", "a" * 40):
        with pytest.raises(ToolError) as caught:
            solved(platform, asking(url, first=ref))
        assert caught.value.what == "The repository of the notebooks 'first' did not answer."
        assert url in str(caught.value.fix)


def test_a_lock_is_stale_where_repository_or_ref_are_others_and_only_then(
    platform: Platform, asking: Asking, tmp_path: Path
) -> None:
    store, said = LockStore(tmp_path / "locks"), Said()

    def status(mission: Mission) -> Status:
        return {each.unit: each.status for each in states(platform, mission, store=store)}[UNIT]

    assert status(asking(first="main")) is Status.MISSING
    assert lock_unit(platform, asking(first="main"), UNIT, store=store, say=said.append)
    assert status(asking(first="main")) is Status.FRESH
    assert not lock_unit(platform, asking(first="main"), UNIT, store=store, say=said.append)
    assert said[-1] == "fresh, nothing to do"
    assert status(asking(first="v1")) is Status.STALE
    assert status(asking("https://example.org/a.git", first="main")) is Status.STALE
    assert status(asking(first="main", second="main")) is Status.STALE
    assert list(inputs(platform, asking(first="main"), UNIT)) == ["deployments/tike/mission.toml#notebooks.first"]


def test_what_is_locked_stays_until_it_is_upgraded(
    platform: Platform, asking: Asking, repository: Repository, tmp_path: Path
) -> None:
    store = LockStore(tmp_path / "locks")

    def lock(mission: Mission, *, upgrade: bool = False) -> dict[str, str]:
        lock_unit(platform, mission, UNIT, store=store, say=lambda text: None, upgrade=upgrade)
        rows = json.loads(store.require(UNIT).files[COMMITS])["notebooks"]
        return {row["folder"]: row["commit"] for row in rows}

    lock(asking(first="main"))
    second = repository.commit()
    both = asking(first="main", second="main")
    assert lock(both) == {"first": repository.first, "second": second}
    assert lock(both, upgrade=True) == {"first": second, "second": second}


def test_a_mission_without_notebooks_has_no_such_unit(platform: Platform, asking: Asking) -> None:
    assert UNIT not in mission_units(load_mission(platform, "tike"))
    assert UNIT in mission_units(asking(first="main"), ("tess",))


def test_a_failure_leaves_the_old_lock(
    platform: Platform, asking: Asking, repository: Repository, tmp_path: Path
) -> None:
    store = LockStore(tmp_path / "locks")
    lock_unit(platform, asking(first="main"), UNIT, store=store, say=lambda text: None)
    before = store.require(UNIT)
    with pytest.raises(UsageError):
        lock_unit(platform, asking(first="none"), UNIT, store=store, say=lambda text: None)
    assert store.require(UNIT) == before
