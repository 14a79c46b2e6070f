from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from platform_images.files import json_text
from platform_images.locks.store import BASE_UNIT, ROOT_UNIT, LockStore
from platform_images.locks.values import Unit
from tests.keep.why.server import Index, served

SKY = Unit(scope="survey", part="sky")
FILES = {
    "platform.toml": 'title = "T"\n[[channels]]\nname = "embedded"\npath = "common/channel"\n',
    "common/apt.txt": "",
    "common/base/kernel.toml": 'display_name = "Base"\n',
    "common/base/environment.yml": "dependencies: [python=3.13]\n",
    "common/base/requirements.in": "lab>=4\n",
    "common/kernel/requirements.in": "# every kernel\nkernel-part>=1\n",
    "deployments/survey/mission.toml": 'title = "S"\nversion = "1"\nkernels = ["sky"]\n',
    "deployments/survey/kernels/sky/kernel.toml": 'display_name = "Sky"\n',
    "deployments/survey/kernels/sky/environment.yml": "dependencies:\n  - python=3.13\n  - gdal >=3.9\n",
    "deployments/survey/kernels/sky/requirements.in": (
        "# what the kernel is for\nstars[plots]>=2  # light curves\nnumbers>=1,<3\n-r more.in\n"
    ),
    "deployments/survey/kernels/sky/more.in": "-c bounds.txt\n\nviewer\n",
    "deployments/survey/kernels/sky/bounds.txt": "colours<9\n",
}
CONDA = """version: 1
package:
- {name: python, version: 3.13.5, manager: conda, platform: linux-64, dependencies: {}, category: main,
   url: embedded/linux-64/python-3.13.5-0.conda, hash: {md5: a, sha256: b}}
"""
GDAL = """- {name: gdal, version: 3.9.1, manager: conda, platform: linux-64, category: main,
   dependencies: {python: '>=3.13,<3.14.0a0', libgdal: 3.9.*}, url: embedded/linux-64/gdal-3.9.1-0.conda,
   hash: {md5: a, sha256: b}}
- {name: libgdal, version: 3.9.1, manager: conda, platform: linux-64, category: main,
   dependencies: {__glibc: '>=2.36'}, url: embedded/linux-64/libgdal-3.9.1-0.conda, hash: {md5: a, sha256: b}}
"""
FOLDER = "deployments/survey/kernels/sky"
# name, version, who requires it, what it requires
LOCKED = (
    ("colours", "8.0", ("viewer", f"-c {FOLDER}/bounds.txt"), ()),
    ("kernel-part", "1.5", ("-r common/kernel/requirements.in",), ()),
    (
        "numbers",
        "2.0",
        (f"-r {FOLDER}/requirements.in", "plotting", "stars"),
        (),
    ),
    ("plotting", "1.0", ("stars",), ("numbers<2.5", 'colours>1; extra == "never"')),
    (
        "stars",
        "2.1",
        (f"-r {FOLDER}/requirements.in",),
        ("numbers>=1.2", 'plotting>=0.9; extra == "plots"', 'numbers<2; sys_platform == "win32"', "gdal>=3"),
    ),
    ("viewer", "1.0", (f"-r {FOLDER}/more.in",), ("colours<10,>=7",)),
)
# What the index has besides: name, version, requires, requires-python, yanked
NEWER = (
    ("colours", "9.1", (), ">=3.8", False),
    ("kernel-part", "1.5.1", (), ">=3.8", False),
    ("kernel-part", "1.6", (), ">=3.14", False),
    ("kernel-part", "1.7", (), ">=3.8", True),
    ("kernel-part", "2.0rc1", (), ">=3.8", False),
    ("numbers", "3.1", (), ">=3.8", False),
    ("viewer", "2.0", ("colours>=9",), ">=3.8", False),
)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The only package index."""
    with served(Index()) as found:
        for name in [each for each in os.environ if each.startswith(("UV_", "PIP_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("UV_NO_CONFIG", "1")
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{found.address}/simple")
        yield found


@pytest.fixture
def second_index() -> Iterator[Index]:
    """One more."""
    with served(Index()) as found:
        yield found


def lock_text(hashes: dict[str, str], versions: dict[str, str]) -> str:
    lines = ["# Written by the command below, never by hand.", "--only-binary :all:", ""]
    for name, version, via, _ in LOCKED:
        lines += [f"{name}=={versions.get(name, version)} \\", f"    --hash=sha256:{hashes[name]}"]
        lines += [f"    # via {via[0]}"] if len(via) == 1 else ["    # via", *(f"    #   {each}" for each in via)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def sky(tmp_path: Path, index: Index) -> Path:
    """A project of which the mission's only kernel is locked, with an index that has newer releases."""
    return write_project(tmp_path / "project", index)


def write_project(
    folder: Path, index: Index, changes: dict[str, str] | None = None, versions: dict[str, str] | None = None
) -> Path:
    """The project; ``versions`` are locked in place of those of ``LOCKED``."""
    locked = versions or {}
    for name, text in (FILES | (changes or {})).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    hashes = {name: index.add(name, locked.get(name, version), requires) for name, version, _, requires in LOCKED}
    hashes["lab"] = index.add("lab", "4.5", ())
    for name, version, requires, python, yanked in NEWER:
        index.add(name, version, requires, python=python, yanked=yanked)
    store = LockStore(folder / "locks")
    system = {"provider": "image", "source": "x", "digest": "d", "epoch": 0, "glibc": "2.41", "packages": []}
    base = f"lab==4.5 \\\n    --hash=sha256:{hashes['lab']}\n    # via -r common/base/requirements.in\n"
    for unit, files in (
        (ROOT_UNIT, {"packages.json": json_text(system)}),
        (BASE_UNIT, {"conda-lock.yml": CONDA, "requirements.txt": base}),
        (SKY, {"conda-lock.yml": CONDA + GDAL, "requirements.txt": lock_text(hashes, locked)}),
    ):
        store.write(unit, files=files, inputs={}, solvers={})
    return folder


@pytest.fixture
def json_of(capsys: pytest.CaptureFixture[str]) -> Callable[[], Any]:
    """``json_of()``: what was printed, as values."""
    return lambda: json.loads(capsys.readouterr().out)
