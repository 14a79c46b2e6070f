"""Where files of a pip lock are: uv asks the site's package index and writes a ``pylock.toml`` (PEP 751) with addresses."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from platform_images import temporary
from platform_images.errors import MismatchError, ToolError
from platform_images.fetch import Item
from platform_images.files import write_text
from platform_images.locks.pip import pins
from platform_images.mirror.manifest import PYPI
from platform_images.process import run
from platform_images.solve.uv import TIMEOUT, executable, uv_environment

_LOCKED, _FOUND = "requirements.txt", "pylock.toml"


def wheels(text: str, *, python: str, platform_tag: str, env: Mapping[str, str], shown: str) -> tuple[Item, ...]:
    """Return the files that a lock names and that an environment of this Python and platform may install, sorted.

    Of a release's wheels these are all that fit: which of them is installed, the installer decides.

    Args:
        text: A lock in pip's format, with hashes.
        python: Version of the environment's Python.
        platform_tag: uv's name of the platform, such as ``x86_64-manylinux_2_28``.
        env: The environment for uv, with the site's indexes.
        shown: What it is the lock of, for messages.

    Raises:
        MismatchError: The index has a release, but no file of it with a locked hash.
        ToolError: The index did not answer, or has not got a release any more.
    """
    allowed = {_normal(pin.name, pin.version): pin.hashes for pin in pins(text)}
    if not allowed:
        return ()
    with temporary.folder(temporary.Role.INDEX) as folder:
        write_text(folder / _LOCKED, text)
        _ask(folder, python=python, platform_tag=platform_tag, env=env, shown=shown)
        found = tomllib.loads((folder / _FOUND).read_text(encoding="utf-8"))
        return _chosen(found, allowed, folder, shown=shown)


def _ask(folder: Path, *, python: str, platform_tag: str, env: Mapping[str, str], shown: str) -> None:
    """Let uv write where everything is; nothing is resolved."""
    argv = [executable(), "pip", "compile", _LOCKED, "--no-deps", "--format", "pylock.toml", "--output-file", _FOUND]
    argv += ["--python-version", python, "--python-platform", platform_tag, "--no-header", "--no-progress", "--quiet"]
    try:
        run([*argv, "--color", "never", "--no-config"], env=uv_environment(env), cwd=folder, timeout=TIMEOUT)
    except ToolError as error:
        raise ToolError(
            f"The package index does not say where the packages of {shown} are.",
            why=error.why,
            fix="invoke doctor --network says whether the index answers; a release that is gone from it needs another lock",
            argv=error.argv,
            returncode=error.returncode,
        ) from error


def _chosen(
    found: dict[str, Any], allowed: dict[str, frozenset[str]], folder: Path, *, shown: str
) -> tuple[Item, ...]:
    """Return the files with a locked hash.

    Raises:
        MismatchError: A package has none.
    """
    items: dict[str, Item] = {}
    missing = set(allowed)
    for package in found.get("packages", []):
        pin = _normal(package["name"], package["version"])
        fitting = [item for item in _files(package, folder) if item.sha256 in allowed.get(pin, ())]
        items.update({item.path: item for item in fitting})
        missing -= {pin} if fitting else set()
    if missing:
        raise MismatchError(
            f"The package index has no file with a locked hash for packages of {shown}.",
            why="\n".join(sorted(missing)),
            fix="find out why the index has other files under these names, or solve again with nox -s lock",
        )
    return tuple(items[path] for path in sorted(items))


def _normal(name: str, version: str) -> str:
    """Return ``name==version`` with both as every index writes them (PEP 503, PEP 440)."""
    from packaging.utils import canonicalize_name, canonicalize_version

    return f"{canonicalize_name(name)}=={canonicalize_version(version)}"


def _files(package: dict[str, Any], folder: Path) -> Iterator[Item]:
    """Yield the wheels and the sdist of one entry."""
    for each in (*package.get("wheels", ()), *((package["sdist"],) if "sdist" in package else ())):
        address = each.get("url") or (folder / each["path"]).resolve().as_uri()
        yield Item(
            path=f"{PYPI}/{each.get('name') or unquote(Path(urlsplit(address).path).name)}",
            sha256=each["hashes"]["sha256"],
            addresses=(address,),
            size=each.get("size"),
        )
