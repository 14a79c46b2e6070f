"""The physical limit: the same locks installed in a container, two environments at a time, and no layer is made."""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from platform_images.bench.contexts import installed, lay_out
from platform_images.bench.copying import PREFIX
from platform_images.bench.inside import limit
from platform_images.bench.inside.limit import commands
from platform_images.bench.peers import ROLE
from platform_images.compose.sources import PROGRAMS
from platform_images.compose.values import channel_context
from platform_images.engine.client import container, refusal
from platform_images.engine.tools import tools_context
from platform_images.errors import ToolError
from platform_images.model import Environment, Platform
from platform_images.site import CA_IN_BUILD, SiteSettings, site_settings
from platform_images.solve.hostenv import ca_bundle
from platform_images.solve.solution import Say

VOLUME = f"{PREFIX}-cache"
_FOLDER, _CACHE, _TARGET = "/bench", "/cache", "/limit"
_CA = f"{_FOLDER}/ca"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What it took.

    Attributes:
        seconds: From the first command to the end of the last.
        sizes: Bytes of each environment's files.
    """

    seconds: float
    sizes: Mapping[str, int]


def install_all(platform: Platform, environments: Sequence[Environment], image: str, *, say: Say) -> Limit:
    """Install environments in a container of an image that has the OS packages, and remove it.

    Raises:
        ToolError: Something could not be installed; carries the last lines.
        PrerequisiteError: No engine answers.
    """
    from docker.errors import APIError

    site = site_settings(ca_bundle=ca_bundle(platform))
    values = {name: value.replace(CA_IN_BUILD, _CA) for name, value in site.build_env().items()}
    values |= {"LC_ALL": "C.UTF-8", "HOME": "/root", "UV_PYTHON_DOWNLOADS": "never"}
    network = {"default": "bridge", "host": "host"}.get(platform.settings.build.network, "bridge")
    names = [each.name for each in environments]
    argv = [f"{_FOLDER}/tools/bin/python3", "-B", "-s", f"{_FOLDER}/limit.py", _FOLDER, _CACHE, _TARGET, *names]
    options = {"volumes": {VOLUME: {"bind": _CACHE, "mode": "rw"}}, "healthcheck": {"test": ["NONE"]}}
    with (
        tempfile.TemporaryFile() as packed,
        container(image, argv, role=ROLE, network=network, env=values, user="0:0", **options) as made,
    ):
        _pack(platform, environments, site, packed, say=say)
        try:
            made.put_archive("/", packed)
            os.sync()  # as before every other run that is measured
            made.start()
            code = int(made.wait()["StatusCode"])
            output = made.logs().decode("utf-8", errors="replace")
        except APIError as error:
            raise refusal("install the environments", error) from error
    lines = output.strip().splitlines()
    if code:
        raise ToolError("The environments could not be installed in a container.", why="\n".join(lines[-20:]))
    found = json.loads(next(line for line in reversed(lines) if line.startswith("{")))
    return Limit(seconds=float(found["seconds"]), sizes=found["bytes"])


def shown_commands(environments: Sequence[Environment]) -> tuple[str, ...]:
    """Return what is run for each environment, as a person would type it."""
    folder, cache, target = Path(_FOLDER), Path(_CACHE), Path(_TARGET)
    return tuple(line for each in environments for line in commands(each.name, folder, cache, target))


def _pack(
    platform: Platform, environments: Sequence[Environment], site: SiteSettings, packed: IO[bytes], *, say: Say
) -> None:
    """Write a tar of all that the container is given, and go back to its beginning."""
    channels = sorted({name for each in environments for name in installed(platform, each).channels})
    with tempfile.TemporaryDirectory(prefix="platform-images-bench-") as name:
        lay_out(platform, environments, Path(name))
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(name, arcname=_FOLDER)
            tar.add(tools_context(platform, say=say), arcname=f"{_FOLDER}/tools")
            for script in (Path(limit.__file__), PROGRAMS / "install_conda.py"):
                tar.add(script, arcname=f"{_FOLDER}/{script.name}")
            for channel in channels:
                place = platform.folder / str(platform.channel(channel).path)
                tar.add(place, arcname=f"/mnt/{channel_context(channel)}")
            if site.ca_bundle is not None:
                tar.add(site.ca_bundle.resolve(), arcname=_CA)
    packed.seek(0)
