from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from platform_images.locks.store import ROOT_UNIT, LockStore, root
from platform_images.locks.values import RootSystem
from platform_images.model import Mission, Platform, load_mission, load_platform

Asking = Callable[..., Mission]


@pytest.fixture(scope="session")
def real_platform(project: Path) -> Platform:
    """The platform of this checkout."""
    return load_platform(project)


@pytest.fixture(scope="session")
def locked_root(real_platform: Platform) -> RootSystem:
    """The root that this checkout locks."""
    return root(LockStore(real_platform.locks).require(ROOT_UNIT))


@pytest.fixture
def mission_asking(real_platform: Platform) -> Asking:
    """``mission_asking(apt=("figlet",), npm=("is-number",))``: a mission with other lists than its own."""

    def asking(*, apt: tuple[str, ...] = (), npm: tuple[str, ...] = ()) -> Mission:
        return replace(load_mission(real_platform, "tike"), os_packages=apt, npm_packages=npm)

    return asking
