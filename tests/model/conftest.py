from __future__ import annotations

from pathlib import Path

import pytest

PLATFORM = """
title = "Test platform"
[[channels]]
name = "embedded"
path = "common/channel"
"""
KERNEL = """
display_name = "Sky"
[environment]
DATA = "$HOME/data"
"""
MISSION = """
title = "Sky survey"
version = "2026.1"
kernels = ["sky"]
"""


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small project: the base and one mission with one kernel."""
    write(tmp_path, "platform.toml", PLATFORM)
    write(tmp_path, "common/apt.txt", "git  # for everybody\ncurl\n")
    write(tmp_path, "common/base/kernel.toml", 'display_name = "Base"\n')
    write(tmp_path, "common/base/environment.yml", "dependencies: [python=3.13]\n")
    write(tmp_path, "common/base/requirements.in", "jupyterlab>=4\n")
    write(tmp_path, "common/kernel/requirements.in", "ipykernel>=7\n")
    write(tmp_path, "deployments/survey/mission.toml", MISSION)
    write(tmp_path, "deployments/survey/kernels/sky/kernel.toml", KERNEL)
    write(tmp_path, "deployments/survey/kernels/sky/environment.yml", "dependencies: [python=3.11]\n")
    write(tmp_path, "deployments/survey/kernels/sky/requirements.in", "astropy>=7\n")
    return tmp_path
