"""The words after ``nox -s bench --``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from platform_images.errors import UsageError

USAGE = """usage: nox -s bench -- [--list] [--small] [--case NAME ...] [--mission M] [--runs N]
       nox -s bench -- --case start-list --case lock-cold"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked for.

    Attributes:
        cases: Only these cases; all without any.
        mission: Build this mission, in place of one of three kernels.
        small: The small mission of the tests, and wide margins in place of targets.
        listed: Show the cases and run none.
        runs: How often each is measured; each case's own number without it.
    """

    cases: tuple[str, ...] = ()
    mission: str | None = None
    small: bool = False
    listed: bool = False
    runs: int | None = None

    @property
    def whole(self) -> bool:
        """Whether this is the benchmark as it is published: every case, nothing in another way."""
        return not (self.cases or self.mission or self.small)


class _Parser(argparse.ArgumentParser):
    """A parser whose mistakes are usage errors and not an exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"nox -s bench: {message}.", fix=USAGE)


def options(words: Sequence[str]) -> Options:
    """Return the words as options.

    Raises:
        UsageError: A word is not known, or a number is none.
    """
    parser = _Parser(prog="nox -s bench --", add_help=False, allow_abbrev=False)
    parser.add_argument("--case", action="append", default=[], metavar="NAME")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--mission", metavar="M")
    either.add_argument("--small", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--runs", type=int, metavar="N")
    parsed = parser.parse_args(list(words))
    if parsed.runs is not None and parsed.runs < 1:
        raise UsageError("nox -s bench: --runs is at least 1.", fix=USAGE)
    return Options(
        cases=tuple(parsed.case),
        mission=parsed.mission,
        small=parsed.small,
        listed=parsed.list,
        runs=parsed.runs,
    )
