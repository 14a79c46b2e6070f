from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from platform_images.engine.tools import node_context, tools_context
from platform_images.files import sha256_file
from platform_images.model import Platform, load_platform

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def platform(project: Path) -> Platform:
    return load_platform(project)


def content(folder: Path) -> dict[str, str]:
    """Return each file below a folder with its mode and hash, or where it leads to."""
    return {
        str(path.relative_to(folder)): f"-> {path.readlink()}"
        if path.is_symlink()
        else f"{stat.S_IMODE(path.stat().st_mode):o} {sha256_file(path)}"
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_the_tools_are_the_same_whoever_makes_them(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name in ("one", "two"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        folder = tools_context(platform, say=lambda _: None)
        assert folder.is_relative_to(tmp_path / name)
        found.append(content(folder))
    assert found[0] == found[1]
    assert {"bin/python3.13", "bin/uv", "bin/python3"} <= set(found[0])
    assert not [name for name in found[0] if "__pycache__" in name or name.startswith("conda-meta")]


def test_tools_are_made_once_and_nothing_else_is_left(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said: list[str] = []
    folder = node_context(platform, say=said.append)
    assert node_context(platform, say=said.append) == folder
    assert len(said) == 1
    assert os.access(folder / "bin/node", os.X_OK)
    assert (folder / "bin/npm").resolve().is_file()
    assert list(folder.parent.iterdir()) == [folder]
