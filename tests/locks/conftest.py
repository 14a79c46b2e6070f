from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.files import json_text
from platform_images.locks.freshness import inputs
from platform_images.locks.store import LockStore, units
from platform_images.locks.values import BASE, CONDA_LOCK, OS, ROOT, Unit
from platform_images.model import Mission, Platform, load_mission, load_platform

ROOT_SYSTEM = {
    "provider": "debootstrap",
    "source": "trixie",
    "digest": "sha256:00",
    "epoch": 1,
    "glibc": "2.41",
    "packages": [],
}
FILES = {
    "platform.toml": 'title = "T"\n[[channels]]\nname = "embedded"\npath = "common/channel"\n',
    "common/apt.txt": "git\n",
    "common/base/kernel.toml": 'display_name = "Base"\n',
    "common/base/environment.yml": "dependencies: [python=3.13]\n",
    "common/base/requirements.in": "jupyterlab>=4\n",
    "common/kernel/requirements.in": "ipykernel>=7\n",
    "common/channel/linux-64/repodata.json": json.dumps(
        {"packages.conda": {"python-3.11.2-0.conda": {"sha256": "1" * 64}}}
    ),
    "deployments/survey/mission.toml": 'title = "S"\nversion = "1"\nkernels = ["sky", "sea"]\n',
    "deployments/survey/apt.txt": "figlet\n",
    "deployments/survey/npm.txt": "is-number\n",
    "deployments/survey/kernels/sky/kernel.toml": 'display_name = "Sky"\n',
    "deployments/survey/kernels/sky/environment.yml": "dependencies: [python=3.11]\n",
    "deployments/survey/kernels/sky/requirements.in": "astropy>=7\n",
    "deployments/survey/kernels/sky/constraints.txt": "numpy<3\n",
    "deployments/survey/kernels/sea/kernel.toml": 'display_name = "Sea"\n',
    "deployments/survey/kernels/sea/environment.yml": "dependencies: [python=3.11]\n",
    "deployments/survey/kernels/sea/requirements.in": "xarray\n",
}
PYTHON = """
version: 1
package:
- name: python
  version: 3.11.2
  manager: conda
  platform: linux-64
  dependencies: {}
  url: embedded/linux-64/python-3.11.2-0.conda
  hash: {md5: MD5, sha256: SHA}
""".replace("MD5", "2" * 32).replace("SHA", "1" * 64)

Edit = Callable[[str, str | None], tuple[Platform, Mission]]


def contents(unit: Unit) -> dict[str, str]:
    """A small solution of the right shape."""
    match unit.part:
        case part if part == ROOT:
            return {"packages.json": json_text(ROOT_SYSTEM)}
        case part if part == OS:
            return {"packages.json": json_text({"packages": []})}
        case "npm":
            return {"package.json": "{}\n", "package-lock.json": "{}\n"}
        case part if part == BASE:
            return {CONDA_LOCK: "version: 1\npackage: []\n", "requirements.txt": "jupyterlab==4.5.0\n"}
        case _:
            return {CONDA_LOCK: PYTHON, "requirements.txt": "astropy==7.2.0\n"}


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    """``edit(name, text)`` writes (or with None deletes) one file of a small project and loads it again."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def change(name: str, text: str | None) -> tuple[Platform, Mission]:
        if text is None:
            (tmp_path / name).unlink()
        else:
            (tmp_path / name).write_text(text)
        platform = load_platform(tmp_path)
        return platform, load_mission(platform, "survey")

    return change


@pytest.fixture
def solved(edit: Edit) -> tuple[Platform, Mission]:
    """The small project with a fresh lock of every unit."""
    platform, mission = edit("platform.toml", FILES["platform.toml"])
    store = LockStore(platform.locks)
    for unit in units(platform, mission):
        store.write(unit, files=contents(unit), inputs=inputs(platform, mission, unit), solvers={"uv": "1"})
    return platform, mission
