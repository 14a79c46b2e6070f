"""The environment of solvers that run on this machine: its own, and the site's indexes, proxies and certificates."""

from __future__ import annotations

import os
from pathlib import Path

from platform_images.home import user_path
from platform_images.model.platform import Platform
from platform_images.site import site_settings


def ca_bundle(platform: Platform) -> Path | None:
    """Return the certificate file that ``platform.toml`` names; nothing where it leaves that to the machine.

    Raises:
        UsageError: It begins in the home of a user that the machine does not know.
    """
    named = platform.settings.tls.ca_bundle
    return platform.folder / user_path(named, named="platform.toml, [tls] ca_bundle") if named else None


def host_environment(platform: Platform) -> dict[str, str]:
    """Return all variables for a solver on this machine.

    Raises:
        UsageError: A certificate file that somebody has named does not exist.
    """
    return {**os.environ, **site_settings(ca_bundle=ca_bundle(platform)).host_env()}
