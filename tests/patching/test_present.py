"""Bringing an image to the present locks: which locks it was built from, what they lack, and what no patch can do."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from platform_images.errors import LockError, UsageError
from platform_images.files import json_text
from platform_images.locks.digest import mission_digest
from platform_images.locks.patches import read_patches
from platform_images.locks.store import COMMON_OS, ROOT_UNIT
from platform_images.locks.values import PACKAGES, REQUIREMENTS, MissionLocks, Unit
from platform_images.patching.past import past_locks
from platform_images.patching.patch import patch, released_image
from platform_images.patching.present import beyond
from platform_images.patching.request import PatchRequest
from tests.keep.diff.locked import deb, debs, pin, pip_lock, root_system
from tests.patching.engine import Engine
from tests.patching.survey import IMAGE, ROOT, Survey

SKY = Unit(scope="survey", part="sky")
OWN = Unit(scope="survey", part="os")
NEWER = debs(deb("git", "1:2.50-1"), deb("libcurl4t64", "8.14.1-2"), deb("libssl3t64", "3.5.2-1"))
LOCKED = PatchRequest(locked=True)


def relock(survey: Survey, unit: Unit, **files: str | None) -> MissionLocks:
    """Write other files into a unit's lock, as fresh as it was; what stands on it stays fresh too."""
    from platform_images.locks.freshness import inputs

    names = {"packages": PACKAGES, "requirements": REQUIREMENTS, "conda": "conda-lock.yml"}
    lock = survey.store.require(unit)
    changed = {**lock.files, **{names[name]: text for name, text in files.items() if text is not None}}
    survey.store.write(unit, files=changed, inputs=lock.header.inputs, solvers=lock.header.solvers)
    for upper in survey.locks.locks:
        owner = None if upper.unit.scope == "common" else survey.mission
        renewed = inputs(survey.platform, owner, upper.unit)
        survey.store.write(upper.unit, files=upper.files, inputs=renewed, solvers=upper.header.solvers)
    return survey.locks


def commit(survey: Survey, message: str) -> None:
    folder = survey.platform.folder
    for words in (
        ("init", "--quiet"),
        ("add", "--all"),
        ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "-m", message),
    ):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def test_what_the_locks_have_beyond_those_of_an_image_is_a_patch(survey: Survey) -> None:
    before = survey.locks
    after = relock(survey, COMMON_OS, packages=NEWER)
    after = relock(
        survey, SKY, requirements=pip_lock(pin("Astro.Py", "7.3"), pin("requests", "2.32.5"), pin("new", "1"))
    )
    assert [(each.unit, each.name, each.before, each.after) for each in beyond(before, after)] == [
        ("common/os", "git", "1:2.47-1", "1:2.50-1"),
        ("common/os", "libssl3t64", "3.5.1-1", "3.5.2-1"),
        ("survey/sky", "astro-py", "7.2", "7.3"),
        ("survey/sky", "new", None, "1"),
        ("survey/sky", "urllib3", "2.5.0", None),
    ]
    assert beyond(before, before) == ()


@pytest.mark.parametrize(
    ("unit", "files", "reason"),
    [
        (
            ROOT_UNIT,
            {"packages": root_system(packages=[*ROOT, deb("bash", "5")])},
            "common/root: packages.json is another one",
        ),
        (COMMON_OS, {"packages": debs(deb("git", "1:2.47-1"))}, "common/os: libcurl4t64 is gone"),
        (
            COMMON_OS,
            {"packages": debs(deb("git", "1:2.39-1"), deb("libcurl4t64", "8.14.1-2"))},
            "common/os: git 1:2.47-1 -> 1:2.39-1 goes back",
        ),
        (SKY, {"conda": "# another one\n"}, "survey/sky: conda-lock.yml is another one"),
    ],
)
def test_what_no_patch_can_do_is_refused_with_the_reason(
    unit: Unit, files: dict[str, str], reason: str, survey: Survey
) -> None:
    before = survey.locks
    lock = survey.store.require(unit)
    names = {"packages": PACKAGES, "conda": "conda-lock.yml"}
    changed = replace(lock, files={**lock.files, **{names[name]: text for name, text in files.items()}})
    after = replace(before, locks=tuple(changed if each.unit == unit else each for each in before.locks))
    with pytest.raises(UsageError, match="cannot be brought to the present locks") as caught:
        beyond(before, after)
    assert reason in str(caught.value.why)
    assert caught.value.fix == "invoke build --mission survey"


