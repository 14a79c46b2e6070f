"""Solving the root: which operating system lies below everything, to the last byte."""

from __future__ import annotations

import re
from datetime import datetime

from platform_images.errors import LockError, ToolError, UsageError
from platform_images.files import json_text
from platform_images.locks.store import root as locked_root
from platform_images.locks.values import PACKAGES, Lock, RootSystem
from platform_images.model.platform import Platform
from platform_images.solve.deb import upstream_version, versions
from platform_images.solve.solution import Say, Solution

_GLIBC = re.compile(r"\bglibc (?P<version>\d+\.\d+)")
_FRACTION = re.compile(r"\.\d+")


def solve_root(platform: Platform, *, old: Lock | None, say: Say) -> Solution:
    """Return the root that ``platform.toml`` asks for, as it is to be had now.

    Args:
        platform: The platform.
        old: The present lock; the same packages give the same bytes again.
        say: Told what is under way.

    Raises:
        UsageError: There is no such image or suite.
        PrerequisiteError: mmdebstrap is missing, or no engine answers where one is needed.
        ToolError: mmdebstrap failed.
    """
    if platform.settings.root.provider == "image":
        return _solve_image(platform, say=say)
    return _solve_debootstrap(platform, _old_system(platform, old), say=say)


def _solve_debootstrap(platform: Platform, old: RootSystem | None, *, say: Say) -> Solution:
    """Make the root, and make it once more where its packages turn out to have another date."""
    from platform_images import process
    from platform_images.engine.debootstrap import make_root

    suite = platform.settings.root.suite
    epoch = old.epoch if old else 0
    made = make_root(suite, architecture=platform.architecture, epoch=epoch, say=say)
    if made.newest != epoch:
        say("again, with the date of its newest package on what was made here")
        epoch = made.newest
        made = make_root(suite, architecture=platform.architecture, epoch=epoch, say=say)
    system = RootSystem(
        provider="debootstrap",
        source=suite,
        digest=made.digest,
        epoch=epoch,
        glibc=upstream_version(versions(made.packages)["libc6"]),
        packages=made.packages,
    )
    said = process.run(["mmdebstrap", "--version"]).stdout
    return _solution(system, {"mmdebstrap": said.split()[-1]})


def _solve_image(platform: Platform, *, say: Say) -> Solution:
    """Look into the image that the registry has now, or this machine where it is not to be pulled."""
    from platform_images.engine.client import engine, image_attributes, pull, run_in
    from platform_images.engine.registryimage import image_digest
    from platform_images.engine.savedimage import config_digest

    reference = str(platform.settings.root.image)
    engine()
    say(f"pulling {reference}")
    try:
        pull(reference)
    except UsageError:
        if image_attributes(reference) is None:
            raise
        say("it cannot be pulled, so the one on this machine is taken")
    attributes = image_attributes(reference) or {}
    done = run_in(reference, ["ldd", "--version"], role="root")
    found = _GLIBC.search(done.output.replace("GLIBC", "glibc").replace("(GNU libc)", "glibc").replace(")", ""))
    if found is None:
        raise ToolError(
            f"The image {reference!r} does not say which GNU C library it has.",
            why=done.output.strip() or None,
            fix="choose a Debian or Ubuntu image: platform.toml, [root] image",
        )
    system = RootSystem(
        provider="image",
        source=reference,
        digest=image_digest(attributes),
        epoch=_seconds(str(attributes["Created"])),
        glibc=found["version"],
        packages=(),
        image_id=config_digest(reference),
    )
    return _solution(system, {})


def _seconds(created: str) -> int:
    """Return an image's date in seconds since 1970."""
    moment = datetime.fromisoformat(_FRACTION.sub("", created).replace("Z", "+00:00"))
    return max(0, int(moment.timestamp()))


def _old_system(platform: Platform, old: Lock | None) -> RootSystem | None:
    """Return what the present lock holds, where that is the same kind of root."""
    if old is None:
        return None
    try:
        system = locked_root(old)
    except LockError:
        return None
    settings = platform.settings.root
    return system if (system.provider, system.source) == (settings.provider, settings.suite) else None


def _solution(system: RootSystem, solvers: dict[str, str]) -> Solution:
    return Solution(files={PACKAGES: json_text(system.model_dump(mode="json"))}, solvers=solvers)
