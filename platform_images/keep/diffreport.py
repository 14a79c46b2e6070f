"""What changed, as tables and as JSON: two views of one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from platform_images import cli, console
from platform_images.keep.diffcells import columns, headline, nothing, rows
from platform_images.keep.diffmarkdown import markdown
from platform_images.keep.diffvalues import Chain, Change, Diff, Level, Package, UnitDiff, counted, counts

if TYPE_CHECKING:
    from rich.table import Table

_STYLES = {"added": "green", "removed": "red", Level.MAJOR: "bold yellow", Level.MINOR: "yellow"}


def show(diff: Diff, *, json: bool, as_markdown: bool) -> None:
    """Print the result."""
    if json:
        cli.print_json(as_json(diff))
        return
    out = console.stdout()
    if as_markdown:
        out.file.write(markdown(diff))
        return
    if not diff.units:
        out.print(nothing(diff))
        return
    out.print(headline(diff), style="bold")
    for unit in diff.units:
        out.print()
        out.print(f"{unit.name}: {counted(unit.changes)}", style="bold")
        if unit.changes:
            out.print(table(unit, detailed=diff.detailed))


def table(unit: UnitDiff, *, detailed: bool) -> Table:
    """Return what changed in one unit as a table for people."""
    from rich.table import Table
    from rich.text import Text

    names = columns(unit.changes, detailed=detailed)
    result = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        result.add_column(name, overflow="fold", justify="right" if name == "size" else "left")
    at = names.index("change")
    for row in rows(unit.name, unit.changes, detailed=detailed):
        style = "bold red" if "downgrade" in row[at] else _STYLES.get(row[at], "")
        result.add_row(*(Text(cell, style if place == at else "") for place, cell in enumerate(row)))
    return result


def as_json(diff: Diff) -> dict[str, Any]:
    """Return what changed as plain values for machines."""
    every = [change for unit in diff.units for change in unit.changes]
    return {
        "from": diff.old,
        "to": diff.new,
        "differs": bool(diff.units),
        "counts": counts(every),
        "units": [
            {
                "unit": unit.name,
                "counts": counts(unit.changes),
                "changes": [_change(change) for change in unit.changes],
            }
            for unit in diff.units
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    """Return one change; every key is always there."""
    return {
        "kind": str(change.kind),
        "name": change.name,
        "change": str(change.what),
        "level": str(change.level) if change.level else None,
        "downgrade": change.downgrade,
        "from": _package(change.old),
        "to": _package(change.new),
        "asked_for_by": _chain(change.chain),
    }


def _package(package: Package | None) -> dict[str, Any] | None:
    if package is None:
        return None
    return {
        "version": package.version,
        "build": package.build or None,
        "licence": package.licence,
        "size": package.size,
    }


def _chain(chain: Chain | None) -> dict[str, Any] | None:
    if chain is None:
        return None
    return {"file": chain.file, "line": chain.line, "packages": list(chain.packages)}
