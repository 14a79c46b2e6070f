"""What an image is given for the start of a user's server."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from platform_images.compose.composition import compose
from platform_images.compose.quoting import data_lines
from platform_images.compose.values import Composition, Sources
from platform_images.errors import LockError
from platform_images.files import sha256_bytes
from platform_images.locks.values import Header, Lock, MissionLocks, Unit
from platform_images.model import Mission, Platform
from platform_images.model.files import DataSet

SETTINGS = "final/opt/environments/etc/post-start.json"
Make = Callable[..., Composition]


@pytest.fixture
def composed(platform: Platform, small: Mission, locks: MissionLocks, sources: Sources) -> Make:
    def make(mission: Mission = small, locks: MissionLocks = locks) -> Composition:
        given: dict[str, Any] = {"sources": sources, "root_image": "root:1", "revision": "0123abc"}
        return compose(platform, mission, mission.kernels, locks, **given)

    return make


def test_the_settings_name_data_with_a_link(composed: Make) -> None:
    texts = {file.path: file.text for file in composed().files}
    data = [{"path": "/data/small-catalog", "link": "data/catalog"}]
    assert json.loads(str(texts[SETTINGS])) == {"notebooks": [], "data": data}


def test_a_mission_with_nothing_of_that_kind_has_no_settings(composed: Make, small: Mission) -> None:
    plain = dataclasses.replace(small, settings=small.settings.model_copy(update={"data": ()}))
    assert SETTINGS not in {file.path for file in composed(plain).files}


def test_notebooks_come_with_the_commit_that_is_locked_for_them(
    composed: Make, small: Mission, locks: MissionLocks
) -> None:
    asked = {"url": "https://example.org/a.git", "ref": "main", "folder": "nb"}
    settings = type(small.settings).model_validate({**small.settings.model_dump(), "notebooks": [asked]})
    mission = dataclasses.replace(small, settings=settings)
    with pytest.raises(LockError, match="small/notebooks has no lock"):
        composed(mission)
    text = json.dumps({"notebooks": [{"folder": "nb", "ref": "main", "commit": "ab" * 20}]})
    header = Header(inputs={}, solvers={}, files={"commits.json": sha256_bytes(text.encode())})
    lock = Lock(unit=Unit(scope="small", part="notebooks"), header=header, files={"commits.json": text})
    found = composed(mission, MissionLocks(mission="small", locks=(*locks.locks, lock)))
    texts = {file.path: file.text for file in found.files}
    (row,) = json.loads(str(texts[SETTINGS]))["notebooks"]
    assert row == {**asked, "subfolder": None, "mode": "sync", "follow": False, "commit": "ab" * 20}
    assert found.lock_digest != composed().lock_digest


def test_hooks_can_be_executed_whatever_the_checkout_says(composed: Make) -> None:
    (hook,) = [file for file in composed().files if "/hooks/" in file.path]
    assert hook.path == "final/opt/environments/hooks/10-greet"
    assert hook.mode == 0o755


def test_a_logo_gets_the_name_that_jupyter_looks_for(composed: Make) -> None:
    logos = [file.path for file in composed().files if "/logo" in file.path]
    assert logos == ["final/opt/conda/share/jupyter/kernels/old/logo-svg.svg"]


@pytest.mark.parametrize(
    ("mounted", "present", "keep", "expected"),
    [
        (True, "", True, "MOUNT"),
        (False, "", True, "/home/me/stars $1"),
        (True, "STARS=/mine", True, "/mine"),
        (True, "STARS=/mine", False, "MOUNT"),
    ],
)
def test_a_variable_says_where_the_data_are(
    tmp_path: Path, mounted: bool, present: str, keep: bool, expected: str
) -> None:
    mount = tmp_path / "it's"
    if mounted:
        mount.mkdir()
    data = (DataSet(variable="STARS", path=str(mount), default="$HOME/stars $$1"),)
    script = f'{present}\n{data_lines(data, keep_present=keep)}printf %s "$STARS"'
    done = subprocess.run(["sh", "-c", script], env={"HOME": "/home/me"}, capture_output=True, text=True, check=True)
    assert done.stdout == expected.replace("MOUNT", str(mount))


def test_without_a_default_a_variable_is_not_set_where_nothing_is_mounted(tmp_path: Path) -> None:
    script = data_lines((DataSet(variable="STARS", path=str(tmp_path / "none")),), keep_present=True)
    done = subprocess.run(["sh", "-c", f"{script}env"], env={}, capture_output=True, text=True, check=True)
    assert "STARS" not in done.stdout
