"""Names: the repository that `--registry` means, and the tag that an image's labels say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from platform_images.compose.labels import version_tag
from platform_images.errors import UsageError
from platform_images.locks.patches import LABEL, Patch, parse_label
from platform_images.process import redacted
from platform_images.publish.values import HUB, Repository

LATEST = "latest"
MISSION_LABEL = "platform-images.mission"
LOCK_LABEL = "platform-images.lock-digest"
VERSION_LABEL = "org.opencontainers.image.version"
_EXAMPLE = "give --registry HOST[:PORT][/PATH], such as registry.example.org/platform or localhost:5000"
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(?P<port>[0-9]{1,5}))?")
_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_LOCK = re.compile(r"(?:sha256:)?(?P<digits>[0-9a-f]{64})")
_LAST_PORT = 65535
_LONGEST = 255


def parse_repository(registry: str, mission: str) -> Repository:
    """Return a mission's repository in a registry.

    Args:
        registry: ``HOST[:PORT][/PATH...]``.
        mission: The mission's name.

    Raises:
        UsageError: It is something else; says what.
    """
    if not registry:
        raise UsageError("--registry is missing.", fix=_EXAMPLE)
    shown = redacted(registry)
    if "@" in registry:
        raise _refused(shown, "an @ does not belong there: a password goes to docker login HOST, a digest nowhere")
    scheme, found, rest = registry.partition("://")
    if found:
        raise _refused(shown, f"{scheme}:// does not belong there", fix=f"give --registry {rest.rstrip('/')}")
    if registry.endswith("/"):
        raise _refused(shown, "it ends with a slash", fix=f"give --registry {registry.rstrip('/')}")
    host, *parts = registry.split("/")
    _check_host(host, shown)
    for part in parts:
        _check_part(part, shown)
    if host == HUB and not parts:
        raise _refused(shown, "Docker Hub keeps images in accounts", fix=f"give --registry {HUB}/ACCOUNT")
    repository = Repository(host=host, path="/".join((*parts, mission)))
    if len(repository.name) > _LONGEST:
        raise _refused(shown, f"{repository.name} is longer than the {_LONGEST} characters that a name may have")
    return repository


def exact_tag(mission: str, image: str, labels: Mapping[str, str]) -> tuple[str, str]:
    """Return an image's exact tag, as `invoke build` or `invoke patch` gives it, and its lock digest.

    Args:
        mission: Whose image it should be.
        image: What it is called in messages.
        labels: Its labels.

    Raises:
        UsageError: It is no image of this mission that one of the two has made.
    """
    build = f"invoke build --mission {mission}"
    found = labels.get(MISSION_LABEL)
    lock = _LOCK.fullmatch(labels.get(LOCK_LABEL, ""))
    if found is None or lock is None:
        raise UsageError(
            f"The image {image!r} does not say which locks it was built from.",
            why=f"the labels {MISSION_LABEL} and {LOCK_LABEL}, which invoke build sets, are not both there",
            fix=f"{build}, then push that image",
        )
    if found != mission:
        raise UsageError(
            f"The image {image!r} is one of the mission {found!r}.",
            why=f"its label {MISSION_LABEL}; asked for was {mission!r}",
            fix=f"give --mission {found}, or another --image",
        )
    patches = image_patches(mission, image, labels)
    tag = version_tag(labels.get(VERSION_LABEL, ""), lock["digits"], patches=len(patches))
    if not _TAG.fullmatch(tag):
        raise UsageError(
            f"The image {image!r} has no version that a tag can hold.",
            why=f"{VERSION_LABEL} is {labels.get(VERSION_LABEL, '')!r}; letters, digits and . - _ are allowed",
            fix=f"correct version in mission.toml, then {build}",
        )
    return tag, lock["digits"]


def image_patches(mission: str, image: str, labels: Mapping[str, str]) -> tuple[Patch, ...]:
    """Return the patches that led to an image, the oldest first; none for a full build.

    Raises:
        UsageError: Its label cannot be read.
    """
    try:
        return parse_label(labels.get(LABEL, ""))
    except ValueError as error:
        raise UsageError(
            f"The image {image!r} does not say how it was patched.",
            why=f"its label {LABEL} is not in the format of this version",
            fix=f"invoke build --mission {mission}, then push that image",
        ) from error


def _check_host(host: str, shown: str) -> None:
    """Refuse what is no host, and what engines do not take for one."""
    found = _HOST.fullmatch(host)
    if found is None:
        raise _refused(shown, f"{host!r} is not HOST or HOST:PORT")
    if found["port"] is not None and not 0 < int(found["port"]) <= _LAST_PORT:
        raise _refused(shown, f"there is no port {found['port']}")
    if host != "localhost" and not any(sign in host for sign in ".:"):
        raise _refused(
            shown,
            f"{host!r} has neither a dot nor a port, so engines take it for an account of Docker Hub",
            fix=f"give --registry {HUB}/{shown} if that is meant; else the registry's host with its domain or port",
        )


def _check_part(part: str, shown: str) -> None:
    """Refuse what a part of a repository's name cannot be."""
    if _PART.fullmatch(part):
        return
    if ":" in part:
        raise _refused(shown, f"{part!r} has a tag; tags come from the image")
    raise _refused(shown, f"{part!r} in its path is not lower-case letters and digits with single . _ - between them")


def _refused(shown: str, why: str, *, fix: str = _EXAMPLE) -> UsageError:
    """Return the error for a value that is no registry."""
    return UsageError(f"--registry {shown!r} is not the place of a registry.", why=why, fix=fix)
