from __future__ import annotations

import os
from pathlib import Path

import pytest

from platform_images.errors import LockError, UsageError
from platform_images.locks.store import (
    ROOT_UNIT,
    LockStore,
    build_requirements,
    os_packages,
    requirements,
    root,
    units,
)
from platform_images.locks.values import Unit
from platform_images.model import Mission, Platform
from tests.locks.edits import recorded_anew

SKY = Unit(scope="survey", part="sky")


@pytest.fixture
def store(tmp_path: Path) -> LockStore:
    return LockStore(tmp_path / "locks")


def test_what_is_written_is_read(store: LockStore) -> None:
    assert store.write(SKY, files={"requirements.txt": "a==1\n"}, inputs={"in": "0" * 64}, solvers={"uv": "0.9"})
    lock = store.read(SKY)
    assert lock is not None
    assert requirements(lock) == "a==1\n"
    assert build_requirements(lock) is None
    assert lock.header.inputs == {"in": "0" * 64}
    assert lock.header.solvers == {"uv": "0.9"}


def test_writing_the_same_again_changes_nothing(store: LockStore) -> None:
    files = {"requirements.txt": "a==1\n"}
    store.write(SKY, files=files, inputs={}, solvers={})
    assert not store.write(SKY, files=files, inputs={}, solvers={})
    assert store.write(SKY, files=files, inputs={"in": "0" * 64}, solvers={})


def test_a_new_solution_leaves_no_file_of_the_old_one(store: LockStore) -> None:
    store.write(SKY, files={"requirements.txt": "a==1\n", "build-requirements.txt": "b==1\n"}, inputs={}, solvers={})
    store.write(SKY, files={"requirements.txt": "a==1\n"}, inputs={}, solvers={})
    assert sorted(path.name for path in store.place(SKY).iterdir()) == ["lock.json", "requirements.txt"]
    assert sorted(path.name for path in store.place(SKY).parent.iterdir()) == ["sky"]


def test_there_is_no_lock_before_the_first_solve(store: LockStore) -> None:
    assert store.read(SKY) is None
    with pytest.raises(LockError) as caught:
        store.require(SKY)
    assert caught.value.fix == 'nox -s "lock(survey, sky)"'


def test_an_edited_file_is_damage_with_both_hashes(store: LockStore) -> None:
    store.write(SKY, files={"requirements.txt": "a==1\n"}, inputs={}, solvers={})
    (store.place(SKY) / "requirements.txt").write_text("a==2\n")
    with pytest.raises(LockError, match=r"survey/sky is damaged: requirements\.txt") as caught:
        store.read(SKY)
    assert "expected sha256 " in str(caught.value.why)
    assert "found sha256 " in str(caught.value.why)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("stray.txt", "x", "not recorded: stray.txt"),
        ("requirements.txt", None, "missing: requirements.txt"),
        ("lock.json", "{", "lock.json is not a lock header"),
        ("lock.json", '{"version": 2}', "lock.json is not a lock header"),
    ],
)
def test_damage_of_every_kind_is_refused(store: LockStore, name: str, text: str | None, says: str) -> None:
    store.write(SKY, files={"requirements.txt": "a==1\n"}, inputs={}, solvers={})
    path = store.place(SKY) / name
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(LockError) as caught:
        store.read(SKY)
    assert says in str(caught.value)


def test_a_file_that_is_no_text_is_damage(store: LockStore) -> None:
    store.write(SKY, files={"requirements.txt": "a==1\n"}, inputs={}, solvers={})
    recorded_anew(store.place(SKY), "requirements.txt", "# Jos\u00e9\na==1\n".encode("latin-1"))
    with pytest.raises(LockError, match=r"survey/sky is damaged: requirements\.txt is not UTF-8"):
        store.read(SKY)


def test_every_lock_is_listed_but_what_a_killed_run_has_left(store: LockStore) -> None:
    for name in ("sky", ".sky.new-abcd"):
        store.write(Unit(scope="survey", part=name), files={}, inputs={}, solvers={})
    store.write(Unit(scope=".scope", part="sky"), files={}, inputs={}, solvers={})
    store.write(ROOT_UNIT, files={}, inputs={}, solvers={})
    (store.folder / "project").mkdir()
    assert store.units() == (ROOT_UNIT, SKY)


def test_the_next_lock_removes_what_a_killed_run_has_left(store: LockStore) -> None:
    left, written = (store.place(SKY).with_name(f".sky.new-{name}") for name in ("old", "now"))
    other = store.place(SKY).with_name(".sea.new-old")
    for folder in (left, written, other):
        folder.mkdir(parents=True)
        (folder / "lock.json").write_text("{}")
    for folder in (left, other):
        os.utime(folder, (0, 0))
    store.write(SKY, files={}, inputs={}, solvers={})
    assert sorted(path.name for path in store.place(SKY).parent.iterdir()) == [other.name, written.name, "sky"]


def test_units_come_in_build_order(solved: tuple[Platform, Mission]) -> None:
    platform, mission = solved
    common = ["common/root", "common/os", "common/base"]
    assert [str(unit) for unit in units(platform, None)] == common
    own = ["survey/os", "survey/npm", "survey/sky", "survey/sea"]
    assert [str(unit) for unit in units(platform, mission)] == common + own
    assert [str(unit) for unit in units(platform, mission, ["sea"])][-1:] == ["survey/sea"]
    with pytest.raises(UsageError, match="no kernel 'see'"):
        units(platform, mission, ["see"])


def test_a_mission_is_read_whole_or_not_at_all(solved: tuple[Platform, Mission]) -> None:
    platform, mission = solved
    store = LockStore(platform.locks)
    locks = store.read_mission(platform, mission, mission.select(("sky",)))
    assert [str(lock.unit) for lock in locks.locks][-1] == "survey/sky"
    assert root(locks.locks[0]).glibc == "2.41"
    assert os_packages(locks.locks[1]).packages == ()
    (store.place(SKY) / "lock.json").unlink()
    with pytest.raises(LockError, match="survey/sky has no lock"):
        store.read_mission(platform, mission)


def test_content_of_another_format_is_damage(solved: tuple[Platform, Mission]) -> None:
    lock = LockStore(solved[0].locks).require(Unit(scope="common", part="os"))
    with pytest.raises(LockError, match=r"packages\.json is not in the format"):
        root(lock)
