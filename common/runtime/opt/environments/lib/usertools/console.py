"""Talking to a person: progress on standard error, results on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from usertools.errors import ToolError, usage

_UNITS = ("B", "kB", "MB", "GB", "TB")


def say(text: str) -> None:
    """Write one line of progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def put(text: str) -> None:
    """Write one line of the result."""
    sys.stdout.write(f"{text}\n")


def put_json(value: object) -> None:
    """Write the result as JSON."""
    put(json.dumps(value, indent=2))


def put_table(rows: Iterable[Sequence[str]], *, head: Sequence[str] = ()) -> None:
    """Write rows in columns."""
    lines = [tuple(head)] if head else []
    lines += [tuple(row) for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))] if lines else []
    for line in lines:
        put("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless it is answered already.

    Raises:
        ToolError: The answer is no, or nobody can answer.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise usage(f"{question} Nobody can answer here.", fix="add -y to say yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ToolError("Nothing was changed.")


def human_size(count: int) -> str:
    """Return a number of bytes as people read it."""
    size = float(count)
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
