"""What tests of the programs for build steps share."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

EPOCH = 1700000000


@pytest.fixture
def patch_pip(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The program, with the cache and the image's record in scratch folders."""
    monkeypatch.syspath_prepend(str(project / "platform_images" / "inside"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    before = set(sys.modules)
    module = importlib.import_module("patch_pip")
    for name in ("pip_part", "plan_pip", "install_group", "patch_pip"):
        monkeypatch.setattr(sys.modules[name], "CACHE", tmp_path / "cache")
    records = tmp_path / "record"
    records.mkdir()
    for name in module.ABOVE:
        (records / name).touch()
    monkeypatch.setattr(module, "RECORDS", records)
    yield module
    for other in set(sys.modules) - before:
        del sys.modules[other]
