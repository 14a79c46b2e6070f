"""Everything that py-rattler does: reading channels, solving, and linking packages into a prefix."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from usertools import installed, places
from usertools.channels import Channels
from usertools.errors import ToolError, usage
from usertools.history import name_of

FROM_INDEX = ("ipykernel", "pip", "setuptools", "wheel")
"""Packages that environments often ask of conda, and that the package index has where no channel carries them."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Request:
    """What is to be solved.

    Attributes:
        specs: Match specs that must hold.
        channels: Names of channels, the first one first.
        kept: Records of installed packages, which stay as they are where they can.
        constraints: Match specs for packages, where they are installed at all.
    """

    specs: tuple[str, ...]
    channels: tuple[str, ...]
    kept: tuple[Any, ...] = ()
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Solution:
    """The packages of an environment, and the specs that no channel carries and the package index has."""

    records: tuple[Any, ...]
    from_index: tuple[str, ...] = ()


def call(work: Coroutine[Any, Any, _T]) -> _T:
    """Run rattler's work; its failures become errors for a person."""
    from rattler import exceptions

    try:
        return asyncio.run(work)
    except exceptions.SolverError as error:
        text = str(error).removeprefix("Cannot solve the request because of:").strip()
        raise ToolError(
            "No set of packages fulfils what was asked.",
            why=text,
            fix="ask for less, or add a channel with -c; conda search NAME shows what the channels carry",
        ) from error
    except (exceptions.GatewayError, exceptions.FetchRepoDataError) as error:
        raise ToolError(
            "A channel cannot be read.",
            why=str(error),
            fix="check the network, or leave the channel out; conda config --show channels lists those in use",
        ) from error
    except (exceptions.InvalidMatchSpecError, exceptions.InvalidPackageNameError) as error:
        raise usage(
            "A package was not asked for as conda writes it.", why=str(error), fix="NAME, 'NAME>=1.2'"
        ) from error
    except (exceptions.InvalidChannelError, exceptions.InvalidUrlError) as error:
        raise usage("A channel is neither a name nor a URL.", why=str(error)) from error
    except (exceptions.InstallerError, exceptions.LinkError, exceptions.IoError, exceptions.TransactionError) as error:
        raise ToolError(
            "The packages cannot be installed.",
            why=str(error),
            fix="check the room in the home folder (df -h ~; cache-size) and the network, then try again",
        ) from error


def solve(request: Request, channels: Channels) -> Solution:
    """Return the packages that fulfil a request.

    Raises:
        ToolError: There are none, or a channel cannot be read.
    """
    if not request.specs:
        return Solution(())
    for spec in request.specs:
        if "://" in spec or spec.endswith((".conda", ".tar.bz2")):
            raise usage(f"{spec} is a file, and packages are taken from channels only.", fix="NAME, and -c CHANNEL")
    if not request.channels:
        raise usage("No channel is left to take packages from.", fix="name one with -c CHANNEL")
    return call(_solve(request, channels))


async def _solve(request: Request, channels: Channels) -> Solution:
    """Solve with rattler."""
    import rattler

    gateway = _gateway()
    named = [spec.partition("::")[0] for spec in request.specs if "::" in spec]
    sources = [rattler.Channel(channels.url(name)) for name in dict.fromkeys((*request.channels, *named))]
    specs = [spec for spec in request.specs if "::" in spec or name_of(spec) not in FROM_INDEX]
    optional = [spec for spec in request.specs if spec not in specs]
    carried = await _carried(gateway, sources, [name_of(spec) for spec in optional])
    specs += [spec for spec in optional if name_of(spec) in carried]
    disabled = channels.settings.channel_priority == "disabled"
    records = (
        await rattler.solve(
            sources=sources,
            specs=[rattler.MatchSpec(_with_url(spec, channels)) for spec in specs],
            gateway=gateway,
            locked_packages=request.kept,
            constraints=[rattler.MatchSpec(spec) for spec in request.constraints],
            virtual_packages=rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env()),
            channel_priority=rattler.ChannelPriority.Disabled if disabled else rattler.ChannelPriority.Strict,
        )
        if specs
        else []
    )
    return Solution(
        tuple(sorted(records, key=lambda record: record.name.normalized)),
        tuple(spec for spec in optional if name_of(spec) not in carried),
    )


