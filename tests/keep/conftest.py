from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Git = Callable[..., str]


@pytest.fixture(autouse=True)
def own_git_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the person who runs the tests do not count; whoever commits has a name."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")


@pytest.fixture
def git() -> Git:
    """``git(folder, "add", "--all")``: git's standard output; it must not fail."""

    def run(folder: Path, *words: str) -> str:
        argv = ["git", "-C", str(folder), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    return run


@pytest.fixture
def checkout(small_project: Path, tmp_path: Path, git: Git) -> Path:
    """A project of the missions ``small`` and ``other`` with one commit, on the branch ``main``."""
    folder = tmp_path / "project"
    shutil.copytree(small_project, folder)
    shutil.copytree(folder / "deployments/small", folder / "deployments/other")
    shutil.copytree(folder / "locks/small", folder / "locks/other")
    (folder / "docs").mkdir()
    (folder / "docs" / "build.md").write_text("# Builds\n")
    (folder / ".gitignore").write_text("reports/\n__pycache__/\n")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "First")
    return folder
