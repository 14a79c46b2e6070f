"""The record of patches: written and read again, as a file and as a label."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_images.errors import LockError
from platform_images.files import json_text
from platform_images.locks.freshness import check
from platform_images.locks.patches import (
    FILE,
    Patch,
    PatchedPackage,
    is_chain,
    label_text,
    parse_label,
    patches_text,
    patches_unit,
    read_patches,
)
from platform_images.locks.store import LockStore
from platform_images.model import Mission, Platform

A, B, C = "a" * 64, "b" * 64, "c" * 64


def patch(before: str, after: str) -> Patch:
    return Patch(
        released=f"sha256:{before}",
        locks_before=before,
        locks_after=after,
        asked=("os libssl3t64", "pip requests>=2.33"),
        packages=(PatchedPackage(unit="tike/tess", kind="pip", name="requests", before="2.32.5", after="2.33.0"),),
    )


def test_a_mission_that_was_never_patched_has_no_record(tmp_path: Path) -> None:
    assert read_patches(LockStore(tmp_path), "tike") == ()


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    store, written = LockStore(tmp_path), (patch(A, B), patch(B, C))
    store.write(patches_unit("tike"), files={FILE: patches_text(written)}, inputs={}, solvers={})
    assert read_patches(store, "tike") == written


def test_a_record_of_another_format_is_refused_with_the_cure(tmp_path: Path) -> None:
    store = LockStore(tmp_path)
    store.write(patches_unit("tike"), files={FILE: '[{"released": 1}]'}, inputs={}, solvers={})
    with pytest.raises(LockError, match="not in the format") as caught:
        read_patches(store, "tike")
    assert caught.value.fix == "git restore locks/tike/patches"


def test_a_record_is_no_part_of_what_an_image_is_built_from(solved: tuple[Platform, Mission]) -> None:
    """A full build from patched locks has the same packages, so the record decides nothing of it."""
    platform, mission = solved
    store = LockStore(platform.locks)
    before = store.read_mission(platform, mission)
    store.write(patches_unit("survey"), files={FILE: patches_text((patch(A, B),))}, inputs={}, solvers={})
    assert store.read_mission(platform, mission) == before
    check(platform, mission)


@pytest.mark.parametrize(
    "changes",
    [
        {"released": A},
        {"locks_after": "c"},
        {"packages": [{"unit": "tike/os", "kind": "rpm", "name": "x"}]},
        {"more": 1},
    ],
)
def test_a_record_with_a_wrong_value_is_refused(changes: dict[str, object], tmp_path: Path) -> None:
    store, value = LockStore(tmp_path), patch(A, B).model_dump(mode="json")
    store.write(patches_unit("tike"), files={FILE: json_text([value | changes])}, inputs={}, solvers={})
    with pytest.raises(LockError, match="not in the format"):
        read_patches(store, "tike")


def test_a_label_is_one_line_and_says_the_same() -> None:
    written = (patch(A, B),)
    text = label_text(written)
    assert "\n" not in text
    assert parse_label(text) == written
    assert label_text(()) == ""
    assert parse_label("") == ()


@pytest.mark.parametrize("text", ["[", "[1]", "{}"])
def test_a_label_of_another_format_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_label(text)


def test_patches_are_a_chain_where_each_begins_with_what_the_one_before_has_left() -> None:
    assert is_chain((patch(A, B), patch(B, C)), locks=C)
    assert not is_chain((patch(A, B), patch(A, C)), locks=C)
    assert not is_chain((patch(A, B),), locks=C)
    assert not is_chain((), locks=C)
