"""Reads the configuration files of pip, uv and npm: only the keys that say where packages come from."""

from __future__ import annotations

import configparser
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform_images.errors import UsageError

PIP_KEYS = ("cert", "extra-index-url", "find-links", "index-url", "trusted-host")
_PIP_SECTIONS = ("global", "install")


@dataclass(frozen=True, slots=True, kw_only=True)
class UvSettings:
    """uv's indexes, from its variables, else from its configuration files."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()


def pip_settings(env: Mapping[str, str], *, root: Path, home: Path) -> dict[str, str]:
    """Return pip's settings by key, a later file over an earlier one and variables over files, as pip does.

    Raises:
        UsageError: A file is not in pip's format.
    """
    values: dict[str, str] = {}
    by_section: dict[str, dict[str, str]] = {name: {} for name in _PIP_SECTIONS}
    for path in _pip_files(env, root=root, home=home):
        for section, found in _read_ini(path).items():
            if section in by_section:
                by_section[section].update(found)
    for section in _PIP_SECTIONS:
        values.update(by_section[section])
    for key in PIP_KEYS:
        variable = "PIP_" + key.upper().replace("-", "_")
        if env.get(variable):
            values[key] = env[variable]
    return {key: values[key].strip() for key in PIP_KEYS if values.get(key, "").strip()}


def uv_settings(env: Mapping[str, str], *, root: Path, home: Path) -> UvSettings:
    """Return uv's indexes.

    Raises:
        UsageError: A file is not TOML.
    """
    document: dict[str, Any] = {}
    if not env.get("UV_NO_CONFIG"):
        for path in _uv_files(env, root=root, home=home):
            document.update(_read_toml(path))
    named = [entry for entry in document.get("index", []) if isinstance(entry, dict) and entry.get("url")]
    default = next((entry["url"] for entry in named if entry.get("default")), document.get("index-url"))
    extra = [entry["url"] for entry in named if not entry.get("default")] + list(document.get("extra-index-url", []))
    extra_variable = env.get("UV_INDEX") or env.get("UV_EXTRA_INDEX_URL")
    return UvSettings(
        index_url=_unnamed(env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL") or default),
        extra_index_urls=tuple(_unnamed(w) or "" for w in (extra_variable.split() if extra_variable else extra)),
        find_links=tuple((env.get("UV_FIND_LINKS") or "").replace(",", " ").split() or document.get("find-links", [])),
    )


def npm_registry(env: Mapping[str, str], *, root: Path, home: Path) -> str | None:
    """Return the registry that npm's variables or configuration files name, or None."""
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        if env.get(name):
            return env[name]
    user = env.get("NPM_CONFIG_USERCONFIG") or env.get("npm_config_userconfig")
    files = [Path(user) if user else home / ".npmrc"]
    files += [root / name for name in ("etc/npmrc", "usr/etc/npmrc", "usr/local/etc/npmrc")]
    for path in files:
        if not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            key, separator, value = line.partition("=")
            if separator and key.strip() == "registry":
                return os.path.expandvars(value.strip().strip("\"'")) or None
    return None


def last_word(value: str | None) -> str | None:
    """Return the last of several words: a single-valued option given twice."""
    return value.split()[-1] if value else None


def _pip_files(env: Mapping[str, str], *, root: Path, home: Path) -> list[Path]:
    """Return pip's configuration files in its order: the machine's, the user's, the environment's, the named one."""
    named = env.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    shared = [Path(p) / "pip" / "pip.conf" for p in (env.get("XDG_CONFIG_DIRS") or str(root / "etc/xdg")).split(":")]
    own = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    files = [*reversed(shared), root / "etc/pip.conf", home / ".pip/pip.conf", own / "pip/pip.conf"]
    if sys.platform == "darwin":
        support = "Library/Application Support/pip/pip.conf"
        files = [root / support, *files, home / support]
    if root == Path("/"):
        files.append(Path(sys.prefix) / "pip.conf")
    return [*files, Path(named)] if named else files


def _uv_files(env: Mapping[str, str], *, root: Path, home: Path) -> list[Path]:
    """Return uv's configuration files, the stronger last."""
    if env.get("UV_CONFIG_FILE"):
        return [Path(env["UV_CONFIG_FILE"])]
    own = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    return [root / "etc/uv/uv.toml", own / "uv/uv.toml"]


def _read_ini(path: Path) -> dict[str, dict[str, str]]:
    """Return a pip configuration file by section, keys as pip spells them on its command line."""
    if not path.is_file():
        return {}
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
    except configparser.Error as error:
        raise UsageError(
            f"{path} is not in pip's format.", why=error.message, fix="pip config debug shows more"
        ) from error
    return {
        section: {key.replace("_", "-"): value for key, value in parser.items(section)} for section in parser.sections()
    }


def _read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file, empty where there is none."""
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML.", why=str(error), fix="correct it, or set UV_NO_CONFIG=1") from error


def _unnamed(index: str | None) -> str | None:
    """Return an index without the ``name=`` that uv allows before it."""
    if not index:
        return None
    name, separator, rest = index.partition("=")
    return rest if separator and name.replace("-", "").replace("_", "").isalnum() else index
