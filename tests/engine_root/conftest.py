from __future__ import annotations

from pathlib import Path

import pytest

from platform_images.engine.root import ensure_root
from platform_images.locks.store import ROOT_UNIT, LockStore, root
from platform_images.locks.values import RootSystem
from platform_images.model import Platform, load_platform


@pytest.fixture(scope="session")
def real_platform(project: Path) -> Platform:
    """The platform of this checkout."""
    return load_platform(project)


@pytest.fixture(scope="session")
def locked_root(real_platform: Platform) -> RootSystem:
    """The root that this checkout locks."""
    return root(LockStore(real_platform.locks).require(ROOT_UNIT))


@pytest.fixture(scope="session")
def root_reference(real_platform: Platform, locked_root: RootSystem) -> str:
    """The root's image."""
    return ensure_root(real_platform, locked_root, say=lambda text: None).reference
