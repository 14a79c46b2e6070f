from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.model import Environment, Mission, Platform
from platform_images.solve import conda_front

MakeProject = Callable[..., tuple[Platform, Mission, Environment]]


@pytest.fixture
def front(make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of the front for a small channel."""
    platform, _, _ = make_project()
    path = tmp_path / "front.json"
    path.write_text(json.dumps({"channels": {"embedded": platform.channel_base("embedded")}}))
    monkeypatch.setenv(conda_front.SETTINGS, str(path))
    monkeypatch.setenv("CONDA_SUBDIR", "linux-64")
    return path


def prefix(folder: Path) -> Path:
    """A prefix that has an old Python, as conda-lock makes it up for an update."""
    record = {"name": "python", "version": "3.11.1", "fn": "python-3.11.1-0.conda"}
    record["url"] = "embedded/linux-64/python-3.11.1-0.conda"
    (folder / "conda-meta").mkdir(parents=True)
    (folder / "conda-meta" / "python-3.11.1-0.json").write_text(json.dumps(record))
    return folder


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, object]:
    assert conda_front.main(words) == code
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_solve_is_answered_as_conda_does(front: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("create", "--prefix", "p", "--dry-run", "--json", "--override-channels", "--channel", "embedded")
    found = answer(capsys, *words, "python 3.13.*")
    (package,) = found["actions"]["FETCH"]  # type: ignore[index]
    assert package["url"] == "embedded/linux-64/python-3.13.5-0.conda"
    assert (package["name"], package["version"], len(package["sha256"])) == ("python", "3.13.5", 64)


def test_a_failure_is_an_answer_too(front: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "create", "--dry-run", "--json", "--channel", "embedded", "nosuch", code=1)
    assert "nosuch" in str(found["message"])


def test_it_installs_nothing(front: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "create", "--json", "--channel", "embedded", "python", code=1)
    assert "installs nothing" in str(found["message"])


def test_a_prefix_is_listed(front: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (package,) = answer(capsys, "list", "--no-pip", "-p", str(prefix(tmp_path / "p")), "--json")
    assert package["dist_name"] == "python-3.11.1-0"  # type: ignore[index]


def test_an_update_moves_what_is_named_and_no_more(
    front: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(prefix(tmp_path / "p"))
    words = ("--channel", "embedded", "-p", place, "--json", "--dry-run")
    (kept,) = (
        package
        for package in answer(capsys, "update", *words, "libgdal")["actions"]["LINK"]  # type: ignore[index]
        if package["name"] == "python"
    )
    assert kept["version"] == "3.11.1"
    (moved,) = answer(capsys, "update", *words, "python 3.13.*")["actions"]["LINK"]  # type: ignore[index]
    assert moved["version"] == "3.13.5"


def test_conda_locks_own_update_works_with_it(front: Path, tmp_path: Path, make_project: MakeProject) -> None:
    launcher = tmp_path / "conda"
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} -m platform_images.solve.conda_front "$@"\n')
    launcher.chmod(0o755)
    (tmp_path / "names.json").write_text("{}")
    request = tmp_path / "environment.yml"
    words = [sys.executable, "-m", "conda_lock", "lock", "--conda", str(launcher), "-f", request.name]
    words += ["-p", "linux-64", "--without-cuda", "--pypi_to_conda_lookup_file", "names.json"]
    locked = tmp_path / "conda-lock.yml"
    asked = "{channels: [embedded], dependencies: ['python=3.11', libgdal]}"
    request.write_text(asked)
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    old = locked.read_text()
    assert "python-3.11.1-0" in old  # conda-lock's own idea of a system has an old glibc
    subprocess.run([*words, "--update", "libgdal"], cwd=tmp_path, check=True, capture_output=True)
    assert locked.read_text() == old
