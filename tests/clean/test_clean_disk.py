from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from platform_images import owner, temporary, usage
from platform_images.clean import cleaning, disk, secondengines
from platform_images.clean.values import Entry, Kind, State
from platform_images.engine import second

DAY = 86_400.0
EVERY = frozenset(usage.Kind)
Put = Callable[..., Path]


class Places(Protocol):
    cache: Path
    logs: Path
    temporary: Path
    large: Path


def listed(free: frozenset[usage.Kind] = EVERY) -> dict[str, Entry]:
    import time

    return {each.name: each for each in disk.entries(free, now=time.time())}


def clean(*, older_than: str = "", max_size: str = "", dry_run: bool = False) -> int:
    return cleaning.run(older_than=older_than, max_size=max_size, dry_run=dry_run, json=False)


def files(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*")}


def test_everything_in_cache_and_state_is_named_with_its_size(places: Places, put: Put) -> None:
    put(places.cache / "tools" / "tools-linux-64-1")
    put(places.cache / "roots" / "1.tar")
    put(places.cache / "hub" / "1")
    put(places.cache / "debs" / "2")
    put(places.cache / "surprise")
    put(places.logs / "tike.log", age=DAY)
    found = listed()
    assert {name: each.kind for name, each in found.items() if each.kind is not Kind.LOG} == {
        "tools-linux-64-1": Kind.TOOLS,
        "1.tar": Kind.ROOT,
        "1": Kind.HUB_PROGRAMS,
        "2": Kind.DEB,
        "surprise": Kind.OTHER,
    }
    assert found["surprise"].state is State.KEPT
    assert found["tike.log"].state is State.CACHE
    assert all(each.size is not None and each.size >= 8192 for each in found.values())


def test_a_mark_says_when_something_was_used_last(places: Places, put: Put) -> None:
    put(places.cache / "tools" / "a", age=40 * DAY)
    put(places.cache / "tools" / "b", age=40 * DAY)
    usage.mark(usage.Kind.TOOLS, "a")
    assert clean(older_than="30d") == 0
    assert [path.name for path in (places.cache / "tools").iterdir()] == ["a"]


def test_the_longest_unused_goes_first(places: Places, put: Put) -> None:
    for number in (1, 2, 3):
        put(places.cache / "roots" / f"{number}.tar", age=number * DAY)
    assert clean(max_size="17kB") == 0
    assert sorted(path.name for path in (places.cache / "roots").iterdir()) == ["1.tar", "2.tar"]


def test_a_dry_run_changes_nothing(places: Places, put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    put(places.cache / "roots" / "1.tar", age=90 * DAY)
    put(places.cache / "tools" / ".tools-1.abc", age=DAY)
    put(places.temporary / "platform-images-build-abcd1234.locked", age=DAY)
    before = files(places.cache.parent, places.temporary)
    assert clean(older_than="1d", max_size="0", dry_run=True) == 0
    assert files(places.cache.parent, places.temporary) == before
    out = capsys.readouterr().out
    assert out.count("would be removed") >= 3
    assert "would be removed: 3, " in out


def test_without_limits_only_leftovers_go(places: Places, put: Put) -> None:
    kept = (put(places.cache / "roots" / "1.tar", age=900 * DAY), put(places.logs / "tike.log", age=900 * DAY))
    gone = (
        put(places.cache / "tools" / ".tools-1.abc", age=DAY),
        put(places.temporary / "platform-images-context-abcd1234.locked", age=DAY),
        put(places.large / "platform-images-engine-abcd1234", age=DAY),
        put(places.large / "platform-images-engine-abcd1234.ext4", age=DAY),
        put(places.large / "platform-images-engine-lost1234.ext4", age=DAY),
    )
    assert clean() == 0
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in gone)


def test_other_people_s_files_stay(places: Places, put: Put, tmp_path: Path) -> None:
    outside = put(tmp_path / "outside", age=DAY)
    foreign = (
        put(places.temporary / "platform-images-notes-abcd1234.locked", age=DAY),
        put(places.temporary / "platform-images-build", age=DAY),
        put(places.temporary / "my-platform-images-build-abcd1234", age=DAY),
        put(places.temporary / "platform-images-build-abcd1234.tar", age=DAY),
    )
    (places.temporary / "platform-images-build-linked_1").symlink_to(outside)
    (places.cache / "tools").mkdir()
    (places.cache / "tools" / "link").symlink_to(outside)
    (places.cache / "roots").symlink_to(outside)
    assert clean(older_than="0s", max_size="0") == 0
    assert (outside / "file").is_file()
    assert all(path.exists() for path in foreign)
    assert (places.cache / "tools" / "link").is_symlink()
    assert listed()["roots"].why == "a link, which is not followed"


def test_a_link_within_what_goes_is_deleted_and_not_followed(places: Places, put: Put, tmp_path: Path) -> None:
    outside = put(tmp_path / "outside")
    folder = put(places.cache / "tools" / "a", age=DAY)
    (folder / "link").symlink_to(outside)
    os.utime(folder, (1, 1))
    assert clean(older_than="1h") == 0
    assert not folder.exists()
    assert (outside / "file").is_file()


def test_what_a_command_uses_is_left(places: Places, put: Put) -> None:
    put(places.cache / "tools" / "a", age=DAY)
    put(places.cache / "hub" / "b", age=DAY)
    with usage.using(usage.Kind.TOOLS):
        assert clean(older_than="1h") == 0
    assert (places.cache / "tools" / "a").is_dir()
    assert not (places.cache / "hub" / "b").exists()
    busy = listed(frozenset())["a"]
    assert (busy.state, busy.why) == (State.IN_USE, "a command that uses tools runs")


def test_who_wants_to_use_a_kind_waits_for_the_end_of_its_cleaning(places: Places) -> None:
    del places
    with usage.reserved(*usage.Kind) as mine:
        assert mine == EVERY
        assert usage.free(*usage.Kind) == frozenset()
        with usage.reserved(usage.Kind.LOGS) as others:
            assert others == frozenset()
    with usage.using(usage.Kind.LOGS), usage.using(usage.Kind.LOGS):
        assert usage.free(*usage.Kind) == EVERY - {usage.Kind.LOGS}


def test_a_temporary_folder_is_its_owner_s_until_that_is_killed(places: Places) -> None:
    script = (
        "import sys, time\nfrom platform_images import temporary\n"
        "with temporary.folder(temporary.Role.BUILD) as folder:\n print(folder, flush=True)\n time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        folder = Path(child.stdout.readline().strip())
        os.utime(folder, (1, 1))
        assert folder.parent == places.temporary
        assert clean() == 0
        assert folder.is_dir()
        child.kill()
    assert folder.is_dir()
    assert clean() == 0
    assert not folder.exists()


def test_what_a_surviving_child_was_told_of_is_in_use(places: Places, put: Put) -> None:
    folder = put(places.temporary / "platform-images-context-abcd1234.locked", age=DAY)
    words = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline()  # its command line can be seen
            assert listed()[str(folder)].state is State.IN_USE
        finally:
            child.kill()
    assert listed()[str(folder)].state is State.LEFTOVER


def test_what_its_owner_does_not_lock_is_a_leftover_after_a_day(places: Places, put: Put) -> None:
    folder = put(places.temporary / "platform-images-build-abcd1234", age=DAY - 60)
    assert listed()[str(folder)].state is State.IN_USE
    os.utime(folder, (1, 1))
    assert listed()[str(folder)].state is State.LEFTOVER


def test_what_was_just_made_may_not_be_locked_yet(places: Places, put: Put) -> None:
    folder = put(places.temporary / "platform-images-build-abcd1234.locked")
    assert listed()[str(folder)].why == "just made"


def test_the_place_of_a_second_engine_goes_once_its_owner_has(
    places: Places, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared: list[Path] = []
    monkeypatch.setattr(second, "clear", cleared.append)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    place = second.PLACES / "pi-engine-0"
    place.mkdir(parents=True)
    data = put(places.large / "platform-images-engine-abcd1234", age=DAY)
    put(places.large / "platform-images-engine-abcd1234.ext4", age=DAY)
    (place / "data").symlink_to(data)
    lock = place.with_suffix(".lock")
    lock.touch()
    (found,) = secondengines.entries()
    assert (found.state, found.size) == (State.LEFTOVER, 8192)
    assert str(data) not in listed()
    with usage.using():
        assert temporary.locked(lock) is False
    assert clean() == 0
    assert cleared == [place]


def test_an_owner_is_told_from_another_machine_s() -> None:
    own = owner.this_process()
    pid, begun, *_ = own.split()
    assert owner.state(own) is owner.State.RUNS
    assert owner.state(own.replace(f" {begun} ", " 1 ")) is owner.State.GONE
    assert owner.state(f"{pid} {begun} another-boot pid:[1]") is owner.State.UNKNOWN
    assert owner.state(f"{pid} {begun}") is owner.State.UNKNOWN
    assert owner.state("") is owner.State.UNKNOWN
