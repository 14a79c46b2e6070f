from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from platform_images.errors import LockError, UsageError
from platform_images.files import json_text
from platform_images.locks.freshness import LockState, Status, check, inputs, states, unasked
from platform_images.locks.patches import FILE, patches_unit
from platform_images.locks.store import ROOT_UNIT, LockStore, units
from platform_images.locks.values import Unit
from platform_images.model import Mission, Platform
from tests.locks.edits import recorded_anew

Edit = Callable[[str, str | None], tuple[Platform, Mission]]
KERNEL = "deployments/survey/kernels/sky"


def state(project: tuple[Platform, Mission], name: str) -> LockState:
    return next(found for found in states(*project) if str(found.unit) == name)


def stale(project: tuple[Platform, Mission]) -> dict[str, tuple[str, ...]]:
    return {str(found.unit): found.reasons for found in states(*project) if found.status is not Status.FRESH}


def test_where_the_root_s_packages_are_once_the_mirrors_have_newer_ones_leaves_the_locks_fresh(
    solved: tuple[Platform, Mission], edit: Edit
) -> None:
    text = (solved[0].folder / "platform.toml").read_text(encoding="utf-8")
    snapshots = '[root]\nsnapshot = "https://a.example/1"\nsnapshot_security = "https://a.example/2"\n'
    assert stale(edit("platform.toml", text + snapshots)) == {}
    assert set(stale(edit("platform.toml", text + '[root]\nsuite = "forky"\n'))) == {"common/root"}


def test_every_lock_is_fresh_after_solving(solved: tuple[Platform, Mission]) -> None:
    assert stale(solved) == {}
    check(solved[0], solved[1])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (f"{KERNEL}/requirements.in", "astropy>=8\n"),
        (f"{KERNEL}/environment.yml", "dependencies: [python=3.13]\n"),
        (f"{KERNEL}/constraints.txt", "numpy<2\n"),
    ],
)
def test_an_edited_request_makes_its_kernel_stale_and_no_other(
    solved: tuple[Platform, Mission], edit: Edit, name: str, text: str
) -> None:
    assert stale(edit(name, text)) == {"survey/sky": (f"{name} changed",)}


def test_a_vanished_constraint_file_is_named(solved: tuple[Platform, Mission], edit: Edit) -> None:
    name = f"{KERNEL}/constraints.txt"
    assert stale(edit(name, None)) == {"survey/sky": (f"{name} vanished",)}


def test_an_included_file_counts_as_well(solved: tuple[Platform, Mission], edit: Edit) -> None:
    edit(f"{KERNEL}/more.txt", "scipy\n")
    reasons = stale(edit(f"{KERNEL}/requirements.in", "astropy>=7\n-r more.txt\n"))["survey/sky"]
    assert f"{KERNEL}/more.txt appeared" in reasons


def test_an_included_file_must_be_in_the_project(edit: Edit) -> None:
    platform, mission = edit(f"{KERNEL}/requirements.in", "-r ../../../../../elsewhere.txt\n")
    with pytest.raises(UsageError, match="not a file of the project"):
        inputs(platform, mission, Unit(scope="survey", part="sky"))


def test_what_every_kernel_gets_counts_for_every_kernel(solved: tuple[Platform, Mission], edit: Edit) -> None:
    found = stale(edit("common/kernel/requirements.in", "ipykernel>=8\n"))
    assert sorted(found) == ["survey/sea", "survey/sky"]


@pytest.mark.parametrize(
    "text",
    [
        'display_name = "Heavens"\n',
        'display_name = "Sky"\n[test]\ntimeout = 9\n',
        'display_name = "Sky"\n[environment]\nDATA = "1"\n',
    ],
)
def test_settings_that_no_solver_sees_leave_the_lock_fresh(
    solved: tuple[Platform, Mission], edit: Edit, text: str
) -> None:
    assert stale(edit(f"{KERNEL}/kernel.toml", text)) == {}


