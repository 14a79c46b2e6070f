"""The conda channels of a mirror: their indexes, so that any conda client can use them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from platform_images.channel.build import index
from platform_images.mirror.manifest import CONDA


def index_channels(folder: Path, paths: Iterable[str]) -> None:
    """Write ``repodata.json`` of every channel that these paths of a mirror belong to, where a package is newer."""
    for name in sorted({path.split("/")[1] for path in paths if path.startswith(f"{CONDA}/")}):
        channel = folder / CONDA / name
        if not _indexed(channel):
            index(channel)


def _indexed(channel: Path) -> bool:
    """Whether every package of a channel is older than the index of its subdir."""
    for package in channel.glob("*/*"):
        listed = package.with_name("repodata.json")
        if package.suffix in (".conda", ".bz2") and not (
            listed.is_file() and package.stat().st_mtime <= listed.stat().st_mtime
        ):
            return False
    return True
