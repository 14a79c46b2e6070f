"""How long a solve takes, while it takes it: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from platform_images import console
from platform_images.solve.solution import Say


@contextmanager
def progress(title: str) -> Iterator[Say]:
    """Show what is under way and for how long, and give a function that says the present step.

    The last line says how long it took, or after how long it failed.
    """
    start = time.monotonic()
    try:
        if console.stderr().is_terminal:
            with _live(title) as say:
                yield say
        else:
            console.say(f"- {title} ...")
            yield lambda text: console.say(f"  {title}: {text}")
    except BaseException:
        console.say(f"x {title}: failed after {time.monotonic() - start:.1f} s", style="red")
        raise
    console.say(f"+ {title} ({time.monotonic() - start:.1f} s)", style="green")


@contextmanager
def _live(title: str) -> Iterator[Say]:
    """Keep one line with a spinner, the elapsed time and the present step."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console.stderr(), transient=True) as shown:
        task = shown.add_task(title, total=None)
        yield lambda text: shown.update(task, description=f"{title}: {text}")