@pytest.mark.parametrize(
    "text",
    [
        'display_name = "Sky"\nsolver = "pip-tools"\n',
        'display_name = "Sky"\n[sdist.fbpca]\nbuild_requires = ["setuptools"]\nreason = "no wheel"\n',
    ],
)
def test_settings_of_the_solve_make_it_stale(solved: tuple[Platform, Mission], edit: Edit, text: str) -> None:
    assert stale(edit(f"{KERNEL}/kernel.toml", text)) == {"survey/sky": (f"{KERNEL}/kernel.toml#solve changed",)}


def test_moving_a_channel_changes_nothing_but_another_channel_does(
    solved: tuple[Platform, Mission], edit: Edit
) -> None:
    text = (solved[0].folder / "platform.toml").read_text()
    moved = text.replace('path = "common/channel"', 'url = "https://mirror.example/embedded"')
    assert stale(edit("platform.toml", moved)) == {}
    more = text + '[[channels]]\nname = "conda-forge"\nurl = "https://mirror.example/forge"\n'
    assert set(stale(edit("platform.toml", more))) == {"common/base", "survey/sky", "survey/sea"}


def test_another_root_makes_stale_what_is_solved_against_it(solved: tuple[Platform, Mission]) -> None:
    store = LockStore(solved[0].locks)
    header = store.require(ROOT_UNIT).header
    system = json.loads(store.require(ROOT_UNIT).files["packages.json"])
    newer = {"packages.json": json_text(system | {"digest": "sha256:11"})}
    store.write(ROOT_UNIT, files=newer, inputs=header.inputs, solvers={})
    assert set(stale(solved)) == {"common/os", "survey/os"}
    newest = {"packages.json": json_text(system | {"glibc": "2.42"})}
    store.write(ROOT_UNIT, files=newest, inputs=header.inputs, solvers={})
    assert stale(solved)["survey/sky"] == ("locks/common/root#glibc changed",)


@pytest.mark.parametrize(
    ("packages", "reason"),
    [({"python-3.11.2-0.conda": {"sha256": "9" * 64}}, "changed"), ({}, "vanished")],
)
def test_a_package_that_the_channel_has_otherwise_makes_the_lock_stale(
    solved: tuple[Platform, Mission], edit: Edit, packages: dict[str, object], reason: str
) -> None:
    project = edit("common/channel/linux-64/repodata.json", json.dumps({"packages.conda": packages}))
    expected = (f"common/channel/linux-64/python-3.11.2-0.conda {reason}",)
    assert state(project, "survey/sky") == LockState(
        unit=Unit(scope="survey", part="sky"), status=Status.STALE, reasons=expected
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "Expecting value"),
        ('{"packages.conda": {"a', "Unterminated string"),
        ("[]", "the file is no mapping, but []"),
        ('{"packages": null}', "packages is no mapping, but null"),
        ('{"packages": {"a": 1}}', "packages: a is no mapping, but 1"),
    ],
)
def test_a_damaged_index_of_a_channel_is_named_with_its_cure(
    solved: tuple[Platform, Mission], edit: Edit, text: str, why: str
) -> None:
    project = edit("common/channel/linux-64/repodata.json", text)
    with pytest.raises(UsageError, match=r"common/channel/linux-64/repodata\.json is damaged") as caught:
        states(*project)
    assert why in str(caught.value.why)
    assert "git restore common/channel;" in str(caught.value.fix)


def test_missing_and_damaged_locks_are_told_apart(solved: tuple[Platform, Mission]) -> None:
    place = solved[0].locks / "survey"
    (place / "sky" / "lock.json").unlink()
    (place / "sea" / "requirements.txt").write_text("edited by hand\n")
    assert state(solved, "survey/sky").status is Status.MISSING
    found = state(solved, "survey/sea")
    assert found.status is Status.DAMAGED
    assert "requirements.txt is not the file that was recorded" in found.reasons[0]
    assert found.reasons[1].startswith("expected sha256 ")
    (place / "sky" / "lock.json").write_text((place / "sea" / "lock.json").read_text())
    with pytest.raises(LockError) as caught:
        check(*solved)
    assert "git restore locks/survey/sea" in str(caught.value.fix)


