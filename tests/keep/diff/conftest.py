from __future__ import annotations

import os
from pathlib import Path

import pytest

from platform_images.locks.store import LockStore
from platform_images.locks.values import Unit
from tests.keep.diff.locked import ALONE, FILES, LOCKS, Write, git


@pytest.fixture
def write_lock(tmp_path: Path) -> Write:
    """``write_lock("survey", "sky", **{"requirements.txt": text})``: the unit's lock with these files in place."""

    def write(scope: str, part: str, **files: str) -> None:
        both = {**LOCKS.get((scope, part), {}), **files}
        LockStore(tmp_path / "project" / "locks").write(
            Unit(scope=scope, part=part), files=both, inputs={}, solvers={"uv": "1"}
        )

    return write


@pytest.fixture
def repository(tmp_path: Path, write_lock: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project with a lock of every unit, committed."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in ALONE.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "project"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for scope, part in LOCKS:
        write_lock(scope, part)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Begin")
    return folder
