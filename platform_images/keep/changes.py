"""Which files differ between a commit and the working tree: git is asked."""

from __future__ import annotations

from pathlib import Path

from platform_images.keep.revisions import commit_of, git

_OTHERWISE = ", or leave --since out: every mission is then meant"


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
    commit = commit_of(folder, since, otherwise=_OTHERWISE)
    tracked = git(folder, "diff", "--name-only", "--no-renames", "--no-ext-diff", "--relative", "-z", commit, "--")
    new = git(folder, "ls-files", "--others", "--exclude-standard", "-z")
    return tuple(sorted({path for path in (tracked + new).split("\0") if path}))
