"""What becomes of each thing on a machine. Pure: inventory and limits in, decisions out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from platform_images.clean.amounts import shown_size
from platform_images.clean.values import Action, Decision, Entry, Kind, Limits, State

_ORDER = {kind: number for number, kind in enumerate(Kind)}
_CACHES = frozenset(
    (
        Kind.TOOLS,
        Kind.ROOT,
        Kind.HUB_PROGRAMS,
        Kind.DEB,
        Kind.LOG,
        Kind.CACHE_MOUNT,
        Kind.IMAGE,
    )  # what a limit is about
)
_FIXED = {State.LEFTOVER: Action.REMOVED, State.IN_USE: Action.IN_USE, State.KEPT: Action.KEPT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What one action comes to: how many entries, and the bytes of those whose size is known."""

    entries: int
    size: int


def decisions(entries: Iterable[Entry], limits: Limits, *, now: float) -> tuple[Decision, ...]:
    """Return what becomes of each entry, by kind, those of a kind by name.

    A cache goes where nobody has used it for as long as the limit says; one whose last use is not known does not. Of
    what is left, the longest unused go until caches have no more than the limit together, those in use counted.
    """
    listed = sorted(entries, key=lambda entry: (_ORDER[entry.kind], entry.name, entry.handle))
    old = [entry for entry in listed if entry.state is State.CACHE and _is_old(entry, limits.older_than, now=now)]
    over = _over(listed, old, limits.max_size)
    return tuple(_decision(entry, old, over, limits) for entry in listed)


def totals(decided: Sequence[Decision]) -> dict[Action, Total]:
    """Return what each action comes to."""
    return {
        action: Total(
            entries=sum(each.action is action for each in decided),
            size=sum(each.entry.size or 0 for each in decided if each.action is action),
        )
        for action in Action
    }


def cached(decided: Sequence[Decision]) -> int:
    """Return the bytes of caches that stay, those in use counted: what a size limit is about."""
    return sum(each.entry.size or 0 for each in decided if each.action is not Action.REMOVED and _counts(each.entry))


def _counts(entry: Entry) -> bool:
    """Whether an entry counts for a limit: a cache, in use or not."""
    return entry.kind in _CACHES and entry.state in (State.CACHE, State.IN_USE)


def _is_old(entry: Entry, older_than: float | None, *, now: float) -> bool:
    return older_than is not None and entry.used is not None and now - entry.used >= older_than


def _over(listed: Sequence[Entry], old: Sequence[Entry], max_size: int | None) -> list[Entry]:
    """Return the caches that go so that the rest fits, the longest unused first."""
    if max_size is None:
        return []
    stay = [entry for entry in listed if _counts(entry) and entry not in old]
    size = sum(entry.size or 0 for entry in stay)
    unused = [entry for entry in stay if entry.state is State.CACHE and entry.size]
    unused.sort(key=lambda entry: (entry.used is None, entry.used or 0.0))
    found = []
    for entry in unused:
        if size <= max_size:
            break
        found.append(entry)
        size -= entry.size or 0
    return found


def _decision(entry: Entry, old: Sequence[Entry], over: Sequence[Entry], limits: Limits) -> Decision:
    """Return what becomes of one entry."""
    if entry in old:
        return Decision(entry=entry, action=Action.REMOVED, why="not used for longer than the limit")
    if entry in over:
        why = f"caches have more than {shown_size(limits.max_size)} together"
        return Decision(entry=entry, action=Action.REMOVED, why=why)
    return Decision(entry=entry, action=_FIXED.get(entry.state, Action.KEPT), why=entry.why)
