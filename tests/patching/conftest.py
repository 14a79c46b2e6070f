from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from platform_images.locks.freshness import inputs
from platform_images.locks.store import LockStore, units
from platform_images.model import load_mission, load_missions, load_platform
from platform_images.patching import patch as room
from platform_images.patching import solving
from tests.patching.engine import Engine
from tests.patching.survey import FILES, IMAGE, LOCKS, Solvers, Survey


@pytest.fixture
def survey(tmp_path: Path, project: Path) -> Survey:
    """A small project of two missions with a fresh lock of every unit, and the real fragments of Dockerfiles."""
    folder = tmp_path / "project"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    shutil.copytree(project / "common" / "stages", folder / "common" / "stages")
    platform = load_platform(folder)
    store = LockStore(platform.locks)
    for mission in load_missions(platform):
        for unit in units(platform, mission):
            solvers = {"apt": "3.0"} if unit.part == "os" else {"uv": "1"}
            files = LOCKS[unit.scope, unit.part]
            store.write(unit, files=files, inputs=inputs(platform, mission, unit), solvers=solvers)
    return Survey(platform=platform, mission=load_mission(platform, "survey"))


@pytest.fixture
def solvers(monkeypatch: pytest.MonkeyPatch) -> Solvers:
    """No index and no engine is asked: these answer."""
    found = Solvers()
    monkeypatch.setattr(solving, "patch_environment", found.environment)
    monkeypatch.setattr("platform_images.solve.aptpatch.solve_os_patch", found.systems)
    return found


@pytest.fixture
def engine(survey: Survey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine with an image of the present locks."""
    found = Engine(survey, survey.labels())
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(room, "find", found.find)
    monkeypatch.setattr(room, "image_labels", lambda image: found.labels if image == IMAGE else {})
    monkeypatch.setattr(room, "recorded_drift", lambda image, locks: found.drift)
    monkeypatch.setattr(room, "laid", found.laid)
    monkeypatch.setattr(room, "name_image", found.name_image)
    return found
