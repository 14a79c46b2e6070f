"""A patched image: what its label says, and what has to agree with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from platform_images.build import BuildResult
from platform_images.building.locks import frozen_locks
from platform_images.compose.labels import labels
from platform_images.compose.locked import required_lock
from platform_images.errors import ExitCode
from platform_images.locks.digest import mission_digest
from platform_images.locks.patches import LABEL, Patch, PatchedPackage, label_text
from platform_images.locks.store import ROOT_UNIT, root
from platform_images.model import Mission, Platform, load_mission, load_platform
from platform_images.verify import images, verification
from platform_images.verify.manifest import patch_path
from platform_images.verify.patched import (
    Patched,
    ground_findings,
    labelled_patches,
    manifest_count_findings,
    with_patches,
)
from platform_images.verify.report import Report
from platform_images.verify.values import ContentResult, Finding, LabelsResult, What

A, B, C = "a" * 64, "b" * 64, "c" * 64
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def package(name: str, before: str | None, after: str | None) -> PatchedPackage:
    return PatchedPackage(unit="tike/tess", kind="pip", name=name, before=before, after=after)


def patch(released: str, before: str, after: str, *packages: PatchedPackage) -> Patch:
    return Patch(released=released, locks_before=before, locks_after=after, asked=(), packages=packages)


FIRST = patch(ONE, A, B, package("requests", "2.32", "2.33"), package("idna", "3.1", "3.2"))
SECOND = patch(TWO, B, C, package("requests", "2.33", "2.34"), package("idna", "3.2", "3.1"), package("new", None, "1"))
LABELS = LabelsResult(compared={"platform-images.mission": "tike"})


def result(text: str | None, *recorded: Patch) -> LabelsResult:
    found = {LABEL: text} if text is not None else {}
    return with_patches(LABELS, found, mission="tike", locks=C, recorded=recorded)


def test_an_image_without_the_label_is_a_full_build_whatever_was_patched() -> None:
    assert result(None, FIRST, SECOND) is LABELS
    assert labelled_patches({}) == ()


def test_patches_that_are_recorded_and_lead_to_the_present_locks_pass() -> None:
    found = result(label_text((FIRST, SECOND)), SECOND, FIRST)
    assert found.exit_code is ExitCode.OK
    assert found.compared == {
        "platform-images.mission": "tike",
        LABEL: "2 patches",
        f"{LABEL} 1": f"on {'1' * 12}: requests, idna",
        f"{LABEL} 2": f"on {'2' * 12}: requests, idna, new",
    }


@pytest.mark.parametrize("text", ["", "[", "[]", "[1]", "{}", "x" * 200])
def test_a_label_that_names_no_patch_is_a_finding(text: str) -> None:
    found = result(text)
    assert found.exit_code is ExitCode.LABELS_DIFFER
    assert [(each.part, each.name, each.what) for each in found.findings] == [("labels", LABEL, What.CONTENT)]
    assert found.compared[LABEL] == text[:100]
    assert labelled_patches({LABEL: text}) is None


@pytest.mark.parametrize("patches", [(FIRST,), (SECOND, FIRST), (FIRST, patch(TWO, A, C))])
def test_patches_that_do_not_lead_to_the_present_locks_are_a_finding(patches: tuple[Patch, ...]) -> None:
    (found,) = result(label_text(patches), *patches).findings
    assert (found.name, found.expected) == (LABEL, f"a chain to the locks {'c' * 12}")
    assert found.found.startswith(f"{patches[0].locks_before[:12]} to {patches[0].locks_after[:12]}")


def test_each_patch_that_is_not_recorded_is_a_finding() -> None:
    other = FIRST.model_copy(update={"asked": ("os other",)})
    (found,) = result(label_text((FIRST, SECOND)), other, SECOND).findings
    assert (found.name, found.expected) == (f"{LABEL} 1", "one of locks/tike/patches")
    assert "requests" in found.found


def test_the_layers_of_each_image_below_have_to_be_the_lowest() -> None:
    layers = ("root", "os", "patch 1", "patch 2")
    assert list(ground_findings(layers, {ONE: layers[:2], TWO: layers[:3]})) == []
    (found,) = ground_findings(layers, {ONE: ("root", "other"), TWO: layers[:3]})
    assert (found.part, found.name) == ("patches", f"layers of {'1' * 12}")
    assert (found.expected, found.found) == ("its 2 layers, lowest here", "layer 2 is another one")
    assert len(list(ground_findings(layers[:1], {ONE: layers[:2]}))) == 1


def test_manifests_and_patches_are_counted() -> None:
    there = [patch_path(1), patch_path(3), "etc/a"]
    assert [(each.name, each.what) for each in manifest_count_findings(there, 2)] == [
        (f"/{patch_path(2)}", What.MISSING),
        (f"/{patch_path(3)}", What.EXTRA),
    ]


def test_a_patched_image_is_told_in_one_line() -> None:
    """From the first version to the last; what is as it was is not named."""
    assert Patched(patches=(FIRST,)).line == (
        f"patched: 1 patch on {'1' * 12}: tike/tess requests 2.32 -> 2.33, tike/tess idna 3.1 -> 3.2"
    )
    both = Patched(patches=(FIRST, SECOND), absent=(ONE,))
    assert both.line == (
        f"patched: 2 patches on {'1' * 12}: tike/tess requests 2.32 -> 2.34, tike/tess new - -> 1"
        f"; not here to compare with: {'1' * 12}"
    )
    value = json.loads(json.dumps(both.as_json()))
    assert (value["patches"], value["released"], value["not_compared"]) == (2, ONE, [ONE])
    assert value["summary"] == both.line
    assert [each["name"] for each in value["packages"]] == ["requests", "new"]


@pytest.fixture
def small_mission(small_project: Path) -> tuple[Platform, Mission]:
    platform = load_platform(small_project)
    return platform, load_mission(platform, "small")


class Seen:
    """What a verification asked for."""

    def __init__(self) -> None:
        self.patches: int | None = -1
        self.base: list[Finding] = []


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def verified(small_mission: tuple[Platform, Mission], seen: Seen, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``verified(patches)``: the report of an image with these patches, without an engine."""
    platform, mission = small_mission
    kernels = mission.select(())
    locks = frozen_locks(platform, mission, kernels)
    digest = mission_digest(locks)
    patched = patch(ONE, A, digest, package("requests", "2.32", "2.33"))

    def content(tree: object, locked: object, *, base: list[Finding], patches: int | None) -> ContentResult:
        seen.base, seen.patches = base, patches
        return ContentResult(rows=(), findings=tuple(base))

    def verify(*, labelled: bool, recorded: bool, released: tuple[str, ...] | None) -> Report:
        base, patches = root(required_lock(locks, ROOT_UNIT)).digest, (patched,) if labelled else ()
        found = labels(mission, kernels, revision="1", lock_digest=digest, base_digest=base, drift=(), patches=patches)
        monkeypatch.setattr(verification, "find", lambda *_: SimpleNamespace(name="small:latest", digest="sha256:x"))
        monkeypatch.setattr(verification, "image_attributes", lambda _: {"Config": {"Labels": found}})
        monkeypatch.setattr(verification, "read_patches", lambda *_: (patched,) if recorded else ())
        monkeypatch.setattr(verification, "recorded_drift", lambda *_: ())
        monkeypatch.setattr(verification, "base_findings", lambda *_, **__: [])
        monkeypatch.setattr(verification, "content_result", content)
        monkeypatch.setattr(images, "image_facts", lambda _: SimpleNamespace(layers=("root", "os", "patch")))
        monkeypatch.setattr(images, "image_tree", lambda *_, **__: None)
        monkeypatch.setattr(images, "base_layers", lambda _: None)
        monkeypatch.setattr(images, "image_layers", lambda reference: released if reference == ONE else ())
        return verification.verify(platform, mission, verification.VerifyRequest(), say=lambda _: None)

    return verify