async def _carried(gateway: Any, sources: Sequence[Any], names: Iterable[str]) -> set[str]:
    """Return which of the names some channel carries."""
    import rattler

    specs = [rattler.MatchSpec(name) for name in names]
    if not specs:
        return set()
    found = await gateway.query(sources, [rattler.Subdir.current(), "noarch"], specs, recursive=False)
    return {record.name.normalized for part in found for record in part}


def _with_url(spec: str, channels: Channels) -> str:
    """Return a spec whose channel, where it names one, is a URL."""
    name, separator, rest = spec.partition("::")
    return f"{channels.url(name)}::{rest}" if separator else spec


def _gateway() -> Any:
    """Return rattler's access to channels, with a cache of the user's own."""
    import rattler

    return rattler.Gateway(cache_dir=places.conda_cache() / "repodata", client=_client())


def _client() -> Any:
    """Return rattler's client: proxies and SSL_CERT_FILE count, and requests' variable where that is not set."""
    import rattler

    bundle = os.environ.get("REQUESTS_CA_BUNDLE", "")
    if bundle and not os.environ.get("SSL_CERT_FILE") and Path(bundle).is_file():
        os.environ["SSL_CERT_FILE"] = bundle
    return rattler.Client.default_client(max_retries=2)


def prefix_records(prefix: Path, channels: Channels) -> tuple[Any, ...]:
    """Return the packages that are installed in a prefix, as rattler's records.

    Locks name channels, and so do the records of the image's environments: rattler wants URLs.
    """
    from rattler import PrefixRecord

    found = []
    places.conda_cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=places.conda_cache()) as folder:  # /tmp may be read-only
        for record in installed.conda_records(prefix):
            url = str(record["url"])
            if "://" not in url:
                name = str(record["channel"])
                record["url"] = f"{channels.url(name)}{url.removeprefix(name)}"
                record["channel"] = channels.url(name)
            path = Path(folder, f"{record['name']}-{record['version']}-{record['build']}.json")
            path.write_text(json.dumps(record), encoding="utf-8")
            found.append(PrefixRecord.from_path(path))
    return tuple(found)


def install(prefix: Path, records: Sequence[Any], *, present: Sequence[Any]) -> None:
    """Link packages into a prefix and unlink those that are no longer wanted."""
    import rattler

    call(
        _awaited(
            rattler.install,
            list(records),
            target_prefix=prefix,
            cache_dir=places.conda_cache() / "pkgs",
            installed_packages=list(present),
            execute_link_scripts=True,
            show_progress=sys.stderr.isatty(),
            client=_client(),
        )
    )


async def _awaited(function: Any, *words: Any, **options: Any) -> Any:
    """Call rattler where a loop runs: it looks for one at once."""
    return await function(*words, **options)


def search(spec: str, names: Sequence[str], channels: Channels) -> list[Any]:
    """Return the packages of channels that match a spec, or whose name matches a pattern with ``*``; sorted."""
    return call(_search(spec, names, channels))


async def _search(spec: str, names: Sequence[str], channels: Channels) -> list[Any]:
    """Search with rattler."""
    from fnmatch import fnmatchcase

    import rattler

    gateway = _gateway()
    sources = [rattler.Channel(channels.url(name)) for name in names]
    subdirs = [rattler.Subdir.current(), "noarch"]
    wanted = [spec]
    if "*" in name_of_pattern(spec):
        every = await gateway.names(sources, subdirs)
        wanted = sorted({n.normalized for n in every if fnmatchcase(n.normalized, name_of_pattern(spec).lower())})
    if not wanted:
        return []
    matches = [rattler.MatchSpec(_with_url(each, channels)) for each in wanted]
    found = await gateway.query(sources, subdirs, matches, recursive=False)
    records = {record.url: record for part in found for record in part if any(m.matches(record) for m in matches)}
    return sorted(records.values(), key=lambda record: (record.name.normalized, record.version, record.build_number))


def name_of_pattern(spec: str) -> str:
    """Return what stands for the name in a spec or pattern."""
    import re

    return re.split(r"[\s=<>!~\[]", spec.partition("::")[2] or spec)[0]


def virtual_packages() -> list[tuple[str, str, str]]:
    """Return this machine's virtual packages: name, version, build."""
    import rattler

    found = [each.into_generic() for each in rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())]
    return [(each.name.normalized, str(each.version), str(each.build_string)) for each in found]
