from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from platform_images.building import revision
from platform_images.keep import matrix
from platform_images.keep.matrix import Touched, touched
from platform_images.model import load_platform

Invoke = Callable[..., subprocess.CompletedProcess[str]]
Git = Callable[..., str]
MISSIONS = ("roman", "tike")


def names(*paths: str) -> tuple[str, ...]:
    return tuple(each.mission for each in touched(paths, MISSIONS))


@pytest.mark.parametrize(
    "path",
    [
        "deployments/tike/mission.toml",
        "deployments/tike/Dockerfile",
        "deployments/tike/kernels/tess/tests/notebooks/find-a-planet.ipynb",
        "deployments/tike/home/any name\nat all.md",
        "locks/tike/tess/lock.json",
    ],
)
def test_a_mission_s_files_and_locks_touch_that_mission(path: str) -> None:
    assert touched([path], MISSIONS) == (Touched(mission="tike", reasons=(path,)),)


@pytest.mark.parametrize(
    "path",
    [
        "bootstrap",
        "common/apt.txt",
        "common/channel/linux-64/repodata.json",
        "locks/common/base/lock.json",
        "locks/project/requirements.txt",
        "noxfile.py",
        "platform.toml",
        "platform_images/build.py",
        "platform_images/compose/stages.py",
        "pyproject.toml",
        "tasks.py",
    ],
)
def test_what_every_image_is_made_from_touches_all(path: str) -> None:
    assert touched([path], MISSIONS) == tuple(Touched(mission=name, reasons=(path,)) for name in MISSIONS)


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "docs/build.md",
        "tests/tike/test_tike.py",
        "tests/small/deployments/small/mission.toml",
        "locks/project/hub/lock.json",
        ".github/workflows/weekly.yml",
        "deployments/README.md",
        "deployments/tike-old/mission.toml",
        "commonplace.md",
        "tasks.py.orig",
    ],
)
def test_what_no_image_is_made_from_touches_none(path: str) -> None:
    assert touched([path], MISSIONS) == ()


def test_what_an_image_s_revision_is_told_by_is_among_what_touches() -> None:
    assert set(revision._COMMON) <= set(matrix.EVERYWHERE)


def test_nothing_touches_nothing_and_a_deleted_mission_is_not_listed() -> None:
    assert names() == ()
    assert names("deployments/gone/mission.toml", "locks/gone/os/lock.json") == ()


def test_missions_come_in_their_order_and_reasons_sorted_once() -> None:
    paths = ["tasks.py", "deployments/tike/apt.txt", "common/apt.txt", "tasks.py"]
    assert touched(paths, MISSIONS) == (
        Touched(mission="roman", reasons=("common/apt.txt", "tasks.py")),
        Touched(mission="tike", reasons=("common/apt.txt", "deployments/tike/apt.txt", "tasks.py")),
    )


@pytest.mark.parametrize(("count", "last"), [(5, "common/4"), (6, "and 1 more"), (17, "and 12 more")])
def test_many_reasons_are_counted(count: int, last: str) -> None:
    (found, _) = touched([f"common/{number}" for number in range(count)], MISSIONS)
    assert found.reasons[:5] == ("common/0", "common/1", *found.reasons[2:5])
    assert found.reasons[-1] == last
    assert len(found.reasons) == min(count, 6)


def test_the_line_is_one_line_of_ascii_that_is_a_matrix() -> None:
    line = matrix.matrix_line([Touched(mission="tike", reasons=("deployments/tike/ä\nb",))])
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert json.loads(line) == {"include": [{"mission": "tike", "reasons": ["deployments/tike/ä\nb"]}]}
    assert json.loads(matrix.matrix_line([])) == {"include": []}


def test_a_channel_and_certificates_of_the_project_touch_all(checkout: Path) -> None:
    with (checkout / "platform.toml").open("a") as platform:
        platform.write('[[channels]]\nname = "own"\npath = "./channels/own/"\n[tls]\nca_bundle = "site/ca.pem"\n')
    places = matrix.everywhere(load_platform(checkout))
    assert touched(["channels/own/noarch/repodata.json"], ["small"], everywhere=places)
    assert touched(["site/ca.pem"], ["small"], everywhere=places)
    assert not touched(["site/other.pem", "channels/other"], ["small"], everywhere=places)


# --- the command ---


def asked(run_invoke: Invoke, folder: Path, *words: str) -> dict[str, list[str]]:
    done = run_invoke(folder, "matrix", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    return {each["mission"]: each["reasons"] for each in json.loads(done.stdout)["include"]}


def test_without_a_revision_every_mission_is_meant(checkout: Path, run_invoke: Invoke) -> None:
    assert asked(run_invoke, checkout) == {"other": ["all"], "small": ["all"]}
    assert asked(run_invoke, checkout, "--since", "") == {"other": ["all"], "small": ["all"]}
    shutil.rmtree(checkout / ".git")
    assert asked(run_invoke, checkout, "--json") == {"other": ["all"], "small": ["all"]}


def test_committed_and_uncommitted_changes_count(checkout: Path, run_invoke: Invoke, git: Git) -> None:
    assert asked(run_invoke, checkout, "--since", "main") == {}
    (checkout / "docs/build.md").write_text("# What a build shows\n")
    (checkout / "deployments/small/apt.txt").write_text("git\n")
    git(checkout, "switch", "--quiet", "--create", "wish")
    git(checkout, "commit", "--quiet", "--all", "--message", "Second")
    (checkout / "deployments/small/hooks/20-more").write_text("#!/bin/sh\n")
    assert asked(run_invoke, checkout, "--since", "main") == {
        "small": ["deployments/small/apt.txt", "deployments/small/hooks/20-more"]
    }
    assert asked(run_invoke, checkout, "--since", "HEAD") == {"small": ["deployments/small/hooks/20-more"]}


def terminal(argv: Sequence[str], folder: Path) -> str:
    """What a program says on a terminal."""
    master, slave = pty.openpty()
    with subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave) as child:
        os.close(slave)
        said = b""
        try:
            while chunk := os.read(master, 4096):
                said += chunk
        except OSError:  # the other end is closed
            pass
        os.close(master)
    assert child.returncode == 0, said
    return said.decode()


def test_a_terminal_gets_a_table_and_json_where_it_asks(checkout: Path) -> None:
    argv = [sys.executable, "-m", "invoke", "matrix"]
    assert "reasons" in terminal(argv, checkout).splitlines()[0]
    assert json.loads(terminal([*argv, "--json"], checkout))["include"][0] == {"mission": "other", "reasons": ["all"]}
    assert "No image is made from what has changed since HEAD." in terminal([*argv, "--since", "HEAD"], checkout)


def test_colour_that_is_asked_for_makes_no_terminal(
    checkout: Path, run_invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert asked(run_invoke, checkout) == {"other": ["all"], "small": ["all"]}


def test_an_unknown_revision_is_a_mistake_of_use(checkout: Path, run_invoke: Invoke) -> None:
    done = run_invoke(checkout, "matrix", "--since", "mian")
    assert (done.returncode, done.stdout) == (2, "")
    assert "git knows no commit 'mian' here (did you mean 'main'?)." in done.stderr
    assert "To cure it: git fetch" in done.stderr
