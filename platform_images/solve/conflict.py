"""Which requests exclude each other, and which change of one line ends it: found by solving parts of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from platform_images.errors import ToolError
from platform_images.files import write_text
from platform_images.locks.lines import Request, pip_requests
from platform_images.model.environment import Environment
from platform_images.solve import uv
from platform_images.solve.explanation import says_no_solution
from platform_images.solve.piplayout import PipLayout
from platform_images.solve.solution import Say

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

SECONDS = 60.0
_REQUESTS, _CONSTRAINTS = "part-requests.in", "part-constraints.txt"
_UPPER = ("<", "<=", "==", "===", "~=", "!=")
Solves = Callable[[Sequence[Request]], bool]


class GivenUpError(Exception):
    """No more parts are solved: the time is over, or an index does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line, and what would stand there; None where the line is to go."""

    line: Request
    new: str | None

    def __str__(self) -> str:
        to = f"change {self.line.text!r} to {self.new!r}" if self.new is not None else f"remove {self.line.text!r}"
        return f"{self.line.where}: {to}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Lines that cannot be satisfied together.

    Attributes:
        smallest: Whether without any one of them the others can be; otherwise the time was over before that was known.
        change: The smallest change of one of them with which all lines can be satisfied, where one was found.
    """

    lines: tuple[Request, ...]
    smallest: bool
    change: Change | None = None


@dataclass(kw_only=True)
class _Trials:
    """Solves parts of the requests until the time is over.

    Attributes:
        layout: The failed solve's.
        deadline: When the time is over.
        known: What was found of each part.
    """

    layout: PipLayout
    deadline: float
    known: dict[tuple[tuple[str, bool], ...], bool] = field(default_factory=dict)

    def __call__(self, lines: Sequence[Request]) -> bool:
        """Whether these lines can be satisfied.

        Raises:
            GivenUpError: The time is over, or it cannot be told.
        """
        key = tuple((line.text, line.constraint) for line in lines)
        if key not in self.known:
            self.known[key] = self._solved(lines)
        return self.known[key]

    def _solved(self, lines: Sequence[Request]) -> bool:
        """Let uv solve some lines."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise GivenUpError
        for name, constraint in ((_REQUESTS, False), (_CONSTRAINTS, True)):
            chosen = [line.text for line in lines if line.constraint is constraint]
            write_text(self.layout.folder / name, "".join(f"{text}\n" for text in chosen))
        try:
            done = uv.solve_only(self.layout, requests=_REQUESTS, constraints=_CONSTRAINTS, timeout=left)
        except ToolError as error:
            raise GivenUpError from error
        if done.returncode and not says_no_solution(done):
            raise GivenUpError
        return done.returncode == 0


def narrowed(error: ToolError, folder: Path, environment: Environment, layout: PipLayout, *, say: Say) -> ToolError:
    """Return the error of a failed solve with the lines that exclude each other, and a change that ends it.

    Args:
        error: What the solver said.
        folder: The project's.
        environment: What was asked for.
        layout: What the solver was given.
        say: Told what is under way.
    """
    say(f"pip: looking for the requests that exclude each other, for {SECONDS:.0f} s at most")
    trials = _Trials(layout=layout, deadline=time.monotonic() + SECONDS)
    found = conflict(pip_requests(folder, environment), trials, named=error.why or "")
    if found is None:
        return error
    several = len(found.lines) > 1
    what = "These lines cannot be satisfied together" if several else "This line cannot be satisfied"
    least = "" if found.smallest else " (perhaps fewer of them: the time was over)"
    lines = [f"{what}{least}:", *(f"  {each.where}: {each.text}" for each in found.lines)]
    fix = f"{found.change}; with that, all can be solved" if found.change else f"loosen one of these lines; {error.fix}"
    return ToolError(
        error.what,
        why="\n".join([*filter(None, [error.why]), "", *lines]),
        fix=fix,
        argv=error.argv,
        returncode=error.returncode,
    )


def conflict(lines: Sequence[Request], solves: Solves, *, named: str = "") -> Conflict | None:
    """Return the lines that exclude each other; nothing where they do not, or where that is not found in time.

    Args:
        lines: All requests and constraints.
        solves: Whether some lines can be satisfied; raises ``GivenUpError`` where that cannot be told.
        named: The solver's words: lines whose package they name are looked at first.
    """
    try:
        if solves(lines):
            return None
        words = set(named.replace("[", " ").replace(",", " ").split())
        begin = [line for line in lines if any(word.startswith(line.name) for word in words)]
        left = begin if 0 < len(begin) < len(lines) and not solves(begin) else list(lines)
    except GivenUpError:
        return None
    left, smallest = least(left, solves)
    try:
        change = relaxation(lines, left, solves) if smallest else None
    except GivenUpError:
        change = None
    return Conflict(lines=tuple(left), smallest=smallest, change=change)


def least(lines: Sequence[Request], solves: Solves) -> tuple[list[Request], bool]:
    """Return lines of which none can be left out, and whether that is sure: large parts are left out first."""
    left, size = list(lines), max(1, len(lines) // 2)
    try:
        while True:
            begin = 0
            while begin < len(left):
                rest = left[:begin] + left[begin + size :]
                if rest and not solves(rest):
                    left = rest
                else:
                    begin += size
            if size == 1:
                return left, True
            size = max(1, size // 2)
    except GivenUpError:
        return left, False


def relaxation(lines: Sequence[Request], among: Sequence[Request], solves: Solves) -> Change | None:
    """Return the smallest change of one line with which all can be satisfied: no upper bound, no bound, no line."""
    for step in (_without_upper, _without_bounds, lambda _: None):
        for line in among:
            new = step(line.text)
            if new == line.text:
                continue
            changed = [each if each is not line else replace(each, text=new or "") for each in lines]
            if solves([each for each in changed if each.text]):
                return Change(line=line, new=new)
    return None


def _without_upper(text: str) -> str:
    """Return a request without its upper bounds; what was pinned becomes a lower bound."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    asked = Requirement(text)
    asked.specifier = SpecifierSet(",".join(_lower(asked.specifier)))
    return text if str(asked.specifier) == str(Requirement(text).specifier) else str(asked)


def _lower(specifiers: SpecifierSet) -> Iterator[str]:
    """Yield what is left of bounds without the upper ones."""
    for each in specifiers:
        if each.operator not in _UPPER:
            yield str(each)
        elif each.operator in ("==", "===", "~="):
            yield f">={each.version.removesuffix('.*')}"


def _without_bounds(text: str) -> str:
    """Return a request for any version."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    asked = Requirement(text)
    if not asked.specifier:
        return text
    asked.specifier = SpecifierSet()
    return str(asked)
