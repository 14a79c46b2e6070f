"""Which commit a revision is: git is asked, and a revision that is not here is told with its cure."""

from __future__ import annotations

from pathlib import Path

from platform_images import process
from platform_images.errors import PrerequisiteError, ToolError, UsageError
from platform_images.model.spelling import nearest

_QUERY_SECONDS = 120.0


def commit_of(folder: Path, revision: str, *, otherwise: str = "") -> str:
    """Return the commit that a branch, a tag or anything else names that git knows as a commit.

    Args:
        folder: The project's top folder, which may be below that of the repository.
        revision: What was given.
        otherwise: What helps where git cannot: the end of a sentence, such as ``, or leave --since out``.

    Raises:
        UsageError: There is none here, or this is no checkout of git.
        PrerequisiteError: There is no git on this machine.
    """
    try:
        git(folder, "rev-parse", "--is-inside-work-tree")
    except PrerequisiteError as error:
        raise PrerequisiteError(
            "There is no git on this machine, which --since asks what has changed.", fix=f"install git{otherwise}"
        ) from error
    except ToolError as error:
        raise UsageError(
            "git does not take this project's folder for a checkout, so that nobody knows what has changed.",
            why=error.why,
            fix=f"run it in a clone of the repository{otherwise}",
        ) from error
    if not revision or revision.startswith("-"):  # git would take it for an option
        raise _unknown(folder, revision)
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()
    except ToolError as error:
        raise _unknown(folder, revision) from error


def git(folder: Path, *words: str) -> str:
    """Run git in the project's folder, and return what it says."""
    return process.run(["git", "-C", str(folder), *words], timeout=_QUERY_SECONDS).stdout


def _unknown(folder: Path, revision: str) -> UsageError:
    """Return the error for a revision that is not here, which may be since the clone is not whole."""
    if git(folder, "rev-parse", "--is-shallow-repository").strip() == "true":
        return UsageError(
            f"git has no commit {revision!r} here: this clone is shallow.",
            why="It holds the last commits only.",
            fix="git fetch --unshallow; with actions/checkout: fetch-depth: 0",
        )
    names = git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
    return UsageError(
        f"git knows no commit {revision!r} here{nearest(revision, names.split())}.",
        fix="git fetch, then give a branch, a tag or a commit of git log, such as --since origin/main",
    )
