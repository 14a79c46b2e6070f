"""What a person sees: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from platform_images.errors import PlatformError

PLAIN_WIDTH = 160


@cache
def stderr() -> Console:
    """Return the console for progress and errors; colour only on a terminal and without NO_COLOR."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


@cache
def stdout() -> Console:
    """Return the console for results; plain text, and room for long names, where it is not a terminal."""
    from rich.console import Console

    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return Console(highlight=False, markup=False, emoji=False)
    return Console(highlight=False, soft_wrap=True, width=PLAIN_WIDTH, markup=False, emoji=False)


def say(text: str, *, style: str | None = None) -> None:
    """Print one line of progress."""
    stderr().print(text, style=style)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a piece of work, and say how long it took when it is done or has failed."""
    console = stderr()
    console.print(f"- {title} ...")
    start = time.monotonic()
    try:
        yield
    except BaseException:
        console.print(f"x {title}: failed after {time.monotonic() - start:.1f} s", style="red")
        raise
    console.print(f"+ {title} ({time.monotonic() - start:.1f} s)", style="green")


def show_error(error: PlatformError) -> None:
    """Print an error: what happened, the evidence, what to do."""
    console = stderr()
    console.print(f"Error: {error.what}", style="bold red")
    if error.why:
        console.print(error.why)
    if error.fix:
        console.print(f"To cure it: {error.fix}", style="bold")