def test_check_lists_each_reason_and_the_cure(solved: tuple[Platform, Mission], edit: Edit) -> None:
    platform, mission = edit(f"{KERNEL}/requirements.in", "astropy>=8\n")
    with pytest.raises(LockError) as caught:
        check(platform, mission)
    assert caught.value.exit_code == 3
    assert "requirements.in changed" in str(caught.value.why)
    assert caught.value.fix == 'nox -s "lock(survey, sky)"'
    check(platform, mission, kernels=["sea"])


def test_many_stale_locks_are_cured_by_one_command(edit: Edit) -> None:
    platform, mission = edit("common/apt.txt", "git\n")
    with pytest.raises(LockError) as caught:
        check(platform, mission)
    assert caught.value.fix == "nox -s lock"
    assert len(str(caught.value.why).splitlines()) == len(units(platform, mission))


@pytest.mark.parametrize("recorded", [False, True])
def test_a_damaged_root_is_the_one_to_be_cured(solved: tuple[Platform, Mission], recorded: bool) -> None:
    place = solved[0].locks / "common" / "root"
    cut = (place / "packages.json").read_bytes()[:40]
    if recorded:
        recorded_anew(place, "packages.json", cut)
    else:
        (place / "packages.json").write_bytes(cut)
    found = {str(each.unit): each for each in states(*solved)}
    assert found["common/root"].status is Status.DAMAGED
    assert found["survey/npm"].status is Status.FRESH
    waiting = {name for name, each in found.items() if each.status is Status.WAITING}
    assert waiting == {"common/os", "common/base", "survey/os", "survey/sky", "survey/sea"}
    assert found["survey/sky"].reasons == ("for common/root, which is damaged",)
    assert found["survey/sky"].cure == ROOT_UNIT.session
    with pytest.raises(LockError) as caught:
        check(*solved)
    assert caught.value.what == "common/root is damaged."
    assert caught.value.fix == "git restore locks/common/root; or nox -s lock, which solves again"
    assert "survey/sky   waiting  for common/root, which is damaged" in str(caught.value.why)


def test_what_stands_on_a_damaged_lock_is_judged_by_the_rest(solved: tuple[Platform, Mission], edit: Edit) -> None:
    (solved[0].locks / "common" / "root" / "packages.json").write_text("{")
    project = edit(f"{KERNEL}/requirements.in", "astropy>=8\n")
    assert state(project, "survey/sky").reasons == (f"{KERNEL}/requirements.in changed",)
    assert state(project, "survey/sky").status is Status.STALE
    with pytest.raises(LockError, match="common/root is damaged"):
        inputs(*project, Unit(scope="survey", part="sky"))


def test_the_list_below_a_mission_s_own_is_looked_at_too(solved: tuple[Platform, Mission]) -> None:
    recorded_anew(solved[0].locks / "common" / "os", "packages.json", None)
    assert state(solved, "survey/os").reasons == ("for common/os, which is damaged",)
    assert state(solved, "survey/sky").status is Status.FRESH


def test_locks_that_nothing_asks_for_are_named(solved: tuple[Platform, Mission]) -> None:
    platform, mission = solved
    store = LockStore(platform.locks)
    header = store.require(ROOT_UNIT).header
    assert unasked(platform, (mission,)) == ()
    for unit in (patches_unit("survey"), Unit(scope="project", part="hub"), Unit(scope="survey", part=".sky.new-abcd")):
        store.write(unit, files={FILE: "[]\n"}, inputs={}, solvers={})
    assert unasked(platform, (mission,)) == ()
    gone = (Unit(scope="common", part="gone"), patches_unit("gone"), Unit(scope="survey", part="gone"))
    for unit in gone:
        store.write(unit, files={}, inputs=header.inputs, solvers={})
    assert unasked(platform, (mission,)) == gone
    check(platform, mission)
