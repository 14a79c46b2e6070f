"""The machine that a benchmark runs on, as far as it matters for what is measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from platform_images.bench.values import Machine
from platform_images.errors import PlatformError

PROGRAMS = ("uv", "pip", "pip-tools", "py-rattler", "nox", "invoke")
_GIGABYTE = 1e9


def machine(*, engine: bool) -> Machine:
    """Return what is known of this machine; of its engine only where that is part of what is measured."""
    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIGABYTE, 1),
        kernel=platform.release(),
        engine=_engine() if engine else "",
        versions={"Python": platform.python_version(), **{name: version(name) for name in PROGRAMS}},
    )


def _engine() -> str:
    """Return the engine's version, and how it stores images; empty where none answers."""
    from platform_images.engine import client

    try:
        found = client.engine().info()
    except PlatformError:
        return ""
    return f"Docker Engine {found.get('ServerVersion', '')} ({found.get('Driver', '')}, {found.get('NCPU', 0)} cores)"
