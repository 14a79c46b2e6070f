from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.errors import LockError, UsageError
from platform_images.files import json_text
from platform_images.locks.freshness import Status, inputs, states
from platform_images.locks.store import COMMON_OS, ROOT_UNIT, LockStore
from platform_images.locks.values import Unit
from platform_images.model import Environment, Mission, Platform, load_mission, load_platform
from platform_images.solve.lock import lock_unit
from platform_images.solve.session import LockOptions, all_units, lock_options, solve

Project = tuple[Platform, Mission, Environment]
MakeProject = Callable[..., Project]
SKY = Unit(scope="survey", part="sky")
KERNEL = "deployments/survey/kernels/sky"
REQUESTS = f"{KERNEL}/requirements.in"
SYSTEM = {
    "provider": "debootstrap",
    "source": "trixie",
    "digest": "sha256:00",
    "epoch": 1,
    "glibc": "2.41",
    "packages": [],
}


@pytest.fixture
def rooted(make_project: MakeProject, wheels: Path) -> Project:
    """A project whose operating system is locked already."""
    project = make_project()
    platform = project[0]
    store = LockStore(platform.locks)
    for unit, content in ((ROOT_UNIT, SYSTEM), (COMMON_OS, {"packages": []})):
        given = inputs(platform, None, unit)
        store.write(unit, files={"packages.json": json_text(content)}, inputs=given, solvers={})
    return project


def nox(folder: Path, project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    shutil.copy2(project / "noxfile.py", folder / "noxfile.py")
    argv = [sys.executable, "-m", "nox", *words]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=300)


def test_words_after_the_dashes() -> None:
    assert lock_options([]) == LockOptions()
    assert lock_options(["--upgrade"]) == LockOptions(upgrade=True)
    words = ["--upgrade-package", "numpy", "--upgrade-package", "astropy"]
    assert lock_options(words) == LockOptions(upgrade_packages=("numpy", "astropy"))


