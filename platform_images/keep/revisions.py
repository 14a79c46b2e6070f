"""Which commit a revision is: git is asked, and a revision that is not here is told with its cure."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from platform_images import process
from platform_images.errors import PrerequisiteError, ToolError, UsageError
from platform_images.model.spelling import nearest

_QUERY_SECONDS = 120.0
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_HASH = re.compile(r"[0-9a-f]{4,63}")
# What a longer history can bring: a name, steps back from it, or a commit by its message.
_BROUGHT = re.compile(r"(?!-|\S*\.\.)(?P<name>(?:(?!@\{)[^\s~^:])+)(?P<steps>[~^].*)?|:/(?P<text>.+)")


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
    found = _found(folder, revision)
    if found is None:
        raise _unknown(folder, revision)
    return found


def git(folder: Path, *words: str) -> str:
    """Run git in the project's folder, and return what it says."""
    return process.run(["git", "-C", str(folder), *words], timeout=_QUERY_SECONDS).stdout


def _found(folder: Path, revision: str) -> str | None:
    """Return the commit that a revision is; nothing where it is none.

    It is asked for as a commit first, which also says which object a short hash means. To git all that follows ``:/``
    is the text to look for, so that such a revision is looked up as it is.
    """
    if not revision or revision.startswith("-"):  # git would take it for an option
        return None
    return _parsed(folder, f"{revision}^{{commit}}") or (
        _parsed(folder, f"{name}^{{commit}}") if (name := _parsed(folder, revision)) else None
    )


def _parsed(folder: Path, revision: str) -> str | None:
    """Return the hash of the one object that git takes a revision for; nothing where it takes it for none."""
    try:
        said = git(folder, "rev-parse", "--verify", "--quiet", revision).strip()
    except ToolError:
        return None
    return said if _HASH.fullmatch(said) else None  # ^main is all but main


def _unknown(folder: Path, revision: str) -> UsageError:
    """Return the error for a revision that is not here, which may be since the clone is not whole."""
    names = git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
    near = nearest(revision, names.split())
    if git(folder, "rev-parse", "--is-shallow-repository").strip() == "true" and (cure := _cure(folder, revision)):
        return UsageError(
            f"git has no commit {revision!r} here{near}: this clone is shallow.",
            why="It holds the last commits only, and the branches and tags that it was asked for.",
            fix=cure,
        )
    return UsageError(
        f"git knows no commit {revision!r} here{near}.",
        fix="git fetch, then give a branch, a tag or a commit of git log, such as --since origin/main",
    )


def _cure(folder: Path, revision: str) -> str | None:
    """Return what brings a revision into a shallow clone; nothing where that is not what it lacks."""
    shape = _BROUGHT.fullmatch(revision)
    if shape is None:
        return None
    remotes = git(folder, "remote").split()
    if not remotes:
        return "clone the repository again, without --depth"
    remote = "origin" if "origin" in remotes else remotes[0]
    name, steps = shape["name"] or "HEAD", shape["steps"] or ""
    whole = bool(shape["text"] or steps)
    words, then = [], revision
    if _found(folder, name) is not None:
        if not whole:
            return None
    elif _HASH.fullmatch(name):
        words = [name]
    elif _SHORT_HASH.fullmatch(name):
        whole = True
    elif name.startswith(f"{remote}/"):
        words = [f"+{name.removeprefix(f'{remote}/')}:refs/remotes/{name}"]
    else:
        words, then = [name], f"FETCH_HEAD{steps}"
    command = shlex.join(["git", "fetch", *(["--unshallow"] if whole else []), remote, *words])
    return f"{command}, then --since {_quoted(then)}; with actions/checkout: fetch-depth: 0"


def _quoted(revision: str) -> str:
    """Return a revision as a shell takes it; steps such as ``HEAD~1`` need no quotes, though ``shlex`` gives them."""
    return revision if re.fullmatch(r"\w[\w~^./:-]*", revision) else shlex.quote(revision)
