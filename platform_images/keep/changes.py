"""Which files differ between a commit and the working tree: git is asked."""

from __future__ import annotations

from pathlib import Path

from platform_images import process
from platform_images.errors import PrerequisiteError, ToolError, UsageError
from platform_images.model.spelling import nearest

_QUERY_SECONDS = 120.0
_WITHOUT = "leave --since out: every mission is then meant"


def changed_paths(folder: Path, since: str) -> tuple[str, ...]:
    """Return the files that differ, sorted: committed since or not, new, deleted, and both names of a renamed one.

    Args:
        folder: The project's top folder, which may be below that of the repository.
        since: A branch, tag or commit.

    Returns:
        Paths from the project's top folder on; files that git ignores are not among them.

    Raises:
        UsageError: The revision is not known here, or this is no checkout of git.
        PrerequisiteError: There is no git on this machine.
    """
    commit = _commit(folder, since)
    tracked = _git(folder, "diff", "--name-only", "--no-renames", "--no-ext-diff", "--relative", "-z", commit, "--")
    new = _git(folder, "ls-files", "--others", "--exclude-standard", "-z")
    return tuple(sorted({path for path in (tracked + new).split("\0") if path}))


def _commit(folder: Path, since: str) -> str:
    """Return the commit that a revision names."""
    try:
        _git(folder, "rev-parse", "--is-inside-work-tree")
    except PrerequisiteError as error:
        raise PrerequisiteError(
            "There is no git on this machine, which --since asks what has changed.",
            fix=f"install git, or {_WITHOUT}",
        ) from error
    except ToolError as error:
        raise UsageError(
            "git does not take this project's folder for a checkout, so that nobody knows what has changed.",
            why=error.why,
            fix=f"run it in a clone of the repository, or {_WITHOUT}",
        ) from error
    if since.startswith("-"):  # git would take it for an option
        raise _unknown(folder, since)
    try:
        return _git(folder, "rev-parse", "--verify", "--quiet", f"{since}^{{commit}}").strip()
    except ToolError as error:
        raise _unknown(folder, since) from error


def _unknown(folder: Path, since: str) -> UsageError:
    """Return the error for a revision that is not here, which may be since the clone is not whole."""
    if _git(folder, "rev-parse", "--is-shallow-repository").strip() == "true":
        return UsageError(
            f"git has no commit {since!r} here: this clone is shallow.",
            why="It holds the last commits only.",
            fix="git fetch --unshallow; with actions/checkout: fetch-depth: 0",
        )
    names = _git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
    return UsageError(
        f"git knows no commit {since!r} here{nearest(since, names.split())}.",
        fix="git fetch, then give a branch, a tag or a commit of git log, such as --since origin/main",
    )


def _git(folder: Path, *words: str) -> str:
    """Run git in the project's folder."""
    return process.run(["git", "-C", str(folder), *words], timeout=_QUERY_SECONDS).stdout
