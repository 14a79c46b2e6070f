"""What `invoke clean` shows: a table for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from platform_images import cli, console
from platform_images.clean import plan
from platform_images.clean.amounts import shown_age, shown_size
from platform_images.clean.values import Action, Decision, Limits

if TYPE_CHECKING:
    from rich.table import Table

_STYLES = {Action.KEPT: "", Action.REMOVED: "green", Action.IN_USE: "yellow", Action.FAILED: "red"}


def show(decided: Sequence[Decision], *, json: bool, dry_run: bool, engine: bool, limits: Limits, now: float) -> None:
    """Print what there is and what has become of it."""
    if json:
        cli.print_json(as_json(decided, dry_run=dry_run, engine=engine))
        return
    if decided:
        console.stdout().print(table(decided, dry_run=dry_run, now=now))
    for action, total in plan.totals(decided).items():
        if total.entries:
            console.stdout().print(f"{_word(action, dry_run=dry_run)}: {total.entries}, {shown_size(total.size)}")
    left = plan.cached(decided)
    if limits.max_size is not None and left > limits.max_size:
        console.say(
            f"Caches still have {shown_size(left)}: what is more than {shown_size(limits.max_size)} is in use.",
            style="yellow",
        )


def table(decided: Sequence[Decision], *, dry_run: bool, now: float) -> Table:
    """Return the entries as a table for people."""
    from rich.table import Table
    from rich.text import Text

    result = Table("kind", "what", "size", "last used", "what happens", box=None, pad_edge=False, header_style="bold")
    result.columns[1].overflow = result.columns[4].overflow = "fold"
    result.columns[2].justify = "right"
    for each in decided:
        age = now - each.entry.used if each.entry.used is not None else None
        word = Text(_word(each.action, dry_run=dry_run), style=_STYLES[each.action])
        if each.why:
            word.append(f": {each.why}", style="default")
        result.add_row(each.entry.kind, each.entry.name, shown_size(each.entry.size), shown_age(age), word)
    return result


def as_json(decided: Sequence[Decision], *, dry_run: bool, engine: bool) -> dict[str, object]:
    """Return entries and totals as plain values; ``engine`` says whether one told what it has."""
    return {
        "dry_run": dry_run,
        "engine": engine,
        "entries": [
            {
                "action": str(each.action),
                "kind": str(each.entry.kind),
                "last_used": _time(each.entry.used),
                "name": each.entry.name,
                "size": each.entry.size,
                "why": each.why,
            }
            for each in decided
        ],
        "totals": {
            str(action): {"entries": total.entries, "size": total.size}
            for action, total in plan.totals(decided).items()
        },
    }


def _word(action: Action, *, dry_run: bool) -> str:
    return "would be removed" if dry_run and action is Action.REMOVED else str(action)


def _time(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds is not None else None
