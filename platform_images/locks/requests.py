"""pip request files: the files that they include, what may stand in them, and which line asks for a package."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from platform_images.errors import UsageError
from platform_images.model.document import read_text
from platform_images.model.release import AddressError, OptionError, release
from platform_images.process import redacted

INCLUDE = re.compile(r"(?P<option>-r|-c|--requirements?|--constraints?)[\s=]+(?P<path>\S+)")
_EDITABLE = ("-e", "--editable")
_INDEX = ("-i", "--index-url", "--extra-index-url", "--index", "--default-index", "--no-index", "-f", "--find-links")
_KINDS = ("--only-binary", "--no-binary")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_NAME = re.compile(r"^\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")


def request_closure(paths: Iterable[Path], *, folder: Path) -> tuple[Path, ...]:
    """Return the files and all that they include with ``-r`` or ``-c``, each once, in order.

    Args:
        paths: Request files.
        folder: The project's folder, in which all must lie.

    Raises:
        UsageError: A file includes one that is missing or lies outside the project, or is not text.
    """
    found: dict[Path, None] = {}
    todo = list(paths)
    while todo:
        path = todo.pop(0)
        if path in found:
            continue
        found[path] = None
        for name in _includes(request_text(path, folder=folder)):
            included = Path(os.path.normpath(path.parent / name))
            if not included.is_relative_to(folder) or not included.is_file():
                raise UsageError(
                    f"{path.relative_to(folder)} includes {name!r}, which is not a file of the project.",
                    fix=f"correct that line of {path.relative_to(folder)}",
                )
            todo.append(included)
    return tuple(found)


def request_text(path: Path, *, folder: Path) -> str:
    """Return a request file's text.

    Raises:
        UsageError: It is missing, unreadable or not UTF-8.
    """
    return read_text(path, shown=path.relative_to(folder).as_posix())


def entries(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and content of each line that has any, without comments.

    A line that ends with a backslash goes on with the next, and has the number of its first.
    """
    first, begun = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        first = first or number
        goes_on = line.endswith("\\") and not line.lstrip().startswith("#")
        begun += line.removesuffix("\\") if goes_on else line
        if not goes_on:
            if entry := _COMMENT.sub("", begun).strip():
                yield first, entry
            first, begun = 0, ""
    if entry := _COMMENT.sub("", begun).strip():
        yield first, entry


def _includes(text: str) -> Iterator[str]:
    """Yield the paths that a file includes, as written."""
    for _, entry in entries(text):
        if included := INCLUDE.fullmatch(entry):
            yield included["path"]


def refuse_unlockable(paths: Iterable[Path], *, folder: Path) -> None:
    """Refuse lines that are no request for a release of an index: only those have hashes to lock.

    Raises:
        UsageError: There is such a line; names file and line.
    """
    for path in request_closure(paths, folder=folder):
        shown = path.relative_to(folder)
        for number, entry in entries(request_text(path, folder=folder)):
            if not INCLUDE.fullmatch(entry):
                _refuse(entry, where=f"{shown}, line {number}")


def _refuse(entry: str, *, where: str) -> None:
    """Refuse a line that is no request for a release of an index."""
    try:
        release(entry)
    except OptionError as error:
        if error.option not in _EDITABLE:
            raise _option_refused(error.option, where=where) from error
        raise _place_refused(entry, where=where) from error
    except AddressError as error:
        raise _place_refused(entry, where=where) from error
    except ValueError as error:
        raise UsageError(
            f"{where}: {entry!r} is not a request.", why=str(error), fix="write NAME, or NAME>=VERSION; see PEP 508"
        ) from error


def _place_refused(entry: str, *, where: str) -> UsageError:
    """Return the error for a repository, an address, a folder or a file."""
    return UsageError(
        f"{where}: {redacted(entry)!r} is not a release of a package index.",
        why="A repository, an address, a folder or a file has no hash that an index vouches for: it cannot be locked.",
        fix="ask for a release, NAME>=VERSION; or build a wheel of it and put that on your index",
    )


def _option_refused(option: str, *, where: str) -> UsageError:
    """Return the error for an option of an installer."""
    fix = f"take {option} out"
    if option in _INDEX:
        fix += (
            "; where packages come from is set for the machine, by PIP_INDEX_URL and PIP_EXTRA_INDEX_URL or in pip's "
            "configuration: invoke doctor --network shows it"
        )
    elif option in _KINDS:
        fix += "; what is built from source has a table [sdist.NAME] in kernel.toml"
    elif option == "--hash":
        fix += "; the lock gets the hash of each file of a release, and a build installs no other"
    return UsageError(
        f"{where}: the option {option} cannot be used here.",
        why="A request file has names with their versions, and -r FILE and -c FILE, each on a line of its own.",
        fix=fix,
    )


def requesting_lines(paths: Iterable[Path], name: str, *, folder: Path) -> tuple[str, ...]:
    """Return ``file:line: text`` of each line that asks for a package by this name."""
    return tuple(
        f"{path.relative_to(folder)}:{number}: {line}"
        for path in request_closure(paths, folder=folder)
        for number, line in name_lines(request_text(path, folder=folder), name)
    )


def name_lines(text: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line of a request file that asks for a package by this name."""
    from packaging.utils import canonicalize_name

    wanted = canonicalize_name(name)
    for number, line in enumerate(text.splitlines(), start=1):
        asked = _NAME.match(line)
        if asked and canonicalize_name(asked["name"]) == wanted:
            yield number, line.strip()
