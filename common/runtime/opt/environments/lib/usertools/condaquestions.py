"""conda's commands that only look, and ``conda config``."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

from usertools import VERSION, channels, condarc, environmentfile, environments, history, image, installed, places
from usertools.console import put, put_json, put_table, say
from usertools.environments import Place, existing, listed
from usertools.errors import ToolError, usage
from usertools.files import write_text

_LIST_KEYS = ("channels",)


def list_packages(arguments: argparse.Namespace) -> int:
    """List the packages of an environment, pip's as well."""
    place = existing(arguments.name, arguments.prefix)
    known = channels.known()
    rows = [_entry(record, known) for record in installed.conda_records(place.prefix)]
    rows += [
        {"name": each.name, "version": each.version, "build_string": "pypi_0", "channel": "pypi", "platform": "pypi"}
        for each in installed.pip_distributions(place.prefix)
    ]
    wanted = _pattern(arguments.pattern or "")
    rows = [row for row in rows if wanted.search(row["name"])]
    rows.sort(key=lambda row: row["name"].lower())
    if arguments.json:
        put_json([{**row, "dist_name": f"{row['name']}-{row['version']}-{row['build_string']}"} for row in rows])
    elif arguments.export:
        for row in rows:
            put(f"{row['name']}={row['version']}={row['build_string']}")
    else:
        put(f"# packages in environment at {place.prefix}:")
        table = [(row["name"], row["version"], row["build_string"], row["channel"]) for row in rows]
        put_table(table, head=("# Name", "Version", "Build", "Channel"))
    return 0


