"""Solving a patch of OS packages: apt in a container of the released image says what it would change there.

The image itself is asked, and not the locked root: everything that is in it is held, and what the archive no longer has
of it plays no part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from platform_images.engine.client import Finished, run_in
from platform_images.errors import PlatformError, UsageError
from platform_images.locks.values import DebPackage
from platform_images.model.platform import Platform
from platform_images.model.spelling import nearest
from platform_images.solve import aptscript
from platform_images.solve.deb import parse_uris
from platform_images.solve.solution import Say

_REQUEST = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.-]+)(?:=(?P<version>[A-Za-z0-9.+:~-]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class OsPatch:
    """What apt would change in an image.

    Attributes:
        packages: Those that would be installed, sorted; each is newer than the one in the image, or new to it.
        installed: Name to version of all that is in the image.
        apt: Version of apt.
    """

    packages: tuple[DebPackage, ...]
    installed: dict[str, str]
    apt: str


def request_name(request: str) -> str:
    """Return the package that a request is about.

    Raises:
        UsageError: It is not ``NAME`` or ``NAME=VERSION``.
    """
    found = _REQUEST.fullmatch(request)
    if found is None:
        raise UsageError(
            f"--os {request!r} is not the name of a Debian package.", fix="give NAME, or NAME=VERSION for one version"
        )
    return found["name"]


def solve_os_patch(platform: Platform, image: str, requests: Sequence[str], *, say: Say) -> OsPatch:
    """Return what upgrading some packages would change in an image, everything else held.

    Args:
        platform: The platform.
        image: The released image.
        requests: ``NAME`` for the newest version that the archive has, or ``NAME=VERSION``.
        say: Told what is under way.

    Raises:
        UsageError: The image has no such package, the archive has no such version, or it cannot be installed.
        PrerequisiteError: No engine answers.
        ToolError: A mirror did not answer.
    """
    names = [request_name(request) for request in requests]
    say(f"apt looks for {', '.join(requests)}")
    done = run_in(
        image,
        ["sh", aptscript.SCRIPT],
        role="os",
        files_in=aptscript.patch_files(requests, platform, image=image),
        files_out=(*aptscript.RESULTS, aptscript.INSTALLED),
        network=platform.settings.build.network.replace("default", "bridge"),
        env={**aptscript.environment(platform), "HOME": "/root", "PATH": aptscript.PATH},
        user="0:0",
    )
    installed = dict(line.split(" ", 1) for line in _text(done, aptscript.INSTALLED).splitlines())
    missing = [name for name in names if installed and name not in installed]
    if missing:
        raise UsageError(
            f"The image has no Debian package {missing[0]!r}{nearest(missing[0], sorted(installed))}.",
            fix="a new package is asked for in apt.txt; a patch only changes what is there",
        )
    if done.exit_code != 0:
        raise _explained(done, requests)
    return OsPatch(
        packages=parse_uris(_text(done, aptscript.URIS)),
        installed=installed,
        apt=_text(done, aptscript.VERSION).split()[1],
    )


def _text(done: Finished, path: str) -> str:
    """Return one of the files that the script has written."""
    return done.files.get(path, b"").decode("utf-8")


def _explained(done: Finished, requests: Sequence[str]) -> PlatformError:
    """Return the error for a patch that cannot be."""
    return aptscript.failure(done, of="the image") or UsageError(
        f"apt cannot change {', '.join(requests)} in this image.",
        why=aptscript.last_lines(done),
        fix="ask for another version, or for what it needs besides; a full build changes everything",
    )
