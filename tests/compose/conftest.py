from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.compose.sources import read_sources
from platform_images.compose.values import Sources
from platform_images.files import sha256_bytes
from platform_images.locks.values import Header, Lock, MissionLocks, Unit
from platform_images.model import Mission, Platform, load_mission, load_platform

PROJECT = Path(__file__).resolve().parents[2]
HASH = "ab" * 32
MD5 = "cd" * 16


def lock(scope: str, part: str, files: dict[str, str]) -> Lock:
    hashes = {name: sha256_bytes(text.encode()) for name, text in files.items()}
    return Lock(unit=Unit(scope=scope, part=part), header=Header(inputs={}, solvers={}, files=hashes), files=files)


def root_lock() -> Lock:
    root = {
        "provider": "debootstrap",
        "source": "trixie",
        "digest": f"sha256:{HASH}",
        "epoch": 1700000000,
        "glibc": "2.41",
        "packages": [],
    }
    return lock("common", "root", {"packages.json": json.dumps(root)})


def os_lock(scope: str, name: str) -> Lock:
    package = {
        "name": name,
        "version": "1:2.0-1",
        "architecture": "amd64",
        "sha256": HASH,
        "size": 1,
        "path": f"pool/main/{name[0]}/{name}/{name}_2.0-1_amd64.deb",
    }
    return lock(scope, "os", {"packages.json": json.dumps({"packages": [package]})})


def environment_lock(scope: str, name: str, python: str, *, channel: str = "embedded") -> Lock:
    conda = f"""
package:
- name: python
  version: {python}
  manager: conda
  platform: linux-64
  dependencies: {{__glibc: '>=2.38'}}
  url: {channel}/linux-64/python-{python}-debian_0.conda
  hash: {{md5: {MD5}, sha256: {HASH}}}
"""
    pip = f"ipykernel==7.0.0 \\\n    --hash=sha256:{HASH}\n"
    return lock(scope, name, {"conda-lock.yml": conda, "requirements.txt": pip})


def npm_lock(scope: str) -> Lock:
    return lock(scope, "npm", {"package.json": "{}\n", "package-lock.json": '{"packages": {}}\n'})


@pytest.fixture(scope="session")
def platform(small_project: Path) -> Platform:
    return load_platform(small_project)


@pytest.fixture(scope="session")
def small(platform: Platform) -> Mission:
    return load_mission(platform, "small")


@pytest.fixture(scope="session")
def sources(platform: Platform, small: Mission) -> Sources:
    return read_sources(platform, small, ca_bundle=None)


@pytest.fixture(scope="session")
def locks() -> MissionLocks:
    """Locks made by hand: the shape of real ones, a package or two each."""
    return MissionLocks(
        mission="small",
        locks=(
            root_lock(),
            os_lock("common", "curl"),
            environment_lock("common", "base", "3.13.5"),
            os_lock("small", "figlet"),
            npm_lock("small"),
            environment_lock("small", "new", "3.13.5"),
            environment_lock("small", "old", "3.11.2"),
        ),
    )


@pytest.fixture(scope="session")
def project_folder() -> Path:
    return PROJECT


@pytest.fixture
def make_environment_lock() -> Callable[..., Lock]:
    return environment_lock
