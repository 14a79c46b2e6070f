"""Files of environments to install, laid out for the things that this project is measured against."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from platform_images.bench.peers import Installed
from platform_images.compose.locked import local_channels, lock_files
from platform_images.files import write_text
from platform_images.locks.store import LockStore
from platform_images.locks.values import Lock, Unit
from platform_images.model import Environment, Platform
from platform_images.site import SiteSettings
from platform_images.solve.mirror import own_mirrors


def installed(platform: Platform, environment: Environment) -> Installed:
    """Return an environment as something to install from its lock."""
    return Installed(
        name=environment.name,
        prefix=str(environment.prefix),
        channels=local_channels(platform, lock_of(platform, environment)),
    )


def lock_of(platform: Platform, environment: Environment) -> Lock:
    """Return an environment's lock.

    Raises:
        LockError: It is missing or damaged.
    """
    return LockStore(platform.locks).require(Unit(scope=environment.scope, part=environment.name))


def lay_out(platform: Platform, environments: Sequence[Environment], folder: Path) -> None:
    """Write the files of each environment into a folder of its name: its lock, and what building from source needs."""
    for environment in environments:
        for file in lock_files(platform, lock_of(platform, environment)):
            write_text(folder / environment.name / PurePosixPath(file.path).name, file.text or "")
        write_text(folder / environment.name / "variables", _variables(environment))


def write_site(site: SiteSettings, platform: Platform, folder: Path) -> dict[str, Path]:
    """Write what steps are told of this machine's network where only this user can read it; return the secrets."""
    root = platform.settings.root
    edits = own_mirrors(root.suite).sed_script() if root.provider == "debootstrap" else ""
    path = folder / "site"
    path.touch(mode=0o600)
    path.write_text(f"{site.secret_text()}export BENCH_APT_EDITS={shlex.quote(edits)}\n", encoding="utf-8")
    return {"site": path, **({"ca": site.ca_bundle} if site.ca_bundle is not None else {})}


def _variables(environment: Environment) -> str:
    """Return sh lines with the variables that building from source needs."""
    sdists = environment.settings.sdist
    values = {name: value for key in sorted(sdists) for name, value in sdists[key].environment.items()}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
