"""Which commit an image is built from."""

from __future__ import annotations

from pathlib import Path

from platform_images import process
from platform_images.errors import PrerequisiteError, ToolError

UNKNOWN = "unknown"
_QUERY_SECONDS = 30.0
_COMMON = ("platform.toml", "common", "platform_images", "locks/common")


def git_revision(folder: Path, *, mission: str) -> str:
    """Return the commit; with ``-dirty`` where a file that goes into this image is not as committed.

    Files that the image is not made from do not count, so that the label does not change with them. Without git, or
    outside a repository, it is ``unknown``.
    """
    try:
        commit = _git(folder, "rev-parse", "--verify", "HEAD").strip()
        paths = (*_COMMON, f"deployments/{mission}", f"locks/{mission}")
        changed = _git(folder, "status", "--porcelain", "--", *paths).strip()
    except (PrerequisiteError, ToolError):
        return UNKNOWN
    return f"{commit}-dirty" if changed else commit


def _git(folder: Path, *words: str) -> str:
    """Run git in the project's folder."""
    return process.run(["git", "-C", str(folder), *words], timeout=_QUERY_SECONDS).stdout
