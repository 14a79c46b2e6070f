from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from platform_images.clean import disk, engine
from platform_images.clean.values import Entry
from platform_images.engine import second
from platform_images.errors import PrerequisiteError


@dataclass(frozen=True)
class Places:
    """Where a program that runs on this machine of a test keeps things."""

    cache: Path
    logs: Path
    temporary: Path
    large: Path


def no_engine(**_: object) -> tuple[Entry, ...]:
    """What an engine has that does not answer."""
    raise PrerequisiteError("No Docker Engine answers.")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """A machine with empty folders of its own, where no engine answers.

    In this process alone: another one looks into this machine's /var/tmp and /run as well, so it must remove nothing.
    """
    found = Places(
        cache=tmp_path / "cache" / "platform-images",
        logs=tmp_path / "state" / "platform-images" / "builds",
        temporary=tmp_path / "tmp",
        large=tmp_path / "large",
    )
    for folder in (found.cache, found.logs, found.temporary, found.large):
        folder.mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(found.cache.parent))
    monkeypatch.setenv("XDG_STATE_HOME", str(found.logs.parent.parent))
    monkeypatch.setenv("TMPDIR", str(found.temporary))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    monkeypatch.setattr(tempfile, "tempdir", str(found.temporary))
    monkeypatch.setattr(disk, "_LARGE", found.large)
    monkeypatch.setattr(second, "PLACES", tmp_path / "run")
    monkeypatch.setattr(engine, "entries", no_engine)
    yield found


@pytest.fixture
def put() -> Callable[..., Path]:
    """``put(path, age=...)``: a file, or where the name has no such ending a folder with one file, of this age."""

    def make(path: Path, *, age: float = 0.0) -> Path:
        file = path if path.suffix in (".tar", ".log", ".ext4") else path / "file"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 8192)
        for each in (file, path):
            os.utime(each, (time.time() - age, time.time() - age))
        return path

    return make
