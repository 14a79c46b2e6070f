from __future__ import annotations

import json

import pytest

from platform_images.errors import LockError
from platform_images.locks.content import check_content, read_whole
from platform_images.locks.freshness import Status, states
from platform_images.locks.patches import FILE, patches_unit
from platform_images.locks.store import LockStore
from platform_images.locks.values import Unit
from platform_images.model import Mission, Platform
from tests.locks.edits import recorded_anew

SKY = Unit(scope="survey", part="sky")
Project = tuple[Platform, Mission]


def test_locks_that_hold_what_they_have_to_are_read(solved: Project) -> None:
    store = LockStore(solved[0].locks)
    for unit in store.units():
        assert read_whole(store, unit) is not None
    assert read_whole(store, Unit(scope="survey", part="moon")) is None


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("common/root", "packages.json"),
        ("common/os", "packages.json"),
        ("survey/os", "packages.json"),
        ("survey/npm", "package.json"),
        ("survey/npm", "package-lock.json"),
        ("survey/sky", "conda-lock.yml"),
        ("survey/sky", "requirements.txt"),
    ],
)
def test_a_file_that_is_gone_with_its_record_is_damage(solved: Project, name: str, file: str) -> None:
    recorded_anew(solved[0].locks / name, file, None)
    ill = {str(each.unit): each for each in states(*solved) if each.status is Status.DAMAGED}
    assert ill[name].reasons == (f"The lock of {name} is damaged: it has no {file}",)
    assert set(ill) == {name}


@pytest.mark.parametrize(
    ("name", "file", "data"),
    [
        ("common/root", "packages.json", b'{"provider": "deb'),
        ("common/root", "packages.json", b"[]"),
        ("common/os", "packages.json", b"\xff"),
        ("survey/npm", "package-lock.json", b"[]"),
        ("survey/npm", "package.json", b"{"),
        ("survey/sky", "conda-lock.yml", b"package: [{name: a, dependencies: }]"),
        ("survey/sky", "requirements.txt", b"# Jos\xe9\n"),
    ],
)
def test_content_that_is_recorded_and_of_no_use_is_damage(solved: Project, name: str, file: str, data: bytes) -> None:
    recorded_anew(solved[0].locks / name, file, data)
    ill = {str(each.unit): each for each in states(*solved) if each.status is Status.DAMAGED}
    assert set(ill) == {name}
    assert f"The lock of {name} is damaged: {file}" in ill[name].reasons[0]


def test_what_is_built_from_source_needs_its_build_backends(solved: Project) -> None:
    place = solved[0].locks / "survey" / "sky"
    recorded_anew(place, "requirements.txt", b"--only-binary :all:\n--no-binary fbpca\nfbpca==1.0\n")
    with pytest.raises(LockError, match=r"it has no build-requirements\.txt"):
        read_whole(LockStore(solved[0].locks), SKY)
    recorded_anew(place, "build-requirements.txt", b"setuptools==80\n")
    assert read_whole(LockStore(solved[0].locks), SKY) is not None


def test_records_of_patches_and_the_hub_s_programs_are_kinds_of_their_own(solved: Project) -> None:
    store = LockStore(solved[0].locks)
    patches, hub = patches_unit("survey"), Unit(scope="project", part="hub")
    store.write(patches, files={FILE: "[]\n"}, inputs={}, solvers={})
    check_content(store.require(patches))
    files = {"requirements.txt": "a==1\n", "package.json": json.dumps({}), "package-lock.json": "{}"}
    store.write(hub, files=files, inputs={}, solvers={})
    check_content(store.require(hub))
    recorded_anew(store.place(hub), "requirements.txt", None)
    with pytest.raises(LockError, match=r"project/hub is damaged: it has no requirements\.txt") as caught:
        check_content(store.require(hub))
    assert "git restore locks/project/hub" in str(caught.value.fix)
