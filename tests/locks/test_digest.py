from __future__ import annotations

from pathlib import Path

from platform_images.locks.digest import mission_digest
from platform_images.locks.store import LockStore
from platform_images.locks.values import Lock, MissionLocks, Unit


def lock(folder: Path, part: str, text: str, *, solver: str = "1") -> Lock:
    unit = Unit(scope="survey", part=part)
    store = LockStore(folder)
    store.write(unit, files={"requirements.txt": text}, inputs={"in": solver * 64}, solvers={"uv": solver})
    return store.require(unit)


def digest(*locks: Lock) -> str:
    return mission_digest(MissionLocks(mission="survey", locks=locks))


def test_same_packages_are_the_same_digest_however_they_were_found(tmp_path: Path) -> None:
    first = digest(lock(tmp_path, "sky", "a==1\n", solver="1"))
    assert first == digest(lock(tmp_path, "sky", "a==1\n", solver="2"))
    assert len(first) == 64


def test_another_package_is_another_digest(tmp_path: Path) -> None:
    assert digest(lock(tmp_path, "sky", "a==1\n")) != digest(lock(tmp_path, "sky", "a==2\n"))


def test_order_of_units_does_not_matter_but_their_names_do(tmp_path: Path) -> None:
    sky, sea = lock(tmp_path, "sky", "a==1\n"), lock(tmp_path, "sea", "b==1\n")
    assert digest(sky, sea) == digest(sea, sky)
    assert digest(sky) != digest(lock(tmp_path, "sun", "a==1\n"))
