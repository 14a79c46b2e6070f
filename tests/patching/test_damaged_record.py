from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from platform_images.errors import LockError
from platform_images.locks.patches import FILE, patches_unit
from platform_images.locks.store import LockStore
from platform_images.model import load_mission, load_platform
from platform_images.patching import patch as room


def test_a_damaged_record_is_told_of_before_anything_is_solved(
    small_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = load_platform(shutil.copytree(small_project, tmp_path / "project"))
    mission = load_mission(platform, "small")
    LockStore(platform.locks).write(patches_unit("small"), files={FILE: "[{}]\n"}, inputs={}, solvers={})
    monkeypatch.setattr(room, "released_image", lambda *_, **__: None)
    monkeypatch.setattr(room, "solve_patch", lambda *_, **__: pytest.fail("something was solved"))
    with pytest.raises(LockError, match="locks/small/patches"):
        room.patch(platform, mission, room.PatchRequest(systems=("bash",)))
