"""A small conda: what conda-lock asks of a conda executable, answered by py-rattler.

conda-lock starts an executable and reads its JSON. This one solves (``create``, ``install`` and ``update`` with
``--dry-run --json``) and describes a prefix (``list``, ``info``, ``config``); it installs nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

if TYPE_CHECKING:
    from rattler import GenericVirtualPackage, RepoDataRecord

SETTINGS = "PLATFORM_IMAGES_CONDA_FRONT"


@dataclass(frozen=True, kw_only=True)
class FrontSettings:
    """What conda's command line has no words for; a JSON file that the environment variable ``SETTINGS`` names.

    Attributes:
        channels: Name to URL of each channel. Solutions name channels and never their URLs.
        locked: ``<channel>/<subdir>/<file>`` of packages to keep where they still satisfy.
        error: Where a failure's explanation is written, as it is.
        solver: An installed conda, mamba or micromamba that solves in rattler's place.
    """

    channels: dict[str, str] = field(default_factory=dict)
    locked: tuple[str, ...] = ()
    error: str | None = None
    solver: str | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """Answer one command of conda's command line on standard output, and return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    settings = load_settings()
    if settings.solver:
        from platform_images.solve.conda_external import forward

        return forward(settings, words)
    arguments = _parser().parse_args(words)
    try:
        answer = _answer(arguments, settings)
    except Exception as error:  # whatever rattler says is the answer
        return fail(settings, str(error))
    sys.stdout.write(answer if isinstance(answer, str) else json.dumps(answer))
    return 0


def load_settings() -> FrontSettings:
    """Return the settings that the caller left for this process."""
    path = os.environ.get(SETTINGS)
    if not path:
        return FrontSettings()
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    return FrontSettings(**{**data, "locked": tuple(data.get("locked", ()))})


def fail(settings: FrontSettings, message: str) -> int:
    """Leave an explanation for the caller and say it in conda's JSON."""
    if settings.error:
        Path(settings.error).write_text(message, encoding="utf-8")
    sys.stdout.write(json.dumps({"success": False, "message": message}))
    return 1


def _parser() -> argparse.ArgumentParser:
    """Return the part of conda's command line that conda-lock uses."""
    parser = argparse.ArgumentParser(prog="conda")
    parser.add_argument("--version", action="version", version="conda 24.11.0 (rattler)")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("create", "install", "update", "list", "info", "config"):
        command = commands.add_parser(name)
        command.add_argument("-p", "--prefix", type=Path)
        command.add_argument("-c", "--channel", action="append", default=[], dest="channels")
        for flag in ("--json", "--dry-run", "--override-channels", "--no-pip", "--yes", "--quiet"):
            command.add_argument(flag, action="store_true")
        command.add_argument("words", nargs="*")
    return parser


def _answer(arguments: argparse.Namespace, settings: FrontSettings) -> object:
    """Return what a command prints."""
    match arguments.command:
        case "list":
            return installed(arguments.prefix)
        case "info" | "config":
            return {"pkgs_dirs": [os.environ.get("CONDA_PKGS_DIRS", "")]}
        case command:
            if not (arguments.dry_run and arguments.json):
                raise ValueError("this conda only answers with --dry-run --json; it installs nothing")
            keep = settings.locked if command == "create" else _kept(arguments.prefix, freed=arguments.words)
            wanted = arguments.words if command == "create" else _wanted(arguments.prefix, changed=arguments.words)
            records = asyncio.run(_solve(wanted, arguments.channels, settings=settings, keep=keep))
            actions = [_action(record, settings.channels) for record in records]
            return {"success": True, "actions": {"FETCH": actions, "LINK": actions}}


def installed(prefix: Path | None) -> list[dict[str, Any]]:
    """Return the package records of a prefix, sorted by name."""
    if prefix is None:
        raise ValueError("give the prefix: -p PREFIX")
    records = [json.loads(path.read_bytes()) for path in sorted((prefix / "conda-meta").glob("*.json"))]
    return [{**record, "dist_name": str(record["fn"]).removesuffix(".conda")} for record in records]


def _kept(prefix: Path | None, *, freed: Iterable[str]) -> tuple[str, ...]:
    """Return the installed packages that an update leaves as they are."""
    names = {_spec_name(spec) for spec in freed}
    return tuple(str(record["url"]) for record in installed(prefix) if record["name"] not in names)


