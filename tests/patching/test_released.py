"""Which image can be patched: exactly the one that the present locks say; the engine is made up."""

from __future__ import annotations

from itertools import pairwise

import pytest

from platform_images.compose.values import Drift
from platform_images.errors import LockError, UsageError
from platform_images.locks.digest import mission_digest
from platform_images.locks.patches import LABEL, Patch, label_text
from platform_images.locks.store import COMMON_OS
from platform_images.patching.patch import released_image
from tests.patching.engine import Engine
from tests.patching.survey import IMAGE, Survey

DRIFT = Drift(unit=COMMON_OS, name="git", locked="1", installed="2")
A, B = "a" * 64, "b" * 64


def chain(*locks: str) -> tuple[Patch, ...]:
    """Patches that lead from each of some locks to the next."""
    return tuple(
        Patch(released=IMAGE, locks_before=before, locks_after=after, asked=("os git",), packages=())
        for before, after in pairwise(locks)
    )


def test_the_image_of_the_present_locks_can_be_patched(survey: Survey, engine: Engine) -> None:
    found = released_image(survey.platform, survey.mission, None)
    assert (found.image.name, found.image.digest) == ("survey:latest", IMAGE)
    assert found.kernels == survey.mission.kernels
    assert (found.locks, found.patches) == (survey.locks, ())
    assert released_image(survey.platform, survey.mission, "host/survey:1").image.name == "host/survey:1"


def test_an_image_of_some_kernels_is_one_of_their_locks_alone(survey: Survey, engine: Engine) -> None:
    kernels = survey.mission.select(("sea",))
    engine.kernels = ("sea",)
    with pytest.raises(LockError, match="was not built from the present locks"):
        released_image(survey.platform, survey.mission, None)
    engine.labels = survey.labels(locks=survey.store.read_mission(survey.platform, survey.mission, kernels))
    assert released_image(survey.platform, survey.mission, None).kernels == kernels


@pytest.mark.parametrize(("label", "shown"), [("other", "is 'other'"), (None, "is 'not there'")])
def test_an_image_of_another_mission_is_refused(label: str | None, shown: str, survey: Survey, engine: Engine) -> None:
    engine.labels.pop("platform-images.mission")
    engine.labels |= {"platform-images.mission": label} if label else {}
    with pytest.raises(UsageError, match="'survey:latest' is not one of the mission 'survey'") as caught:
        released_image(survey.platform, survey.mission, None)
    assert shown in str(caught.value.why)
    assert caught.value.fix == "invoke build --mission survey, or give --image"


@pytest.mark.parametrize(("label", "shown"), [(f"sha256:{A}", f"sha256:{A}"), (None, "unknown")])
def test_an_image_of_other_locks_is_refused_with_both_digests(
    label: str | None, shown: str, survey: Survey, engine: Engine
) -> None:
    engine.labels.pop("platform-images.lock-digest")
    engine.labels |= {"platform-images.lock-digest": label} if label else {}
    with pytest.raises(LockError, match="was not built from the present locks") as caught:
        released_image(survey.platform, survey.mission, None)
    assert str(caught.value.why).splitlines() == [
        f"its locks:         {shown}",
        f"the present locks: sha256:{mission_digest(survey.locks)}",
    ]
    assert "check out the commit of its release" in str(caught.value.fix)


def test_locks_that_are_not_fresh_are_no_ground_for_a_patch(survey: Survey, engine: Engine) -> None:
    (survey.platform.folder / "common/apt.txt").write_text("git\njq\n")
    with pytest.raises(LockError, match="common/os is stale"):
        released_image(survey.platform, survey.mission, None)


@pytest.mark.parametrize("labelled", [True, False])
def test_an_image_with_drift_is_refused_whether_a_label_or_a_record_says_it(
    labelled: bool, survey: Survey, engine: Engine
) -> None:
    engine.drift = () if labelled else (DRIFT,)
    engine.labels["platform-images.drift"] = '[["common/os","git","1","2"]]' if labelled else ""
    with pytest.raises(LockError, match="is not exactly what its locks say") as caught:
        released_image(survey.platform, survey.mission, None)
    assert ('"git"' if labelled else "it records some") in str(caught.value.why)
    assert "--strict" in str(caught.value.fix)


def test_a_patched_image_has_the_patches_that_led_to_it(survey: Survey, engine: Engine) -> None:
    led = chain(A, B, mission_digest(survey.locks))
    engine.labels = survey.labels(*led)
    assert released_image(survey.platform, survey.mission, None).patches == led


@pytest.mark.parametrize("label", ["[", "[1]", "{}"])
def test_a_label_that_cannot_be_read_is_no_ground_for_a_patch(label: str, survey: Survey, engine: Engine) -> None:
    engine.labels[LABEL] = label
    with pytest.raises(UsageError, match=f"The label {LABEL} of 'survey:latest' cannot be read"):
        released_image(survey.platform, survey.mission, None)


@pytest.mark.parametrize("broken", [0, 1])
def test_patches_that_do_not_lead_to_the_locks_are_no_ground_for_another(
    broken: int, survey: Survey, engine: Engine
) -> None:
    now = mission_digest(survey.locks)
    engine.labels[LABEL] = label_text((chain(A, B), (*chain(A, B), *chain(A, now)))[broken])
    with pytest.raises(UsageError, match="does not lead to its locks"):
        released_image(survey.platform, survey.mission, None)
