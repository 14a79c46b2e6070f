"""Tarballs of npm packages: npm fetches them from the site's registry, each is checked against its integrity."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from platform_images import process
from platform_images.errors import MismatchError, ToolError
from platform_images.mirror.needs import NpmTarball
from platform_images.model.platform import Platform
from platform_images.solve.npm import LIMIT_SECONDS, npm_command, npm_environment

_AT_ONCE = 50


def fetch_tarballs(platform: Platform, tarballs: Sequence[NpmTarball], folder: Path) -> None:
    """Put tarballs in their places below a folder.

    Args:
        platform: The platform.
        tarballs: Which.
        folder: The mirror.

    Raises:
        MismatchError: The registry gives other bytes than the locked ones.
        PrerequisiteError: npm is missing.
        ToolError: The registry did not answer.
    """
    for start in range(0, len(tarballs), _AT_ONCE):
        chosen = tarballs[start : start + _AT_ONCE]
        with tempfile.TemporaryDirectory(dir=folder, prefix=".npm-") as name:
            packed = _pack(platform, [each.spec for each in chosen], Path(name))
            for each in chosen:
                _place(each, Path(name) / packed[each.spec], folder)


def sha512_file(path: Path) -> str:
    """Return the SHA-512 of a file as 128 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha512").hexdigest()


def check_tarball(tarball: NpmTarball, path: Path) -> None:
    """Compare a tarball with the lock.

    Raises:
        MismatchError: It has another content.
    """
    found = sha512_file(path)
    if found != tarball.sha512:
        raise MismatchError(
            f"{tarball.spec} is not the package that package-lock.json names.",
            why=f"expected sha512 {tarball.sha512}\nfound sha512    {found}",
            fix="find out why it changed: nothing was taken",
        )


def _pack(platform: Platform, specs: Sequence[str], folder: Path) -> dict[str, str]:
    """Let npm fetch packages into a folder; return the file name of each."""
    argv = [*npm_command(), "pack", *specs, "--pack-destination", str(folder), "--json"]
    try:
        done = process.run(argv, env=npm_environment(platform), cwd=folder, timeout=LIMIT_SECONDS)
    except ToolError as error:
        raise ToolError(
            "npm could not fetch the packages of the lock.",
            why=error.why,
            fix="invoke doctor shows the registry and proxies in use",
            argv=error.argv,
            returncode=error.returncode,
        ) from error
    return {each["id"]: each["filename"] for each in json.loads(done.stdout)}


def _place(tarball: NpmTarball, fetched: Path, folder: Path) -> None:
    """Check a tarball and move it to its place."""
    check_tarball(tarball, fetched)
    target = folder / tarball.path
    target.parent.mkdir(parents=True, exist_ok=True)
    fetched.chmod(0o644)
    fetched.replace(target)
