from __future__ import annotations

from platform_images.clean.plan import cached, decisions, totals
from platform_images.clean.values import Action, Entry, Kind, Limits, State

NOW = 1_000_000.0


def entry(name: str, *, state: State = State.CACHE, size: int | None = 10, age: float | None = 0.0) -> Entry:
    used = NOW - age if age is not None else None
    return Entry(kind=Kind.TOOLS, name=name, size=size, used=used, state=state)


def removed(*entries: Entry, older_than: float | None = None, max_size: int | None = None) -> set[str]:
    decided = decisions(entries, Limits(older_than=older_than, max_size=max_size), now=NOW)
    return {each.entry.name for each in decided if each.action is Action.REMOVED}


EVERY_STATE = tuple(entry(str(state), state=state, age=1e5) for state in State)


def test_without_limits_only_leftovers_go() -> None:
    assert removed(*EVERY_STATE) == {"leftover"}


def test_no_limit_takes_what_is_in_use_or_kept() -> None:
    assert removed(*EVERY_STATE, older_than=0.0, max_size=0) == {"leftover", "cache"}


def test_what_was_not_used_for_so_long_goes() -> None:
    entries = (entry("old", age=100.0), entry("young", age=99.0), entry("unknown", age=None))
    assert removed(*entries, older_than=100.0) == {"old"}


def test_the_longest_unused_goes_until_the_rest_fits() -> None:
    entries = (entry("a", age=1.0), entry("b", age=3.0), entry("c", age=2.0), entry("unknown", age=None))
    assert removed(*entries, max_size=40) == set()
    assert removed(*entries, max_size=39) == {"b"}
    assert removed(*entries, max_size=20) == {"b", "c"}
    assert removed(*entries, max_size=0) == {"a", "b", "c", "unknown"}


def test_what_is_in_use_counts_and_what_is_kept_does_not() -> None:
    entries = (entry("cache"), entry("used", state=State.IN_USE), entry("home", state=State.KEPT, size=1000))
    assert removed(*entries, max_size=20) == set()
    assert removed(*entries, max_size=19) == {"cache"}


def test_a_second_engine_in_use_does_not_count() -> None:
    other = Entry(kind=Kind.SECOND_ENGINE, name="engine", size=1000, used=NOW, state=State.IN_USE)
    assert removed(entry("cache"), other, max_size=10) == set()


def test_what_has_no_size_does_not_go_for_its_size() -> None:
    assert removed(entry("a", size=None), entry("b", size=10), max_size=0) == {"b"}


def test_what_goes_for_its_age_makes_room() -> None:
    assert removed(entry("old", age=100.0), entry("young", age=1.0), older_than=50.0, max_size=10) == {"old"}


def test_totals_are_over_what_becomes_of_each() -> None:
    decided = decisions((*EVERY_STATE, entry("more", size=None)), Limits(), now=NOW)
    found = {action: (total.entries, total.size) for action, total in totals(decided).items()}
    assert found == {
        Action.KEPT: (3, 20),
        Action.REMOVED: (1, 10),
        Action.IN_USE: (1, 10),
        Action.FAILED: (0, 0),
    }
    assert cached(decided) == 20
