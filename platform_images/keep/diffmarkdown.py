"""What changed, as Markdown for a pull request. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platform_images.keep.diffcells import columns, headline, nothing, rows
from platform_images.keep.diffvalues import Diff, UnitDiff, counted

FOLDED = 30  # rows; a table of more is folded away
_PLAIN = frozenset({"kind", "change", "size"})
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def markdown(diff: Diff) -> str:
    """Return the whole text: counts by unit, then a table for each, folded where it is long."""
    if not diff.units:
        return f"{escaped(nothing(diff))}\n"
    return "\n".join(_lines(diff)) + "\n"


def _lines(diff: Diff) -> Iterator[str]:
    yield f"## {escaped(headline(diff))}"
    yield ""
    for unit in diff.units:
        yield f"- **{escaped(unit.name)}**: {counted(unit.changes)}"
    for unit in diff.units:
        if unit.changes:
            yield ""
            yield from _unit(unit, detailed=diff.detailed)


def _unit(unit: UnitDiff, *, detailed: bool) -> Iterator[str]:
    """Yield the section of one unit."""
    folded = len(unit.changes) > FOLDED
    yield f"### {escaped(unit.name)}"
    yield ""
    if folded:
        yield f"<details><summary>{len(unit.changes)} packages: {counted(unit.changes)}</summary>"
        yield ""
    names = columns(unit.changes, detailed=detailed)
    yield f"| {' | '.join(names)} |"
    yield f"| {' | '.join('---:' if name == 'size' else '---' for name in names)} |"
    for row in rows(unit.name, unit.changes, detailed=detailed):
        cells = (cell if name in _PLAIN else code(cell) for name, cell in zip(names, row, strict=True))
        yield f"| {' | '.join(cells)} |"
    if folded:
        yield ""
        yield "</details>"


def code(text: str) -> str:
    """Return a text as code in a cell of a table: nothing in it is a name to notify, a link or the cell's end."""
    line = " ".join(text.split())
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}".replace("|", "\\|")


def escaped(text: str) -> str:
    """Return a text outside of code, with nothing in it that Markdown reads as a sign."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
