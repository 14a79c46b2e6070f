from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.model import Mission, Platform, load_mission, load_platform

WriteNotebook = Callable[..., Path]


@pytest.fixture
def write_notebook() -> WriteNotebook:
    """``write_notebook(path, source, ...)``: a notebook with one code cell for each source."""

    def write(path: Path, *sources: str, kernel: str = "python3") -> Path:
        cells: list[dict[str, object]] = [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"cell-{n}",
                "metadata": {},
                "outputs": [],
                "source": s,
            }
            for n, s in enumerate(sources)
        ]
        kernelspec = {"display_name": kernel, "language": "python", "name": kernel}
        content = {"cells": cells, "metadata": {"kernelspec": kernelspec}, "nbformat": 4, "nbformat_minor": 5}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def checkout(tmp_path: Path, project: Path) -> Path:
    """A checkout of one's own with the small mission; without locks, which running an image does not need."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copy2(project / "platform.toml", folder)
    for name in ("base", "kernel", "runtime"):
        shutil.copytree(project / "common" / name, folder / "common" / name)
    shutil.copytree(project / "tests" / "small", folder, dirs_exist_ok=True)
    return folder


@pytest.fixture
def platform(checkout: Path) -> Platform:
    return load_platform(checkout)


@pytest.fixture
def mission(platform: Platform) -> Mission:
    return load_mission(platform, "small")


@pytest.fixture(scope="session")
def built_image(request: pytest.FixtureRequest) -> str:
    """The small mission's image, or the one of PLATFORM_IMAGES_SMALL_IMAGE for work on these tests alone."""
    return os.environ.get("PLATFORM_IMAGES_SMALL_IMAGE") or str(request.getfixturevalue("small_image"))
