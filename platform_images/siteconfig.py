"""Reads the configuration files of pip, uv and npm: only the keys that say where packages come from."""

from __future__ import annotations

import configparser
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from platform_images.errors import UsageError
from platform_images.process import redacted

PIP_KEYS = ("cert", "extra-index-url", "find-links", "index-url", "trusted-host")
_PIP_SOURCES = frozenset({"extra-index-url", "find-links", "index-url"})
_PIP_SECTIONS = ("global", "install")
_UV_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")


@dataclass(frozen=True, slots=True, kw_only=True)
class UvSettings:
    """uv's indexes, from its variables, else from its configuration files."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()


def pip_settings(env: Mapping[str, str], *, root: Path, home: Path | None) -> dict[str, str]:
    """Return pip's settings by key, a later file over an earlier one and variables over files, as pip does.

    Raises:
        UsageError: A file is not in pip's format, or an address is none.
    """
    values: dict[str, str] = {}
    by_section: dict[str, dict[str, str]] = {name: {} for name in _PIP_SECTIONS}
    for path in _pip_files(env, root=root, home=home):
        for section, found in _read_ini(path).items():
            if section in by_section:
                for key in _PIP_SOURCES.intersection(found):
                    _check_sources(found[key].split(), named=f"{path}, [{section}] {key}")
                by_section[section].update(found)
    for section in _PIP_SECTIONS:
        values.update(by_section[section])
    for key in PIP_KEYS:
        variable = "PIP_" + key.upper().replace("-", "_")
        if env.get(variable):
            if key in _PIP_SOURCES:
                _check_sources(env[variable].split(), named=variable)
            values[key] = env[variable]
    return {key: values[key].strip() for key in PIP_KEYS if values.get(key, "").strip()}


def uv_settings(env: Mapping[str, str], *, root: Path, home: Path | None) -> UvSettings:
    """Return uv's indexes.

    Raises:
        UsageError: A file is not TOML, a key has a value of a wrong kind, or an address is none.
    """
    for name in _UV_VARIABLES:
        _check_sources([_unnamed(word) or "" for word in env.get(name, "").replace(",", " ").split()], named=name)
    document: dict[str, Any] = {}
    if not env.get("UV_NO_CONFIG"):
        for path in _uv_files(env, root=root, home=home):
            document.update(_checked_uv(_read_toml(path), path))
    named = [entry for entry in document.get("index", []) if entry.get("url")]
    default = next((entry["url"] for entry in named if entry.get("default")), document.get("index-url"))
    extra = [entry["url"] for entry in named if not entry.get("default")] + list(document.get("extra-index-url", []))
    extra_variable = env.get("UV_INDEX") or env.get("UV_EXTRA_INDEX_URL")
    return UvSettings(
        index_url=_unnamed(env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL") or default),
        extra_index_urls=tuple(_unnamed(w) or "" for w in (extra_variable.split() if extra_variable else extra)),
        find_links=tuple((env.get("UV_FIND_LINKS") or "").replace(",", " ").split() or document.get("find-links", [])),
    )


def npm_registry(env: Mapping[str, str], *, root: Path, home: Path | None) -> str | None:
    """Return the registry that npm's variables or configuration files name, or None."""
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        if env.get(name):
            return env[name]
    user = env.get("NPM_CONFIG_USERCONFIG") or env.get("npm_config_userconfig")
    files = [Path(user)] if user else _of_home(home, ".npmrc")
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


def _checked_uv(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return what a configuration file of uv says; refuse what it says of indexes where uv would not take it."""
    index = document.get("index-url", "")
    if not isinstance(index, str):
        raise _wrong_kind(path, "index-url", index, 'one address, such as "https://index.example.org/simple"')
    _check_sources([index], named=f"{path}, index-url")
    for key in ("extra-index-url", "find-links"):
        values = document.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise _wrong_kind(path, key, values, 'a list, such as ["https://index.example.org/simple"]')
        _check_sources(values, named=f"{path}, {key}")
    tables = document.get("index", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _wrong_kind(path, "index", tables, "tables, each with [[index]] above it")
    for table in tables:
        if not isinstance(table.get("url", ""), str):
            raise _wrong_kind(path, "index.url", table["url"], "an address")
        _check_sources([table.get("url", "")], named=f"{path}, index.url")
    return document


def _wrong_kind(path: Path, key: str, value: Any, allowed: str) -> UsageError:
    """Return the error for a value of a wrong kind."""
    found = redacted(repr(value))
    return UsageError(
        f"{path}: key {key!r} has a value of a wrong kind.",
        why=f"found {found}; allowed: {allowed}",
        fix=f"edit {path}",
    )


def _check_sources(sources: Iterable[str], *, named: str) -> None:
    """Refuse an address that no program can read, such as one with a bracket that nothing closes."""
    for source in sources:
        try:
            urlsplit(source)
        except ValueError as error:
            raise UsageError(
                f"{named} has something that is not an address.",
                why=f"found {redacted(source)!r}",
                fix=f"correct or remove it ({named})",
            ) from error


def _of_home(home: Path | None, name: str) -> list[Path]:
    """Return a file of the home; nothing where there is no home."""
    return [home / name] if home is not None else []


def _own(env: Mapping[str, str], home: Path | None, name: str) -> list[Path]:
    """Return a file of the user's configuration; nothing where there is no place for it."""
    top = env.get("XDG_CONFIG_HOME")
    return [Path(top) / name] if top else _of_home(home, f".config/{name}")


def _pip_files(env: Mapping[str, str], *, root: Path, home: Path | None) -> list[Path]:
    """Return pip's configuration files in its order: the machine's, the user's, the environment's, the named one."""
    named = env.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    shared = [Path(p) / "pip" / "pip.conf" for p in (env.get("XDG_CONFIG_DIRS") or str(root / "etc/xdg")).split(":")]
    files = [*reversed(shared), root / "etc/pip.conf", *_of_home(home, ".pip/pip.conf")]
    files += _own(env, home, "pip/pip.conf")
    if sys.platform == "darwin":
        support = "Library/Application Support/pip/pip.conf"
        files = [root / support, *files, *_of_home(home, support)]
    if root == Path("/"):
        files.append(Path(sys.prefix) / "pip.conf")
    return [*files, Path(named)] if named else files


def _uv_files(env: Mapping[str, str], *, root: Path, home: Path | None) -> list[Path]:
    """Return uv's configuration files, the stronger last."""
    if env.get("UV_CONFIG_FILE"):
        return [Path(env["UV_CONFIG_FILE"])]
    return [root / "etc/uv/uv.toml", *_own(env, home, "uv/uv.toml")]


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
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or of numbers or depths beyond Python's
        raise UsageError(f"{path} is not TOML.", why=str(error), fix="correct it, or set UV_NO_CONFIG=1") from error


def _unnamed(index: str | None) -> str | None:
    """Return an index without the ``name=`` that uv allows before it."""
    if not index:
        return None
    name, separator, rest = index.partition("=")
    return rest if separator and name.replace("-", "").replace("_", "").isalnum() else index
