from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.errors import UsageError
from platform_images.keep.revisions import commit_of

Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> Path:
    """Three commits on ``main``, the second of which is the tag ``v1``, and one more on ``wish``."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / "file").write_text("1\n")
    git(folder, "add", "file")
    for text in ("First", "Second: solve it", "Third"):
        git(folder, "commit", "--quiet", "--allow-empty", "--message", text)
    git(folder, "tag", "--annotate", "v1", "HEAD~1", "--message", "One")
    git(folder, "branch", "old", "HEAD~2")
    git(folder, "switch", "--quiet", "--create", "wish")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Fourth")
    return folder


@pytest.mark.parametrize(
    "revision", ["v1", "v1^{}", "v1^0", "main~1", "HEAD~2", "HEAD^^", ":/Second", ":/solve it", "HEAD^{/Second}", "@~2"]
)
def test_whatever_git_knows_as_a_commit_is_one(repository: Path, git: Git, revision: str) -> None:
    second = git(repository, "rev-parse", "main~1").strip()
    assert commit_of(repository, revision) == second
    assert commit_of(repository, second[:8]) == second


@pytest.mark.parametrize(
    "revision",
    ["", "-x", "--all", "--output=x", "^HEAD", "HEAD^@", "HEAD^!", "HEAD:file", ":file", "v1..main", ":/Fifth", "a\nb"],
)
def test_whatever_it_does_not_is_refused(repository: Path, revision: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"git knows no commit {revision!r} here")) as caught:
        commit_of(repository, revision)
    assert caught.value.fix
    assert sorted(path.name for path in repository.iterdir()) == [".git", "file"]


@pytest.fixture
def shallow(repository: Path, tmp_path: Path, git: Git) -> Path:
    """A clone of the last commit on ``wish``."""
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), "shallow")
    return tmp_path / "shallow"


@pytest.mark.parametrize(
    ("revision", "meant", "command"),
    [
        ("HEAD~2", "main~1", "git fetch --unshallow origin"),
        (":/Second: solve", "main~1", "git fetch --unshallow origin"),
        ("origin/wish^", "main", "git fetch --unshallow origin"),
        ("origin/main", "main", "git fetch origin +main:refs/remotes/origin/main"),
        ("origin/main~1", "main~1", "git fetch --unshallow origin +main:refs/remotes/origin/main"),
        ("main", "main", "git fetch origin main"),
        ("main~1", "main~1", "git fetch --unshallow origin main"),
        ("v1", "main~1", "git fetch origin v1"),
        ("old", "main~2", "git fetch origin old"),
    ],
)
def test_in_a_shallow_clone_the_cure_brings_the_commit(
    repository: Path, shallow: Path, git: Git, revision: str, meant: str, command: str
) -> None:
    assert cured(shallow, git, revision) == (command, git(repository, "rev-parse", meant).strip())


@pytest.mark.parametrize(("length", "command"), [(40, "git fetch origin"), (9, "git fetch --unshallow origin")])
def test_a_commit_that_a_shallow_clone_lacks(
    repository: Path, shallow: Path, git: Git, length: int, command: str
) -> None:
    first = git(repository, "rev-parse", "old").strip()
    said, found = cured(shallow, git, first[:length])
    assert (said.removesuffix(f" {first}"), found) == (command, first)


def test_the_cure_names_the_remote_that_there_is(repository: Path, shallow: Path, git: Git) -> None:
    git(shallow, "remote", "rename", "origin", "upstream")
    git(shallow, "switch", "--quiet", "--detach")
    main = git(repository, "rev-parse", "main").strip()
    assert cured(shallow, git, "HEAD~1") == ("git fetch --unshallow upstream", main)


def cured(shallow: Path, git: Git, revision: str) -> tuple[str, str]:
    """Do what the error says: its command, and the commit that the revision it names is then."""
    with pytest.raises(UsageError, match="this clone is shallow") as caught:
        commit_of(shallow, revision)
    told = re.fullmatch(r"(git .+), then --since (.+); with actions/checkout: fetch-depth: 0", caught.value.fix or "")
    assert told, caught.value.fix
    git(shallow, *shlex.split(told[1])[1:], "--quiet")
    return told[1], commit_of(shallow, *shlex.split(told[2]))


def test_a_shallow_clone_that_is_of_nothing_any_more(shallow: Path, git: Git) -> None:
    git(shallow, "remote", "remove", "origin")
    with pytest.raises(UsageError, match="this clone is shallow") as caught:
        commit_of(shallow, "HEAD~1")
    assert caught.value.fix == "clone the repository again, without --depth"


@pytest.mark.parametrize("revision", ["HEAD:file", "HEAD@{9}", "--all", "v1..v2"])
def test_what_no_history_would_bring_is_no_matter_of_a_shallow_clone(shallow: Path, revision: str) -> None:
    with pytest.raises(UsageError, match="git knows no commit"):
        commit_of(shallow, revision)


def test_a_name_like_one_that_a_shallow_clone_has(shallow: Path) -> None:
    with pytest.raises(UsageError, match=r"git has no commit 'wihs' here \(did you mean 'wish'\?\)"):
        commit_of(shallow, "wihs")
