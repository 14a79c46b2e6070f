from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.errors import PrerequisiteError, UsageError
from platform_images.keep.changes import changed_paths

Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> Path:
    """A repository of four files and one commit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for name in ("changed", "deleted", "renamed", "kept"):
        (folder / name).write_text(f"{name}\n" * 20)
    (folder / ".gitignore").write_text("ignored\n")
    commit(folder, git)
    return folder


def commit(folder: Path, git: Git) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Work")


def change(folder: Path) -> None:
    (folder / "changed").write_text("otherwise\n")
    (folder / "deleted").unlink()
    (folder / "renamed").rename(folder / "new name")
    (folder / "deep").mkdir()
    (folder / "deep" / 'zwölf\tund\n"eins"').write_text("12\n")
    (folder / "ignored").write_text("12\n")


EVERYTHING = ("changed", 'deep/zwölf\tund\n"eins"', "deleted", "new name", "renamed")


def test_nothing_differs_after_a_commit(repository: Path) -> None:
    assert changed_paths(repository, "HEAD") == ()


@pytest.mark.parametrize("stage", ["in the tree", "in the index", "in a commit"])
def test_changed_new_deleted_and_both_names_of_renamed_files(repository: Path, git: Git, stage: str) -> None:
    git(repository, "tag", "before")
    change(repository)
    if stage != "in the tree":
        git(repository, "add", "--all")
    if stage == "in a commit":
        commit(repository, git)
    assert changed_paths(repository, "before") == EVERYTHING


def test_what_was_put_back_does_not_differ(repository: Path, git: Git) -> None:
    before = (repository / "changed").read_text()
    (repository / "changed").write_text("otherwise\n")
    commit(repository, git)
    (repository / "changed").write_text(before)
    assert changed_paths(repository, "HEAD^") == ()
    assert changed_paths(repository, "HEAD") == ("changed",)


def test_settings_of_a_person_change_nothing(repository: Path, git: Git) -> None:
    for key, value in (("diff.renames", "copies"), ("diff.external", "false"), ("status.showUntrackedFiles", "no")):
        git(repository, "config", key, value)
    git(repository, "config", "color.ui", "always")
    change(repository)
    assert changed_paths(repository, "HEAD") == EVERYTHING


def test_a_project_below_the_repository_s_top_folder_has_names_of_its_own(repository: Path, git: Git) -> None:
    project = repository / "project"
    (project / "common").mkdir(parents=True)
    (project / "common" / "apt.txt").write_text("git\n")
    commit(repository, git)
    (project / "common" / "apt.txt").write_text("jq\n")
    (project / "new").write_text("new\n")
    (repository / "changed").write_text("otherwise\n")
    assert changed_paths(project, "HEAD") == ("common/apt.txt", "new")


@pytest.mark.parametrize("since", ["nothing", "-x", "--help", "HEAD~7", "0" * 40, "main:kept"])
def test_a_revision_that_is_none(repository: Path, since: str) -> None:
    with pytest.raises(UsageError, match="git knows no commit") as caught:
        changed_paths(repository, since)
    assert caught.value.fix is not None


def test_a_shallow_clone_without_the_commit_says_how_to_get_it(repository: Path, tmp_path: Path, git: Git) -> None:
    commit(repository, git)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), str(clone))
    with pytest.raises(UsageError, match="this clone is shallow") as caught:
        changed_paths(clone, "HEAD~1")
    assert caught.value.fix is not None and "fetch-depth: 0" in caught.value.fix
    git(clone, "fetch", "--quiet", "--unshallow")
    assert changed_paths(clone, "HEAD~1") == ()


def test_a_folder_that_is_no_checkout(repository: Path) -> None:
    shutil.rmtree(repository / ".git")
    with pytest.raises(UsageError, match="does not take this project's folder for a checkout") as caught:
        changed_paths(repository, "HEAD")
    assert "not a git repository" in str(caught.value)


def test_a_machine_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(PrerequisiteError, match="no git on this machine") as caught:
        changed_paths(repository, "HEAD")
    assert caught.value.fix is not None and "leave --since out" in caught.value.fix