def _wanted(prefix: Path | None, *, changed: Sequence[str]) -> list[str]:
    """Return what an updated prefix must hold: what it has, and what is asked for."""
    names = {_spec_name(spec) for spec in changed}
    return [*changed, *(str(record["name"]) for record in installed(prefix) if record["name"] not in names)]


def _spec_name(spec: str) -> str:
    """Return the package name of a match spec."""
    from rattler import MatchSpec

    name = MatchSpec(spec).name
    return name.normalized if name is not None and hasattr(name, "normalized") else str(name)


async def _solve(
    specs: Sequence[str], channels: Sequence[str], *, settings: FrontSettings, keep: Sequence[str]
) -> list[RepoDataRecord]:
    """Solve specs on the named channels; other channels are folders that describe the system."""
    from rattler import Channel, Gateway, MatchSpec, solve

    gateway = Gateway()
    sources = [Channel(settings.channels[name]) for name in channels if name in settings.channels]
    subdirs = [os.environ["CONDA_SUBDIR"], "noarch"]
    locked = await _records(gateway, sources, subdirs, keep=keep, channels=settings.channels)
    solved = await solve(
        sources=sources,
        specs=[MatchSpec(_with_url(spec, settings.channels)) for spec in specs],
        gateway=gateway,
        platforms=subdirs,  # type: ignore[arg-type]
        locked_packages=locked,
        virtual_packages=virtual_packages([name for name in channels if name not in settings.channels], subdirs),
    )
    return sorted(solved, key=lambda record: record.name.normalized)


async def _records(
    gateway: Any, sources: Sequence[Any], subdirs: Sequence[str], *, keep: Sequence[str], channels: dict[str, str]
) -> list[RepoDataRecord]:
    """Return the records of packages to keep, as far as the channels still have them."""
    from rattler import MatchSpec

    if not keep:
        return []
    names = sorted({url.rsplit("/", 1)[1].rsplit("-", 2)[0] for url in keep})
    found = await gateway.query(sources, subdirs, [MatchSpec(name) for name in names], recursive=False)
    return [record for part in found for record in part if named_url(record.url, channels) in keep]


def virtual_packages(channels: Iterable[str], subdirs: Sequence[str]) -> list[GenericVirtualPackage]:
    """Return the virtual packages that conda-lock describes in folders of its own; nothing of this machine's."""
    from rattler import BuildString, GenericVirtualPackage, PackageName, Version

    found: dict[str, GenericVirtualPackage] = {}
    for channel in channels:
        folder = Path(url2pathname(urlsplit(channel).path))
        for subdir in subdirs:
            repodata = folder / subdir / "repodata.json"
            entries = json.loads(repodata.read_bytes())["packages"].values() if repodata.is_file() else ()
            for entry in entries:
                name, version = str(entry["name"]), Version(str(entry["version"]))
                found[name] = GenericVirtualPackage(PackageName(name), version, BuildString(str(entry["build"])))
    return list(found.values())


def _with_url(spec: str, channels: dict[str, str]) -> str:
    """Return a match spec whose ``name::`` is the channel's URL."""
    name, separator, rest = spec.partition("::")
    return f"{channels.get(name, name)}::{rest}" if separator else spec


def named_url(url: str, channels: dict[str, str]) -> str:
    """Return a package's URL as ``<channel name>/<subdir>/<file>``."""
    for name, base in channels.items():
        if url.startswith(base.rstrip("/") + "/"):
            return f"{name}{url.removeprefix(base.rstrip('/'))}"
    raise ValueError(f"the package {url} is on none of the channels")


def _action(record: RepoDataRecord, channels: dict[str, str]) -> dict[str, Any]:
    """Return one package as conda's JSON has it."""
    return {
        "name": record.name.normalized,
        "version": str(record.version),
        "build_string": str(record.build),
        "build_number": record.build_number,
        "url": named_url(record.url, channels),
        "fn": record.file_name,
        "dist_name": record.file_name.removesuffix(".conda"),
        "subdir": record.subdir,
        "md5": record.md5.hex() if record.md5 else "",
        "sha256": record.sha256.hex() if record.sha256 else "",
        "depends": record.depends,
        "constrains": record.constrains,
    }


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # rattler's threads may outlive its answers, and crash an interpreter that is winding up
