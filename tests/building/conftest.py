"""What tests of the programs for build steps share."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

EPOCH = 1700000000


@pytest.fixture
def patch_pip(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The program, with the cache and the image's record in scratch folders."""
    monkeypatch.syspath_prepend(str(project / "platform_images" / "inside"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    before = set(sys.modules)
    module = importlib.import_module("patch_pip")
    for name in ("pip_part", "known", "plan_pip", "install_group", "patch_pip"):
        monkeypatch.setattr(sys.modules[name], "CACHE", tmp_path / "cache")
    records = tmp_path / "record"
    records.mkdir()
    for name in module.ABOVE:
        (records / name).touch()
    monkeypatch.setattr(module, "RECORDS", records)
    yield module
    for other in set(sys.modules) - before:
        del sys.modules[other]


@pytest.fixture
def uv(project: Path, patch_pip: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An environment for which uv installs from a folder of wheels."""
    where = tmp_path / "opt/conda/envs/real"
    tool = Path(sys.executable).parent / "uv"
    cache = str(tmp_path / "cache")
    words = [str(tool), "venv", "--no-config", "--offline", "--cache-dir", cache, "--python", sys.executable]
    subprocess.run([*words, str(where)], check=True, capture_output=True)
    monkeypatch.setattr(sys.modules["pip_part"], "UV", str(tool))
    monkeypatch.setattr(sys.modules["pip_part"], "MIRROR", tmp_path / "wheels")
    bytecode = str(project / "platform_images/inside/bytecode.py"), str(tmp_path / "bytecode")
    monkeypatch.setattr(patch_pip.install_group, "BYTECODE", bytecode)
    (tmp_path / "wheels").mkdir()

    (where / "conda-meta").mkdir()
    patch_pip.install_group.own(where, os.getgid())
    sys.modules["manifest"].main(where, where / "conda-meta/platform-images.jsonl", frozenset())
    return SimpleNamespace(prefix=where, folder=tmp_path, patch_pip=patch_pip)
