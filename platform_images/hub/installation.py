"""Where the hub's programs are: installed from their lock into the user's cache, once for each lock and Python."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from platform_images import process
from platform_images.errors import ToolError
from platform_images.files import json_text, sha256_bytes, write_text
from platform_images.hub.requests import fresh_lock
from platform_images.locks.values import PACKAGE_JSON, PACKAGE_LOCK, REQUIREMENTS, Lock
from platform_images.machine import one_at_a_time
from platform_images.model.platform import Platform
from platform_images.solve import uv
from platform_images.solve.hostenv import host_environment
from platform_images.solve.npm import npm_command, npm_environment
from platform_images.solve.solution import Say
from platform_images.usage import Kind, cache_folder, mark

LIMIT_SECONDS = 1800.0
_FORMAT = "1"
_DIGITS = 16
_PROXY = Path("node_modules") / "configurable-http-proxy" / "bin" / "configurable-http-proxy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """What is installed.

    Attributes:
        hub: The command that runs JupyterHub.
        proxy: The command that runs its proxy.
    """

    hub: tuple[str, ...]
    proxy: tuple[str, ...]


def installed(platform: Platform, *, say: Say) -> Programs:
    """Return the hub's programs, installed first where they are not yet.

    Raises:
        LockError: Their lock is missing, damaged or stale.
        ToolError: An index did not answer, or gives other bytes than the locked ones.
    """
    lock = fresh_lock()
    parent = cache_folder() / Kind.HUB
    folder = parent / _key(lock)
    mark(Kind.HUB, folder.name)
    if not folder.is_dir():
        parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(parent):
            if not folder.is_dir():
                _install(platform, lock, folder, say=say)
    node = npm_command()[0]
    return Programs(hub=(str(folder / "bin" / "python"), "-I", "-m", "jupyterhub"), proxy=(node, str(folder / _PROXY)))


def _key(lock: Lock) -> str:
    """Return the folder's name: another lock or another Python is another folder."""
    python = [*sys.version_info[:2], sys.implementation.name, getattr(sys, "_base_executable", sys.executable)]
    return sha256_bytes(json_text([_FORMAT, lock.header.files, python]).encode("utf-8"))[:_DIGITS]


def _install(platform: Platform, lock: Lock, folder: Path, *, say: Say) -> None:
    """Install everything beside the folder, and put it in its place when it is whole."""
    staged = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for name in (REQUIREMENTS, PACKAGE_JSON, PACKAGE_LOCK):
            write_text(staged / name, lock.files[name])
        say("installing the hub's Python packages, once for each lock")
        _install_python(platform, staged)
        say("installing the hub's proxy")
        _install_proxy(platform, staged)
        staged.rename(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _install_python(platform: Platform, folder: Path) -> None:
    """Make a virtual environment in the folder and install the locked packages, hashes required."""
    env = uv.uv_environment(host_environment(platform))
    python = str(folder / "bin" / "python")
    install = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--python", python]
    steps = (
        ["venv", "--quiet", "--allow-existing", "--relocatable", "--no-project", "--python", sys.executable, "."],
        ["pip", "install", *install, "--requirements", REQUIREMENTS],
    )
    for words in steps:
        _run([uv.executable(), *words], folder, env, what="Python packages", fix="invoke doctor --network")


def _install_proxy(platform: Platform, folder: Path) -> None:
    """Install the locked npm packages, each checked against its integrity; none of their scripts runs."""
    words = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _run(words, folder, npm_environment(platform), what="proxy", fix="invoke doctor")


def _run(argv: list[str], folder: Path, env: dict[str, str], *, what: str, fix: str) -> None:
    """Run an installer."""
    try:
        process.run(argv, env=env, cwd=folder, timeout=LIMIT_SECONDS)
    except ToolError as error:
        raise ToolError(
            f"The hub's {what} could not be installed.",
            why=error.why,
            fix=f"{fix} says whether the index answers; then run this again",
            argv=error.argv,
            returncode=error.returncode,
        ) from error