def _pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression that somebody has typed."""
    try:
        return re.compile(text)
    except re.error as error:
        raise usage(f"{text!r} is no regular expression: {error}.", fix="conda list, or a part of a name") from error


def _entry(record: dict[str, Any], known: channels.Channels) -> dict[str, str]:
    """Return a conda package of a list."""
    return {
        "name": str(record["name"]),
        "version": str(record["version"]),
        "build_string": str(record["build"]),
        "channel": known.name(str(record.get("channel", ""))),
        "platform": str(record.get("subdir", "")),
    }


def search(arguments: argparse.Namespace) -> int:
    """List the packages of the channels that match."""
    from usertools import solver

    known = channels.known()
    names = known.chosen(arguments.channel, only=arguments.override_channels)
    found = solver.search(arguments.spec, names, known)
    if not found:
        raise ToolError(f"No channel carries {arguments.spec}.", why=f"channels: {', '.join(names)}", fix="add one: -c")
    rows = [(r.name.normalized, str(r.version), str(r.build), known.name(r.channel or "")) for r in found]
    if arguments.json:
        keys = ("name", "version", "build", "channel")
        grouped: dict[str, list[dict[str, str]]] = {}
        for row, record in zip(rows, found, strict=True):
            grouped.setdefault(row[0], []).append({**dict(zip(keys, row, strict=True)), "url": record.url})
        put_json(grouped)
    else:
        put_table(rows, head=("# Name", "Version", "Build", "Channel"))
    return 0


def env_list(arguments: argparse.Namespace) -> int:
    """List all environments; ``*`` marks the active one."""
    found = listed()
    if arguments.json:
        put_json({"envs": [str(place.prefix) for place in found]})
        return 0
    active = Path(os.environ.get("CONDA_PREFIX", ""))
    put("# conda environments:")
    put("#")
    put_table([(place.name, "*" if place.prefix == active else "", str(place.prefix)) for place in found])
    return 0


def env_export(arguments: argparse.Namespace) -> int:
    """Write an environment.yml."""
    place = existing(arguments.name, arguments.prefix)
    found = exported(place, from_history=arguments.from_history, builds=not arguments.no_builds)
    if arguments.json:
        put_json({**found.content(), "prefix": str(place.prefix)})
    elif arguments.file:
        write_text(Path(arguments.file), found.text())
        say(f"Written: {arguments.file}")
    else:
        put(found.text().rstrip("\n"))
    return 0


def exported(place: Place, *, from_history: bool, builds: bool) -> environmentfile.EnvironmentFile:
    """Return the environment.yml that makes an environment again, or asks what was asked of it."""
    known = channels.known()
    records = installed.conda_records(place.prefix)
    used = dict.fromkeys(known.name(str(record.get("channel", ""))) for record in records)
    pip = installed.pip_distributions(place.prefix)
    conda, lines = history.requested(place.prefix), tuple[str, ...]()
    if not from_history:
        conda = tuple("=".join(_pinned(record, builds=builds)) for record in records)
        if any(each.name == "pip" for each in pip):
            conda = (*conda, "pip")
        lines = tuple(each.requirement for each in pip if each.name != "pip")
    return environmentfile.EnvironmentFile(
        name=place.name, channels=tuple(used) or known.chosen(), conda=conda, pip=lines, variables=_variables(place)
    )


def _pinned(record: dict[str, Any], *, builds: bool) -> tuple[str, ...]:
    """Return name and version of a package, and its build."""
    found = (str(record["name"]), str(record["version"]))
    return (*found, str(record["build"])) if builds else found


def _variables(place: Place) -> tuple[tuple[str, str], ...]:
    """Return the variables that activation sets for the user."""
    import json

    try:
        content = json.loads((place.prefix / "conda-meta" / "state").read_text(encoding="utf-8"))
        return tuple((str(name), str(value)) for name, value in content.get("env_vars", {}).items())
    except (OSError, ValueError, AttributeError):
        return ()


def info(arguments: argparse.Namespace) -> int:
    """Say what this conda is, and what it uses."""
    if arguments.base:
        put_json({"root_prefix": str(image.CONDA)}) if arguments.json else put(str(image.CONDA))
        return 0
    if arguments.envs:
        return env_list(arguments)
    found = _facts()
    if arguments.json:
        put_json(found)
        return 0
    for key, value in found.items():
        shown = [
            " ".join(v) if isinstance(v, list) else str(v) for v in (value if isinstance(value, list) else [value])
        ]
        put(f"{key:>22} : {shown[0] if shown else ''}")
        for more in shown[1:]:
            put(f"{'':>22}   {more}")
    return 0


def _facts() -> dict[str, Any]:
    """Return what ``conda info`` says."""
    from importlib.metadata import version

    import rattler

    from usertools import solver

    known = channels.known()
    active = os.environ.get("CONDA_PREFIX")
    return {
        "conda_version": VERSION,
        "about": f"the image's own conda, on py-rattler {version('py-rattler')}; not the conda program of conda.org",
        "image": image.described(image.record()),
        "active_prefix": active,
        "active_prefix_name": environments.named(prefix=active).name if active else None,
        "default_prefix": active or str(image.CONDA),
        "root_prefix": str(image.CONDA),
        "root_writable": os.access(image.CONDA / "conda-meta", os.W_OK),
        "envs_dirs": [*map(str, places.environment_folders()), str(image.CONDA / "envs")],
        "pkgs_dirs": [str(places.conda_cache())],
        "user_rc_path": str(condarc.own()),
        "channels": [known.url(name) for name in known.chosen()],
        "platform": str(rattler.Subdir.current()),
        "virtual_pkgs": [list(each) for each in solver.virtual_packages()],
        "envs": [str(place.prefix) for place in listed()],
    }


def config(arguments: argparse.Namespace) -> int:
    """Show or change ~/.condarc."""
    changes = [("add", pair) for pair in (*arguments.add, *arguments.prepend)]
    changes += [("append", pair) for pair in arguments.append] + [("remove", pair) for pair in arguments.remove]
    for how, (key, value) in changes:
        if key not in _LIST_KEYS:
            raise usage(f"The key {key!r} cannot be changed here.", fix=f"channels can; others: edit {condarc.own()}")
        condarc.change(key, value, how=how)
    if arguments.show is not None:
        return _show(arguments)
    if not changes:
        raise usage("Nothing was asked.", fix="conda config --show channels, or --add channels NAME")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    """Show the settings that count."""
    known = channels.known()
    found: dict[str, Any] = {
        "channels": list(known.chosen()),
        "channel_alias": known.settings.channel_alias,
        "channel_priority": known.settings.channel_priority,
        "envs_dirs": [*map(str, places.environment_folders()), str(image.CONDA / "envs")],
        "pkgs_dirs": [str(places.conda_cache())],
    }
    for key in arguments.show:
        if key not in found:
            raise usage(f"There is no key {key!r}.", fix=f"there are: {', '.join(found)}")
    shown = {key: found[key] for key in arguments.show or found}
    if arguments.json:
        put_json(shown)
        return 0
    for key, value in shown.items():
        put(f"{key}:" if isinstance(value, list) else f"{key}: {value}")
        for each in value if isinstance(value, list) else ():
            put(f"  - {each}")
    return 0
