"""From a request to locks, a record and names, in this order; the engine and solvers are made up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_images import console
from platform_images.errors import ToolError, UsageError
from platform_images.locks.digest import mission_digest
from platform_images.locks.freshness import check
from platform_images.locks.patches import read_patches
from platform_images.locks.store import COMMON_OS, LockStore
from platform_images.locks.values import Unit
from platform_images.patching.patch import Patched, patch, run
from platform_images.patching.request import PatchRequest
from tests.patching.engine import Engine
from tests.patching.survey import IMAGE, PATCHED, Solvers, Survey, debian

OPENSSL = PatchRequest(systems=("libssl3t64",))
REQUESTS = PatchRequest(packages=("requests>=2.33",), environments=("sky",), allow=("urllib3",))


@pytest.fixture
def solvers(solvers: Solvers) -> Solvers:
    """Solvers that have a newer OpenSSL and, in one kernel, a newer requests, with what that needs."""
    solvers.debs = (debian("libssl3t64", "3.5.2-1"),)
    solvers.pip = {"survey/sky": {"requests": "2.33.0", "urllib3": "2.6.0"}}
    return solvers


@pytest.fixture(autouse=True)
def console_of_this_test() -> Iterator[None]:
    """What is said goes to where this test looks."""
    console.stderr.cache_clear()
    yield
    console.stderr.cache_clear()


def test_a_patch_is_laid_then_saved_then_named(survey: Survey, engine: Engine, solvers: Solvers) -> None:
    before = survey.files()
    done = patch(survey.platform, survey.mission, OPENSSL)
    assert engine.done == ["laid", "named", "over"]
    assert engine.seen["laid"] == before
    assert engine.seen["named"] == survey.files() != before
    digest = mission_digest(survey.locks)
    assert done == Patched(
        patch=engine.patches[0],
        image=PATCHED,
        tags=(f"survey:1-{digest[:12]}-patch1", "survey:latest"),
        size=2_500_000,
    )
    assert engine.names == dict.fromkeys(done.tags, PATCHED)


def test_its_record_says_on_what_and_from_which_locks_to_which(
    survey: Survey, engine: Engine, solvers: Solvers
) -> None:
    before = mission_digest(survey.locks)
    patch(survey.platform, survey.mission, REQUESTS)
    (record,) = read_patches(survey.store, "survey")
    assert engine.patches == (record,)
    assert (record.released, record.asked) == (IMAGE, ("pip requests>=2.33",))
    assert (record.locks_before, record.locks_after) == (before, mission_digest(survey.locks))
    assert before != record.locks_after
    assert [(each.unit, each.name, each.before, each.after) for each in record.packages] == [
        ("survey/sky", "requests", "2.32.5", "2.33.0"),
        ("survey/sky", "urllib3", "2.5.0", "2.6.0"),
    ]


def test_only_locks_that_have_changed_are_written_and_all_are_fresh_then(
    survey: Survey, engine: Engine, solvers: Solvers
) -> None:
    before = survey.files()
    patch(survey.platform, survey.mission, REQUESTS)
    after = survey.files()
    assert sorted(name for name in after if after[name] != before.get(name)) == [
        "survey/patches/lock.json",
        "survey/patches/patches.json",
        "survey/sky/lock.json",
        "survey/sky/requirements.txt",
    ]
    check(survey.platform, survey.mission)


def test_a_patched_image_is_patched_again_and_both_are_recorded(
    survey: Survey, engine: Engine, solvers: Solvers
) -> None:
    patch(survey.platform, survey.mission, REQUESTS)
    engine.labels = survey.labels(*engine.patches)
    done = patch(survey.platform, survey.mission, OPENSSL)
    assert done is not None
    assert done.tags[0].endswith("-patch2")
    assert read_patches(survey.store, "survey") == engine.patches
    assert [each.asked for each in engine.patches] == [("pip requests>=2.33",), ("os libssl3t64",)]


def test_the_same_patch_of_the_same_image_is_recorded_once(survey: Survey, engine: Engine, solvers: Solvers) -> None:
    before = [survey.store.require(unit) for unit in (COMMON_OS, Unit(scope="survey", part="os"))]
    patch(survey.platform, survey.mission, OPENSSL)
    recorded = survey.files()
    for lock in before:
        survey.store.write(lock.unit, files=lock.files, inputs=lock.header.inputs, solvers=lock.header.solvers)
    patch(survey.platform, survey.mission, OPENSSL)
    assert survey.files() == recorded


def test_a_patch_that_cannot_be_laid_changes_nothing(survey: Survey, engine: Engine, solvers: Solvers) -> None:
    before, engine.failure = survey.files(), ToolError("The build of survey-patch failed.")
    with pytest.raises(ToolError, match="survey-patch failed"):
        patch(survey.platform, survey.mission, OPENSSL)
    assert engine.done == ["laid"]
    assert survey.files() == before


def test_locks_that_cannot_be_written_leave_the_image_without_its_names(
    survey: Survey, engine: Engine, solvers: Solvers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> bool:
        if engine.done == ["laid"]:
            raise ToolError("No space is left to write.")
        return bool(write(*_, **__))  # type: ignore[arg-type]

    write = LockStore.write
    monkeypatch.setattr(LockStore, "write", full)
    with pytest.raises(ToolError, match="No space"):
        patch(survey.platform, survey.mission, OPENSSL)
    assert engine.done == ["laid", "over"]
    assert engine.names == {}


def test_a_package_that_nobody_asked_for_ends_it_before_anything_is_laid(
    survey: Survey, engine: Engine, solvers: Solvers
) -> None:
    before = survey.files()
    with pytest.raises(UsageError) as caught:
        patch(survey.platform, survey.mission, PatchRequest(packages=("requests",), environments=("sky",)))
    assert caught.value.why == "survey/sky: urllib3 2.5.0 -> 2.6.0"
    assert str(caught.value.fix).startswith("add --allow urllib3,")
    assert (engine.done, survey.files()) == ([], before)


def test_a_dry_run_gives_the_record_and_changes_nothing(survey: Survey, engine: Engine, solvers: Solvers) -> None:
    before = survey.files()
    done = patch(survey.platform, survey.mission, PatchRequest(systems=("libssl3t64",), dry_run=True))
    assert done is not None
    assert (done.image, done.tags, done.size) == ("", (), 0)
    assert [each.name for each in done.patch.packages] == ["libssl3t64"]
    assert (engine.done, survey.files()) == ([], before)


def test_an_image_that_has_all_of_it_is_left_as_it_is(
    survey: Survey, engine: Engine, solvers: Solvers, capsys: pytest.CaptureFixture[str]
) -> None:
    before = survey.files()
    assert patch(survey.platform, survey.mission, PatchRequest(packages=("xarray",))) is None
    assert "there is nothing to change" in capsys.readouterr().err
    assert (engine.done, survey.files()) == ([], before)


def test_a_request_is_looked_at_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is nothing to patch"):
        run(tmp_path / "nowhere", "survey", PatchRequest(), json=False)


def test_standard_output_is_the_names_and_what_is_left_to_do_goes_to_standard_error(
    survey: Survey, engine: Engine, solvers: Solvers, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(survey.platform.folder, "survey", OPENSSL, json=False) == 0
    out, err = capsys.readouterr()
    exact = f"survey:1-{mission_digest(survey.locks)[:12]}-patch1"
    assert out == f"{exact}\nsurvey:latest\n"
    lines = err.splitlines()
    assert "  common/os: libssl3t64 3.5.1-1 -> 3.5.2-1" in lines
    assert lines[-4] == f"{exact}: one package in one layer of 2.5 MB"
    assert lines[-3] == "  on 111111111111, which keeps its layers; recorded in locks/survey/patches"
    assert "invoke verify" in lines[-2]
    assert (
        lines[-1]
        == "  locks/common/os is part of other too: nox -s lock, then invoke patch --mission MISSION --locked for each"
    )


def test_a_patch_of_a_kernel_concerns_no_other_mission(
    survey: Survey, engine: Engine, solvers: Solvers, capsys: pytest.CaptureFixture[str]
) -> None:
    run(survey.platform.folder, "survey", REQUESTS, json=False)
    assert "part of other" not in capsys.readouterr().err


def test_json_is_the_record_with_the_image(
    survey: Survey, engine: Engine, solvers: Solvers, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(survey.platform.folder, "survey", OPENSSL, json=True) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["mission"], value["image_id"], value["layer_bytes"]) == ("survey", PATCHED, 2_500_000)
    assert value["tags"][1] == "survey:latest"
    assert (value["released"], value["asked"]) == (IMAGE, ["os libssl3t64"])
    assert value["packages"] == [
        {"unit": "common/os", "kind": "deb", "name": "libssl3t64", "before": "3.5.1-1", "after": "3.5.2-1"}
    ]


def test_a_dry_run_has_no_names_and_no_image(
    survey: Survey, engine: Engine, solvers: Solvers, capsys: pytest.CaptureFixture[str]
) -> None:
    request = PatchRequest(systems=("libssl3t64",), dry_run=True)
    assert run(survey.platform.folder, "survey", request, json=False) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "one package would change; without --dry-run the patch is laid on 111111111111" in err
    run(survey.platform.folder, "survey", request, json=True)
    value = json.loads(capsys.readouterr().out)
    assert (value["image_id"], value["tags"], len(value["packages"])) == (None, [], 1)


def test_nothing_to_change_is_null(
    survey: Survey, engine: Engine, solvers: Solvers, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(survey.platform.folder, "survey", PatchRequest(packages=("xarray",)), json=True) == 0
    assert json.loads(capsys.readouterr().out) is None