@pytest.mark.parametrize("words", [["--upgrad"], ["numpy"], ["--upgrade", "--upgrade-package", "a"]])
def test_wrong_words_show_the_usage(words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        lock_options(words)
    assert "usage: nox -s lock" in str(caught.value.fix)


def test_common_units_come_first(make_project: MakeProject) -> None:
    names = [str(unit) for unit in all_units(make_project()[0].folder)]
    assert names == ["common/root", "common/os", "common/base", "survey/sky"]


def test_solving_writes_a_fresh_lock_and_leaves_it_alone_then(rooted: Project) -> None:
    platform, mission, _ = rooted
    solve(platform.folder, SKY, [])
    found = {state.unit: state.status for state in states(platform, mission)}
    assert found[SKY] is Status.FRESH
    place = platform.locks / "survey" / "sky"
    before = {path.name: path.stat().st_mtime_ns for path in place.iterdir()}
    solve(platform.folder, SKY, [])
    assert {path.name: path.stat().st_mtime_ns for path in place.iterdir()} == before


def test_a_failed_solve_leaves_the_old_lock(rooted: Project, project: Path) -> None:
    folder = rooted[0].folder
    solve(folder, SKY, [])
    place = folder / "locks" / "survey" / "sky"
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    (folder / REQUESTS).write_text("betta\n")
    done = nox(folder, project, "-s", "lock(survey, sky)")
    assert done.returncode != 0
    assert "(did you mean 'beta'?)" in done.stderr
    assert f"{REQUESTS}:1: betta" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    assert [path.name for path in place.parent.iterdir()] == ["sky"]


def test_an_unknown_package_to_upgrade_is_a_usage_error(rooted: Project) -> None:
    folder = rooted[0].folder
    solve(folder, SKY, [])
    with pytest.raises(UsageError, match=r"'bta' \(did you mean 'beta'\?\)"):
        solve(folder, SKY, ["--upgrade-package", "bta"])
    solve(folder, SKY, ["--upgrade-package", "Beta"])


def test_what_a_killed_run_has_left_is_no_lock(rooted: Project) -> None:
    folder = rooted[0].folder
    left = folder / "locks" / "survey" / ".sky.new-abcd"
    left.mkdir(parents=True)
    (left / "lock.json").write_text("{}")
    with pytest.raises(UsageError, match="No lock has a package 'bta'"):
        solve(folder, SKY, ["--upgrade-package", "bta"])


def test_a_lock_to_upgrade_in_that_cannot_be_read_is_named(rooted: Project) -> None:
    platform = rooted[0]
    LockStore(platform.locks).write(COMMON_OS, files={"packages.json": "[]\n"}, inputs={}, solvers={})
    with pytest.raises(LockError, match="common/os is damaged"):
        solve(platform.folder, SKY, ["--upgrade-package", "beta"])


def test_sessions_are_listed_for_each_unit(make_project: MakeProject, project: Path) -> None:
    done = nox(make_project()[0].folder, project, "--list")
    assert done.returncode == 0, done.stderr
    for name in ("lock(common, root)", "lock(common, base)", "lock(survey, sky)", "lock_check", "tests", "lint"):
        assert name in done.stdout


def test_a_mistake_in_a_mission_is_told_without_a_traceback(make_project: MakeProject, project: Path) -> None:
    folder = make_project()[0].folder
    (folder / "deployments/survey/mission.toml").write_text('title = "S"\nversion = "1"\nkernel = ["sky"]\n')
    done = nox(folder, project, "--list")
    assert done.returncode == 2
    assert "did you mean 'kernels'?" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_lock_check_fails_until_everything_is_solved(rooted: Project, project: Path) -> None:
    folder = rooted[0].folder
    checked = nox(folder, project, "-s", "lock_check")
    assert checked.returncode != 0
    assert "survey/sky" in checked.stderr
    assert 'nox -s "lock(common, base)"' in checked.stderr
    assert nox(folder, project, "-s", "lock").returncode == 0
    checked = nox(folder, project, "-s", "lock_check")
    assert checked.returncode == 0
    assert "4 locks are fresh" in checked.stderr
    assert "nothing asks for it" not in checked.stderr
    shutil.copytree(folder / "locks/survey/sky", folder / "locks/survey/gone")
    checked = nox(folder, project, "-s", "lock_check")
    assert checked.returncode == 0
    assert "locks/survey/gone: nothing asks for it any more; git rm -r locks/survey/gone" in checked.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (REQUESTS, "beta<1.1\n-r more.in\n"),
        (f"{KERNEL}/more.in", "beta<1.1\n"),
        (f"{KERNEL}/constraints.txt", "beta<1.1\n"),
        (f"{KERNEL}/environment.yml", "dependencies: [python=3.13]\n"),
    ],
)
@pytest.mark.parametrize("moment", ["conda:", "pip:"])
def test_requests_that_are_edited_while_they_are_solved_are_not_saved(
    rooted: Project, name: str, text: str, moment: str
) -> None:
    folder = rooted[0].folder
    (folder / REQUESTS).write_text("beta\n-r more.in\n")
    (folder / f"{KERNEL}/more.in").write_text("alpha\n")
    (folder / f"{KERNEL}/constraints.txt").write_text("")
    platform = load_platform(folder)
    mission = load_mission(platform, "survey")
    store = LockStore(platform.locks)

    def say(told: str) -> None:
        if told.startswith(moment):
            (folder / name).write_text(text)

    with pytest.raises(LockError, match="was edited meanwhile; nothing is saved") as caught:
        lock_unit(platform, mission, SKY, store=store, say=say)
    assert caught.value.why == f"{name} changed"
    assert store.read(SKY) is None


def test_what_was_read_before_it_was_edited_is_not_solved(rooted: Project) -> None:
    """A build that solves reads all requests first, and comes to a kernel much later."""
    platform, mission, _ = rooted
    (platform.folder / f"{KERNEL}/environment.yml").write_text("dependencies: [python=3.13]\n")
    said: list[str] = []
    with pytest.raises(LockError, match="was edited meanwhile") as caught:
        lock_unit(platform, mission, SKY, store=LockStore(platform.locks), say=said.append)
    assert caught.value.why == "environment.yml is not as it was when this began"
    assert said == []
