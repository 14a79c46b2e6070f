from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from platform_images.model import Environment, Mission, Platform, load_mission, load_platform

Channel = Sequence[tuple[str, str, str, list[str]]]
Project = tuple[Platform, Mission, Environment]
FILES = {
    "platform.toml": 'title = "T"\n[[channels]]\nname = "embedded"\npath = "common/channel"\n',
    "common/apt.txt": "",
    "common/base/kernel.toml": 'display_name = "Base"\n',
    "common/base/environment.yml": "dependencies: [python=3.13]\n",
    "common/base/requirements.in": "alpha\n",
    "common/kernel/requirements.in": "alpha>=1\n",
    "deployments/survey/mission.toml": 'title = "S"\nversion = "1"\nkernels = ["sky"]\n',
    "deployments/survey/kernels/sky/kernel.toml": 'display_name = "Sky"\n',
    "deployments/survey/kernels/sky/environment.yml": "dependencies: [python=3.11]\n",
    "deployments/survey/kernels/sky/requirements.in": "beta\n",
}
CONDA: Channel = (
    ("linux-64", "python", "3.11.1", []),
    ("linux-64", "python", "3.11.2", ["__glibc >=2.36"]),
    ("linux-64", "python", "3.11.9", ["__glibc >=2.99"]),
    ("linux-64", "python", "3.13.5", []),
    ("linux-64", "gdal", "3.9.1", ["python >=3.11,<3.12.0a0", "libgdal 3.9.*"]),
    ("linux-64", "libgdal", "3.9.1", []),
    ("noarch", "future", "1.0", ["python >=3.14"]),
)
WHEELS: tuple[tuple[str, str, list[str], str], ...] = (
    ("alpha", "1.0", [], ">=3.8"),
    ("alpha", "1.5", [], ">=3.8"),
    ("alpha", "2.0", [], ">=3.8"),
    ("beta", "1.0", ["alpha<2"], ">=3.8"),
    ("beta", "1.1", ["alpha<2"], ">=3.8"),
    ("needs-gdal", "1.0", ["gdal>=3.9"], ">=3.8"),
    ("needs-old-gdal", "1.0", ["gdal<3"], ">=3.8"),
    ("only-new-python", "1.0", [], ">=3.12"),
)


def write_channel(folder: Path, entries: Channel) -> None:
    """A channel's index; a solver needs no more of it."""
    packages: dict[str, dict[str, object]] = {"linux-64": {}, "noarch": {}}
    for subdir, name, version, depends in entries:
        digest = hashlib.sha256(f"{name}-{version}".encode()).hexdigest()
        packages[subdir][f"{name}-{version}-0.conda"] = {
            "name": name,
            "version": version,
            "build": "0",
            "build_number": 0,
            "depends": depends,
            "subdir": subdir,
            "md5": digest[:32],
            "sha256": digest,
            "size": 1,
        }
    for subdir, found in packages.items():
        (folder / subdir).mkdir(parents=True, exist_ok=True)
        index = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": found, "repodata_version": 1}
        (folder / subdir / "repodata.json").write_text(json.dumps(index))


def write_wheel(index: Path, name: str, version: str, requires: list[str], python: str) -> None:
    """A wheel without code, in an index of the usual form."""
    folder = index / name
    folder.mkdir(exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Requires-Python: {python}"]
    lines += [f"Requires-Dist: {line}" for line in requires]
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{stem}.dist-info/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    links = "".join(f'<a href="{path.name}">{path.name}</a>\n' for path in sorted(folder.glob("*.whl")))
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>\n{links}</body></html>\n")


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """``make_project(changes, conda=...)``: a small project with a channel, loaded, of which some files are others."""

    def make(changes: dict[str, str] | None = None, *, place: str = "project", conda: Channel = CONDA) -> Project:
        folder = tmp_path / place
        for name, text in (FILES | (changes or {})).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        write_channel(folder / "common/channel", conda)
        platform = load_platform(folder)
        mission = load_mission(platform, "survey")
        return platform, mission, mission.kernel("sky")

    return make


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only package index: a folder of this machine."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, version, requires, python in WHEELS:
        write_wheel(folder, name, version, requires, python)
    monkeypatch.setenv("UV_DEFAULT_INDEX", folder.as_uri())
    return folder
