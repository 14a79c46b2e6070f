"""``invoke clean``: what the program keeps on this machine and in its engine, and removing what is old or too much."""

from __future__ import annotations

import time
from contextlib import ExitStack

from platform_images import console, usage
from platform_images.clean import amounts, disk, engine, plan, removing, report
from platform_images.clean.values import Action, Decision, Entry, Limits
from platform_images.errors import ExitCode, PlatformError


def run(*, older_than: str, max_size: str, dry_run: bool, json: bool) -> int:
    """Show what there is, and remove leftovers of killed runs and what exceeds a limit; what `invoke clean` does.

    Args:
        older_than: Caches that nobody has used for so long go, such as ``30d``; empty for none.
        max_size: The longest unused caches go until the rest has no more, such as ``20GB``; empty for none.
        dry_run: Remove nothing.
        json: Print JSON.

    Returns:
        0, or 1 where something could not be removed.

    Raises:
        UsageError: A limit cannot be read.
    """
    limits = Limits(
        older_than=amounts.seconds("--older-than", older_than), max_size=amounts.size("--max-size", max_size)
    )
    kinds, now = tuple(usage.Kind), time.time()
    with ExitStack() as stack:
        free = usage.free(*kinds) if dry_run else stack.enter_context(usage.reserved(*kinds))
        found, answers = _in_engine(free, now=now)
        decided = plan.decisions((*disk.entries(free, now=now), *found), limits, now=now)
        if not dry_run:
            decided = _removed(decided)
    report.show(decided, json=json, dry_run=dry_run, engine=answers, limits=limits, now=now)
    return int(ExitCode.FAILED if any(each.action is Action.FAILED for each in decided) else ExitCode.OK)


def _in_engine(free: frozenset[usage.Kind], *, now: float) -> tuple[tuple[Entry, ...], bool]:
    """Return what the engine has of ours, and whether one says it: without, this machine's disks are looked at."""
    try:
        return engine.entries(images_free=usage.Kind.IMAGES in free, now=now), True
    except PlatformError as error:
        console.say(f"{error.what} What an engine keeps is not shown.", style="yellow")
        return (), False


def _removed(decided: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """Remove what is to be removed, saying each as it is done."""
    done = []
    for each in removing.carried_out(decided):
        done.append(each)
        if each.action is Action.REMOVED:
            console.say(f"  removed {each.entry.kind} {each.entry.name}")
    return tuple(done)