def test_units_that_only_one_side_has_need_a_full_build(survey: Survey) -> None:
    before = survey.locks
    less = replace(before, locks=tuple(each for each in before.locks if each.unit != OWN))
    for one, other, reason in ((less, before, "survey/os is new"), (before, less, "survey/os is gone")):
        with pytest.raises(UsageError) as caught:
            beyond(one, other)
        assert reason in str(caught.value.why)


def test_the_locks_of_an_image_are_those_of_the_newest_commit_that_has_them(survey: Survey) -> None:
    assert past_locks(survey.platform, survey.mission, survey.mission.kernels, "0" * 64) is None, "no checkout of git"
    first = survey.locks
    commit(survey, "one")
    relock(survey, COMMON_OS, packages=NEWER)
    commit(survey, "two")
    (survey.platform.locks / "survey" / "sky" / "lock.json").write_text("{", encoding="utf-8")
    commit(survey, "damaged")
    found = past_locks(survey.platform, survey.mission, survey.mission.kernels, mission_digest(first))
    assert found is not None
    assert found.locks == first.locks
    assert past_locks(survey.platform, survey.mission, survey.mission.kernels, "0" * 64) is None


def test_an_image_of_earlier_locks_is_brought_to_the_present_ones(survey: Survey, engine: Engine) -> None:
    first = survey.locks
    engine.labels = survey.labels(locks=first)
    commit(survey, "release")
    after = relock(survey, COMMON_OS, packages=NEWER)
    files = survey.files()
    done = patch(survey.platform, survey.mission, LOCKED)
    assert done is not None
    (record,) = read_patches(survey.store, "survey")
    assert (record.released, record.asked) == (IMAGE, ("locks",))
    assert (record.locks_before, record.locks_after) == (mission_digest(first), mission_digest(after))
    assert [each.name for each in record.packages] == ["git", "libssl3t64"]
    assert files.items() <= survey.files().items(), "no lock changes"
    assert done.tags[0].endswith(f"{mission_digest(after)[:12]}-patch1")


def test_an_image_of_the_present_locks_needs_nothing(survey: Survey, engine: Engine) -> None:
    assert patch(survey.platform, survey.mission, LOCKED) is None


def test_locks_that_no_commit_has_are_told_with_the_cure(survey: Survey, engine: Engine) -> None:
    engine.labels = survey.labels()
    commit(survey, "release")
    relock(survey, COMMON_OS, packages=NEWER)
    engine.labels["platform-images.lock-digest"] = f"sha256:{'a' * 64}"
    with pytest.raises(LockError, match="are in no commit here") as caught:
        released_image(survey.platform, survey.mission, None, locked=True)
    assert "git fetch --unshallow" in str(caught.value.fix)


def test_locked_asks_for_nothing_besides() -> None:
    from platform_images.patching.request import check_request

    check_request(LOCKED)
    for request in (replace(LOCKED, systems=("git",)), replace(LOCKED, packages=("git",))):
        with pytest.raises(UsageError, match="--locked takes what the locks have"):
            check_request(request)


def test_the_record_is_json_as_any_other(survey: Survey, engine: Engine) -> None:
    engine.labels = survey.labels()
    commit(survey, "release")
    relock(survey, COMMON_OS, packages=NEWER)
    done = patch(survey.platform, survey.mission, replace(LOCKED, dry_run=True))
    assert done is not None
    assert json_text(done.as_json("survey")).count('"asked"') == 1
    assert read_patches(survey.store, "survey") == ()