def test_a_patched_image_is_verified_with_its_record_and_the_image_below(verified: Any, seen: Seen) -> None:
    report = verified(labelled=True, recorded=True, released=("root", "os"))
    assert report.exit_code is ExitCode.OK
    assert (seen.patches, seen.base) == (1, [])
    assert report.patched.absent == ()


def test_without_the_image_below_the_report_says_so(verified: Any) -> None:
    report = verified(labelled=True, recorded=True, released=None)
    assert report.exit_code is ExitCode.OK
    assert "not here to compare with: 111111111111" in report.patched.line


def test_a_patched_image_on_other_layers_fails(verified: Any) -> None:
    assert verified(labelled=True, recorded=True, released=("other",)).exit_code is ExitCode.CONTENT_DIFFERS


def test_a_patch_without_a_record_fails(verified: Any) -> None:
    assert verified(labelled=True, recorded=False, released=("root",)).exit_code is ExitCode.LABELS_DIFFER


def test_a_full_build_from_locks_with_patches_is_verified_as_before(verified: Any, seen: Seen) -> None:
    report = verified(labelled=False, recorded=True, released=None)
    assert (report.exit_code, report.patched, seen.patches) == (ExitCode.OK, None, 0)


def test_a_patched_image_is_patched_again_and_a_full_build_built_again(
    small_mission: tuple[Platform, Mission], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, mission = small_mission
    done: list[tuple[object, ...]] = []

    def again(*words: object, tag: str, no_cache: bool, say: object) -> None:
        done.append((*words, tag, no_cache))

    def build(*words: object, say: object) -> BuildResult | None:
        done.append(words)
        return None

    monkeypatch.setitem(sys.modules, "platform_images.patching.image", SimpleNamespace(patched_again=again))
    monkeypatch.setattr(images, "build_mission", build)
    monkeypatch.setattr(images, "compare_images", lambda *_, **__: "compared")
    monkeypatch.setattr(images, "forget", lambda tag: done.append((tag,)))
    tag, patches = "small:verify-rebuild", (FIRST, SECOND)
    found = images.rebuilt(platform, mission, ("new",), "sha256:x", patches=patches, say=lambda _: None)
    assert found == "compared"  # type: ignore[comparison-overlap]
    assert done == [(platform, mission, mission.select(("new",)), patches, tag, True), (tag,)]
    done.clear()
    images.rebuilt(platform, mission, ("new",), "sha256:x", say=lambda _: None)
    assert done[0][2].only_tag == tag  # type: ignore[attr-defined]
