"""What build steps run: pinned by the project's own lock, and part of every mirror."""

from __future__ import annotations

from platform_images.engine.tools import PYTHON, node_pins, tool_pins
from platform_images.files import sha256_bytes
from platform_images.locks.values import NPM, MissionLocks
from platform_images.mirror.needs import NODE, TOOLS, Need


def tool_needs(locks: MissionLocks) -> tuple[Need, ...]:
    """Return what the steps of an image run.

    Raises:
        PlatformError: The project's lock lacks a tool.
    """
    with_node = any(lock.unit.part == NPM for lock in locks.locks)
    pins = {TOOLS: tool_pins(), **({NODE: node_pins()} if with_node else {})}
    return tuple(
        Need(name=name, digest=sha256_bytes(text.encode("utf-8")), requirements=(text,), python=PYTHON)
        for name, text in pins.items()
    )
