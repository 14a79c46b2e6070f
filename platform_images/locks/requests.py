"""pip request files: the files that they include, and which line asks for a package."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from platform_images.errors import UsageError

_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirements?|--constraints?)[\s=]+(?P<path>[^\s#]+)")
_DIRECT = re.compile(
    r"^\s*(?:(?:-e|--editable)\b|\.{0,2}/|\.{1,2}$|(?:[a-z]+\+)?(?:https?|ssh|git|file)://|git\+|file:"
    r"|[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?\s*@)",
    re.IGNORECASE,
)
_NAME = re.compile(r"^\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")


def request_closure(paths: Iterable[Path], *, folder: Path) -> tuple[Path, ...]:
    """Return the files and all that they include with ``-r`` or ``-c``, each once, in order.

    Args:
        paths: Request files.
        folder: The project's folder, in which all must lie.

    Raises:
        UsageError: A file includes one that is missing or lies outside the project.
    """
    found: dict[Path, None] = {}
    todo = list(paths)
    while todo:
        path = todo.pop(0)
        if path in found:
            continue
        found[path] = None
        for name in _includes(path):
            included = Path(os.path.normpath(path.parent / name))
            if not included.is_relative_to(folder) or not included.is_file():
                raise UsageError(
                    f"{path.relative_to(folder)} includes {name!r}, which is not a file of the project.",
                    fix=f"correct that line of {path.relative_to(folder)}",
                )
            todo.append(included)
    return tuple(found)


def _includes(path: Path) -> Iterator[str]:
    """Return the paths that a file includes, as written."""
    for line in path.read_text(encoding="utf-8").splitlines():
        included = _INCLUDE.match(line)
        if included:
            yield included["path"]


def refuse_direct(paths: Iterable[Path], *, folder: Path) -> None:
    """Refuse lines that ask for a repository, an address or a folder: only releases of an index have hashes to lock.

    Raises:
        UsageError: There is such a line; names file and line.
    """
    for path in request_closure(paths, folder=folder):
        shown = path.relative_to(folder)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if _DIRECT.match(line):
                raise UsageError(
                    f"{shown}, line {number}: {line.strip()!r} is not a release of a package index.",
                    why="A repository, an address or a folder has no hash that an index vouches for, so it cannot be "
                    "locked.",
                    fix="ask for a release, NAME>=VERSION; or build a wheel of it and put that on your index",
                )


def requesting_lines(paths: Iterable[Path], name: str, *, folder: Path) -> tuple[str, ...]:
    """Return ``file:line: text`` of each line that asks for a package by this name."""
    return tuple(
        f"{path.relative_to(folder)}:{number}: {line}"
        for path in request_closure(paths, folder=folder)
        for number, line in name_lines(path.read_text(encoding="utf-8"), name)
    )


def name_lines(text: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line of a request file that asks for a package by this name."""
    from packaging.utils import canonicalize_name

    wanted = canonicalize_name(name)
    for number, line in enumerate(text.splitlines(), start=1):
        asked = _NAME.match(line)
        if asked and canonicalize_name(asked["name"]) == wanted:
            yield number, line.strip()
