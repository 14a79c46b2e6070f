"""The lines of an environment's request files, each as what it asks for and where it stands."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from platform_images.locks.requests import INCLUDE, entries, request_closure, request_text
from platform_images.model.document import read_text
from platform_images.model.environment import Environment

_CONDA_NAME = re.compile(r"^(?:[^\s:]+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)(?P<rest>.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One line that a person wrote.

    Attributes:
        file: Its file, below the project's folder.
        line: Its number.
        text: The line without its comment.
        name: The package's name in normal form.
        specifier: The versions that it allows, as pip writes them; for conda's lines as conda does.
        extras: What it asks for besides.
        constraint: Whether it only bounds a package that something else requires.
        marker: Where the line applies (PEP 508); empty for everywhere.
    """

    file: str
    line: int
    text: str
    name: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    constraint: bool = False
    marker: str = ""

    @property
    def where(self) -> str:
        """File and line, as editors and compilers write them."""
        return f"{self.file}:{self.line}"


def pip_requests(folder: Path, environment: Environment) -> tuple[Request, ...]:
    """Return the lines of an environment's request and constraint files, and of those that they include.

    Raises:
        UsageError: A file includes one that is missing or lies outside the project.
    """
    request_closure((*environment.request_files, *environment.constraint_files), folder=folder)
    todo = [(path, False) for path in environment.request_files]
    todo += [(path, True) for path in environment.constraint_files]
    seen: set[tuple[Path, bool]] = set()
    found: list[Request] = []
    while todo:
        path, constraint = todo.pop(0)
        if (path, constraint) in seen:
            continue
        seen.add((path, constraint))
        for number, line in entries(request_text(path, folder=folder)):
            if included := INCLUDE.fullmatch(line):
                place = Path(os.path.normpath(path.parent / included["path"]))
                todo.append((place, constraint or included["option"].lstrip("-").startswith("c")))
            elif request := _request(line, path.relative_to(folder).as_posix(), number, constraint=constraint):
                found.append(request)
    return tuple(found)


def _request(line: str, file: str, number: int, *, constraint: bool) -> Request | None:
    """Return one line's request; nothing where it is an option, or none that can be locked."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    text = re.split(r"\s--", line)[0].strip()
    try:
        asked = Requirement(text)
    except InvalidRequirement:
        return None
    return Request(
        file=file,
        line=number,
        text=text,
        name=canonicalize_name(asked.name),
        specifier=str(asked.specifier),
        extras=tuple(sorted(asked.extras)),
        constraint=constraint,
        marker=str(asked.marker or ""),
    )


def conda_requests(folder: Path, environment: Environment) -> tuple[Request, ...]:
    """Return the lines of an ``environment.yml``."""
    path = environment.folder / "environment.yml"
    file = path.relative_to(folder).as_posix()
    lines = [re.split(r"(?:^|\s)#", line)[0] for line in read_text(path, shown=file).splitlines()]
    found = []
    for spec in environment.conda.dependencies:
        whole = re.compile(rf"(?<![\w.-]){re.escape(spec)}(?![\w.-])")
        number = next((number for number, line in enumerate(lines, start=1) if whole.search(line)), 1)
        asked = _CONDA_NAME.match(spec)
        if asked:
            name, rest = asked["name"].lower(), asked["rest"].strip()
            found.append(Request(file=file, line=number, text=spec, name=name, specifier=rest))
    return tuple(found)
