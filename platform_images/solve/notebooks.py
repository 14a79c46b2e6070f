"""Locking notebooks: git says at which commit each ref is now."""

from __future__ import annotations

import re
from collections.abc import Mapping

from platform_images import process, temporary
from platform_images.errors import PlatformError, ToolError, UsageError
from platform_images.files import json_text
from platform_images.locks.freshness import notebook_inputs
from platform_images.locks.store import commits
from platform_images.locks.values import COMMITS, Commits, Lock, LockedRef
from platform_images.model.files import Notebooks
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.solve.hostenv import host_environment
from platform_images.solve.solution import Say, Solution

LIMIT_SECONDS = 300.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PLACES = ("refs/tags/{}^{{}}", "refs/tags/{}", "refs/heads/{}", "{}^{{}}", "{}")
_NOT_THERE = re.compile(r"not our ref|unadvertised object|remote error: upload-pack")
_HINT = re.compile(r"^(hint: |\$ |Please make sure|and the repository exists)")


def solve_notebooks(
    platform: Platform, mission: Mission, *, old: Lock | None, upgrade: bool = False, say: Say
) -> Solution:
    """Return the commit of each of the mission's ``[[notebooks]]``.

    Args:
        platform: The platform.
        mission: The mission.
        old: The present lock; a folder whose repository and ref are the same stays at its commit.
        upgrade: Ask every repository anew.
        say: Told what is under way.

    Raises:
        UsageError: A repository has no such branch, tag or commit.
        ToolError: A repository did not answer.
    """
    environment = git_environment(platform)
    kept = {} if old is None or upgrade else _kept(mission, old)
    rows = []
    for each in sorted(mission.settings.notebooks, key=lambda found: found.folder):
        commit = kept.get(each.folder)
        if commit is None:
            say(f"asking for {each.ref} of {each.url}")
            commit = commit_of(each, environment, file=f"deployments/{mission.name}/mission.toml")
        rows.append(LockedRef(folder=each.folder, ref=each.ref, commit=commit))
    text = json_text(Commits(notebooks=tuple(rows)).model_dump())
    version = process.run(["git", "--version"], env=environment).stdout.split()[2]
    return Solution(files={COMMITS: text}, solvers={"git": version})


def git_environment(platform: Platform) -> dict[str, str]:
    """Return git's environment: this machine's, with its certificates; it asks nobody for a password."""
    environment = {name: value for name, value in host_environment(platform).items() if not name.startswith("GIT_DIR")}
    defaults = {"GIT_ASKPASS": "/bin/false", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}
    return {**defaults, **environment, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", "LANGUAGE": "C"}


def commit_of(request: Notebooks, environment: Mapping[str, str], *, file: str) -> str:
    """Return the commit that a ref is at.

    Raises:
        UsageError: The repository has no such branch, tag or commit.
        ToolError: The repository did not answer.
    """
    if _COMMIT.fullmatch(request.ref):
        _check_commit(request, environment, file=file)
        return request.ref
    listed = _git(["ls-remote", "--quiet", request.url], environment, request)
    found = {name: commit for commit, _, name in (line.partition("\t") for line in listed.splitlines())}
    for place in _PLACES:
        if (commit := found.get(place.format(request.ref))) is not None:
            return commit
    names = sorted(name.split("/", 2)[2] for name in found if name.startswith(("refs/heads/", "refs/tags/")))
    shown = [name for name in names if not name.endswith("^{}")]
    raise UsageError(
        f"{file}: the repository of the notebooks {request.folder!r} has no branch or tag {request.ref!r}.",
        why=f"{request.url} has {', '.join(shown[:20]) or 'none'}{', ...' if len(shown) > 20 else ''}",
        fix="correct the key 'ref'; a commit needs all its 40 digits",
    )


def _check_commit(request: Notebooks, environment: Mapping[str, str], *, file: str) -> None:
    """Refuse a commit that the repository does not give, alone or with its branches and tags."""
    with temporary.folder(temporary.Role.SOLVE) as scratch:
        folder = str(scratch / "cache.git")
        process.run(["git", "init", "--quiet", "--bare", folder], env=dict(environment))
        inside = ["--git-dir", folder]
        everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        try:
            _git([*inside, "fetch", "--quiet", "--depth=1", request.url, request.ref], environment, request)
        except ToolError as error:
            if not _NOT_THERE.search(error.why or ""):
                raise
            _git([*inside, "fetch", "--quiet", request.url, *everything], environment, request)
        try:
            process.run(["git", *inside, "cat-file", "-e", f"{request.ref}^{{commit}}"], env=dict(environment))
        except ToolError as error:
            raise UsageError(
                f"{file}: the repository of the notebooks {request.folder!r} has no commit {request.ref}.",
                why=request.url,
                fix="correct the key 'ref'",
            ) from error


def _git(words: list[str], environment: Mapping[str, str], request: Notebooks) -> str:
    """Run git against a repository.

    Raises:
        ToolError: It did not answer.
    """
    try:
        return process.run(["git", *words], env=environment, timeout=LIMIT_SECONDS).stdout
    except ToolError as error:
        said = [line for line in (error.why or "").splitlines() if not _HINT.match(line)]
        raise _no_answer(request, said, error) from error


def _no_answer(request: Notebooks, said: list[str], error: PlatformError) -> ToolError:
    """Return the error for a repository that does not answer."""
    return ToolError(
        f"The repository of the notebooks {request.folder!r} did not answer.",
        why="\n".join(said) or error.why,
        fix=f"see that `git ls-remote {request.url}` works on this machine; invoke doctor shows the proxies in use",
    )


def _kept(mission: Mission, old: Lock) -> dict[str, str]:
    """Return the commit of each folder whose repository and ref are those that it was locked from."""
    present = notebook_inputs(mission)
    same = {name.partition("#notebooks.")[2] for name, value in present.items() if old.header.inputs.get(name) == value}
    return {row.folder: row.commit for row in commits(old).notebooks if row.folder in same}
