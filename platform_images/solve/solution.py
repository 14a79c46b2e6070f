"""What every solver gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A unit's solution, before it is saved.

    Attributes:
        files: Name of each file to its text: no time of day, no path of a machine, no host.
        solvers: Name to version of each program that had a part in it.
    """

    files: dict[str, str]
    solvers: dict[str, str]
