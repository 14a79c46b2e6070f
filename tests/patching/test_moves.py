"""Where new packages come to, what a patch changes by that, and what nobody has asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from platform_images.errors import UsageError
from platform_images.files import json_text, sha256_bytes
from platform_images.locks.patches import PatchedPackage
from platform_images.locks.store import COMMON_OS
from platform_images.locks.values import (
    PACKAGES,
    REQUIREMENTS,
    DebPackage,
    Header,
    Lock,
    MissionLocks,
    OsPackages,
    Unit,
)
from platform_images.patching.moves import OsUnit, changed_packages, check_allowed, line, not_asked, placed
from platform_images.patching.request import PatchRequest
from tests.keep.diff.locked import pin, pip_lock
from tests.patching.survey import INSTALLED, debian

OWN = Unit(scope="survey", part="os")
SKY = Unit(scope="survey", part="sky")
COMMON_UNIT = OsUnit(unit=COMMON_OS, packages=(debian("git", "1:2.47-1"), debian("libcurl4t64", "8.14.1-2")))
OWN_UNIT = OsUnit(unit=OWN, packages=(debian("figlet", "2.2.5-3"), debian("libfig", "1.0")))
BOTH = (COMMON_UNIT, OWN_UNIT)


def put(*found: DebPackage, units: tuple[OsUnit, ...] = BOTH) -> dict[str, list[str]]:
    """Unit to its packages, for each that changes."""
    changed = placed(found, units, installed=INSTALLED)
    return {str(each.unit): [f"{one.name} {one.version}" for one in each.packages] for each in changed}


def test_a_new_version_takes_the_place_of_the_one_that_a_unit_has() -> None:
    assert put(debian("git", "1:2.50-1")) == {"common/os": ["git 1:2.50-1", "libcurl4t64 8.14.1-2"]}
    assert put(debian("figlet", "2.2.6-1")) == {"survey/os": ["figlet 2.2.6-1", "libfig 1.0"]}


def test_each_unit_gets_its_own() -> None:
    assert put(debian("figlet", "2.2.6-1"), debian("git", "1:2.50-1")) == {
        "common/os": ["git 1:2.50-1", "libcurl4t64 8.14.1-2"],
        "survey/os": ["figlet 2.2.6-1", "libfig 1.0"],
    }


def test_a_package_of_the_root_comes_to_the_common_unit_in_its_order() -> None:
    """The root stays what it is, and every mission stands on the common unit."""
    common = ["git 1:2.47-1", "libcurl4t64 8.14.1-2", "libssl3t64 3.5.2-1"]
    assert put(debian("libssl3t64", "3.5.2-1")) == {"common/os": common}
    assert put(debian("libssl3t64", "3.5.2-1"), units=(COMMON_UNIT,)) == {"common/os": common}
    assert put(debian("libssl3t64", "3.5.2-1"), debian("figlet", "2.2.6-1")) == {
        "common/os": common,
        "survey/os": ["figlet 2.2.6-1", "libfig 1.0"],
    }


def test_a_new_dependency_comes_to_the_common_unit_where_that_changes_too() -> None:
    new = debian("libnew", "1")
    common = {"common/os": ["git 1:2.50-1", "libcurl4t64 8.14.1-2", "libnew 1"]}
    assert put(debian("git", "1:2.50-1"), new) == common
    assert put(debian("git", "1:2.50-1"), new, debian("figlet", "2.2.6-1"))["common/os"] == common["common/os"]


def test_a_new_dependency_beside_packages_of_the_mission_alone_is_the_mission_s() -> None:
    assert put(debian("figlet", "2.2.6-1"), debian("libnew", "1")) == {
        "survey/os": ["figlet 2.2.6-1", "libfig 1.0", "libnew 1"]
    }


def test_nothing_found_changes_no_unit() -> None:
    assert put() == {}


@pytest.mark.parametrize(("before", "after"), [("all", "amd64"), ("amd64", "all")])
def test_a_package_may_become_one_for_all_architectures_and_back(before: str, after: str) -> None:
    unit = OsUnit(unit=COMMON_OS, packages=(debian("tool", "1", architecture=before),))
    new = debian("tool", "2", architecture=after)
    assert placed((new,), (unit,), installed=("tool",)) == (OsUnit(unit=COMMON_OS, packages=(new,)),)


def test_a_package_of_two_architectures_keeps_the_other_one() -> None:
    own, foreign = debian("libc6", "1"), debian("libc6", "1", architecture="i386")
    new = debian("libc6", "2")
    unit = OsUnit(unit=COMMON_OS, packages=(own, foreign))
    assert placed((new,), (unit,), installed=("libc6",))[0].packages == (new, foreign)


def lock(unit: Unit, name: str, text: str) -> Lock:
    header = Header(inputs={}, solvers={}, files={name: sha256_bytes(text.encode())})
    return Lock(unit=unit, header=header, files={name: text})


def systems(unit: OsUnit) -> Lock:
    return lock(unit.unit, PACKAGES, json_text(OsPackages(packages=unit.packages).model_dump(mode="json")))


def environment(*packages: str) -> Lock:
    return lock(SKY, REQUIREMENTS, pip_lock(*(pin(*each.split("==")) for each in packages)))


def locks(*found: Lock) -> MissionLocks:
    return MissionLocks(mission="survey", locks=found)


def changed(before: MissionLocks, after: MissionLocks) -> list[str]:
    return [f"{each.kind} {line(each)}" for each in changed_packages(before, after, installed=INSTALLED)]


def test_what_has_changed_is_told_by_unit_kind_and_name() -> None:
    before = locks(
        systems(COMMON_UNIT), systems(OWN_UNIT), environment("Astro.Py==7.2", "requests==2.32.5", "urllib3==2.5.0")
    )
    after = locks(
        systems(replace(COMMON_UNIT, packages=(debian("git", "1:2.50-1"), *COMMON_UNIT.packages[1:]))),
        systems(replace(OWN_UNIT, packages=(*OWN_UNIT.packages, debian("libnew", "1")))),
        environment("Astro.Py==7.3", "niquests==3", "requests==2.32.5"),
    )
    assert changed(before, after) == [
        "deb common/os: git 1:2.47-1 -> 1:2.50-1",
        "deb survey/os: libnew new -> 1",
        "pip survey/sky: astro-py 7.2 -> 7.3",
        "pip survey/sky: niquests new -> 3",
        "pip survey/sky: urllib3 2.5.0 -> gone",
    ]


def test_a_package_of_the_root_has_the_version_of_the_image_before() -> None:
    """The unit that it comes to has not had it."""
    after = replace(COMMON_UNIT, packages=(*COMMON_UNIT.packages, debian("libssl3t64", "3.5.2-1")))
    assert changed(locks(systems(COMMON_UNIT)), locks(systems(after))) == [
        "deb common/os: libssl3t64 3.5.1-1 -> 3.5.2-1"
    ]


def test_locks_with_the_same_packages_differ_in_none() -> None:
    before = locks(systems(COMMON_UNIT), environment("Foo_Bar==1"))
    assert changed(before, before) == []
    assert changed(before, locks(systems(COMMON_UNIT), environment("foo-bar==1"))) == []


DEB = PatchedPackage(unit="common/os", kind="deb", name="libssl3t64", before="1", after="2")
PIP = PatchedPackage(unit="survey/sky", kind="pip", name="foo-bar", before="1", after="2")
NEW = PatchedPackage(unit="survey/sky", kind="pip", name="urllib3", before=None, after="2.6")
GONE = PatchedPackage(unit="survey/sea", kind="pip", name="urllib3", before="2.5", after=None)


def test_what_nobody_has_asked_for_comes_along() -> None:
    request = PatchRequest(systems=("libssl3t64=2",), packages=("Foo_Bar>=2",))
    assert not_asked((DEB, PIP, NEW), request) == (NEW,)
    assert not_asked((DEB, PIP, NEW), PatchRequest(packages=("libssl3t64", "urllib3"))) == (DEB, PIP)


def test_what_comes_along_is_refused_by_name_with_the_words_that_allow_it() -> None:
    with pytest.raises(UsageError) as caught:
        check_allowed((DEB, PIP, NEW, GONE), PatchRequest(packages=("foo-bar",)))
    assert caught.value.what == "The patch would change 2 packages that nobody asked for."
    assert caught.value.why == (
        "common/os: libssl3t64 1 -> 2\nsurvey/sky: urllib3 new -> 2.6\nsurvey/sea: urllib3 2.5 -> gone"
    )
    assert caught.value.fix == "add --allow libssl3t64 --allow urllib3, or ask for another version"


def test_one_package_is_told_as_one() -> None:
    with pytest.raises(UsageError, match="would change one package that"):
        check_allowed((NEW, GONE), PatchRequest(packages=("requests",)))


def test_what_is_allowed_may_come_along_in_any_spelling() -> None:
    request = PatchRequest(packages=("requests",), allow=("Foo_Bar", "libssl3t64", "URLlib3"))
    check_allowed((DEB, PIP, NEW, GONE), request)
    with pytest.raises(UsageError, match="one package"):
        check_allowed((DEB, PIP, NEW, GONE), replace(request, allow=("foo.bar", "libssl3t64")))
