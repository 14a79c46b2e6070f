"""What ``invoke list`` shows: missions, kernels, Pythons, and the state of each lock."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platform_images import cli, console
from platform_images.locks.freshness import LockState, states
from platform_images.model import Environment, Mission, Platform, load_mission, load_missions, load_platform

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("mission", "kernel", "display name", "Python", "lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One environment or other locked part.

    Attributes:
        mission: The mission, or ``common``.
        kernel: The kernel, or the part: ``base``, ``os``, ``root``, ``npm``.
        display_name: The launcher's name; empty for parts that are not kernels.
        python: Python series; empty for parts without one.
        lock: ``fresh``, ``stale``, ``missing``, ``damaged``, or ``waiting`` for a damaged one.
        reasons: What changed since the lock was made.
        cure: The command that cures it; empty for a fresh lock.
    """

    mission: str
    kernel: str
    display_name: str
    python: str
    lock: str
    reasons: tuple[str, ...]
    cure: str


def rows(platform: Platform, missions: tuple[Mission, ...]) -> tuple[Row, ...]:
    """Return a row for each locked part: the common ones, then each mission's."""
    environments = {("common", platform.base.name): platform.base}
    environments |= {(kernel.scope, kernel.name): kernel for mission in missions for kernel in mission.kernels}
    found = {state.unit: state for state in states(platform, None)}
    for mission in missions:
        found |= {state.unit: state for state in states(platform, mission)}
    return tuple(_row(state, environments.get((unit.scope, unit.part))) for unit, state in found.items())


def _row(state: LockState, environment: Environment | None) -> Row:
    """Return the row of one unit."""
    return Row(
        mission=state.unit.scope,
        kernel=state.unit.part,
        display_name=environment.settings.display_name if environment else "",
        python=environment.conda.python if environment else "",
        lock=str(state.status),
        reasons=tuple(state.reasons),
        cure=state.cure,
    )


def table(listed: tuple[Row, ...]) -> Table:
    """Return the rows as a table for people."""
    from rich.table import Table
    from rich.text import Text

    result = Table(*COLUMNS, box=None, pad_edge=False, header_style="bold")
    styles = {"fresh": "green", "stale": "yellow", "missing": "red", "damaged": "red", "waiting": "yellow"}
    for row in listed:
        lock = row.lock if not row.reasons else f"{row.lock}: {', '.join(row.reasons)}"
        result.add_row(row.mission, row.kernel, row.display_name, row.python, Text(lock, style=styles[row.lock]))
    return result


def as_json(listed: tuple[Row, ...]) -> list[dict[str, object]]:
    """Return the rows as plain values for machines."""
    return [asdict(row) for row in listed]


def show(folder: Path, *, mission: str | None, json: bool) -> int:
    """Print the overview of one mission, or of all."""
    platform = load_platform(folder)
    missions = (load_mission(platform, mission),) if mission else load_missions(platform)
    listed = rows(platform, missions)
    if json:
        cli.print_json(as_json(listed))
    else:
        console.stdout().print(table(listed))
    return 0
