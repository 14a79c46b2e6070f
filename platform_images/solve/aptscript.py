"""What runs in the container that solves OS packages: a shell script and the files that it reads and writes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from platform_images.engine.client import Finished, container, fetched
from platform_images.errors import ToolError
from platform_images.model.platform import Platform
from platform_images.process import LAST_LINES, redacted
from platform_images.site import CA_IN_BUILD, SiteSettings, site_settings
from platform_images.solve.hostenv import ca_bundle
from platform_images.solve.mirror import own_mirrors

_PLACE = "/tmp/platform-images"  # noqa: S108 - a folder of the container's own
SCRIPT = f"{_PLACE}/solve"
URIS, NAMES, VERSION = f"{_PLACE}/out/uris", f"{_PLACE}/out/names", f"{_PLACE}/out/version"
INSTALLED = f"{_PLACE}/out/installed"
RESULTS = (URIS, NAMES, VERSION)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NO_MIRROR, NO_SOLUTION = 71, 72
_PREFERENCES = "/etc/apt/preferences.d/platform-images"
_SETTINGS = "/etc/apt/apt.conf.d/99platform-images"
_SOURCES = "/etc/apt/sources.list"


def last_lines(done: Finished) -> str:
    """Return the end of what apt has said, without passwords."""
    return "\n".join(redacted(done.output).strip().splitlines()[-LAST_LINES:])


def failure(done: Finished, *, of: str) -> ToolError | None:
    """Return the error where apt has not come to an answer; nothing where the answer is that there is no solution.

    Args:
        done: The container's end.
        of: What its image is, such as ``the root``.
    """
    if done.exit_code == NO_SOLUTION:
        return None
    if done.exit_code == NO_MIRROR:
        return ToolError(
            "apt could not read its package lists.",
            why=last_lines(done),
            fix="see whether this machine reaches its Debian mirror and whether a proxy is set: invoke doctor",
            returncode=done.exit_code,
        )
    return ToolError(f"apt failed in a container of {of}.", why=last_lines(done), returncode=done.exit_code)


def environment(platform: Platform) -> dict[str, str]:
    """Return the container's variables: this site's proxies."""
    return {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **dict(_site(platform).proxies)}


def files(
    requests: Sequence[str], below: Sequence[str], preferred: Mapping[str, str], platform: Platform, *, image: str
) -> dict[str, bytes]:
    """Return what goes into the container: the script, apt's preferences, certificates, and this machine's mirrors.

    Args:
        requests: What is asked for.
        below: Names of what is installed already beyond the root.
        preferred: Name to the version to take where the archive still has it.
        platform: The platform.
        image: The image, whose own source list is the one that mirrors are put into.
    """
    preferences = {_PREFERENCES: preferences_text(preferred).encode()}
    return _files(script_text((*requests, *below)), platform, image=image) | preferences


def patch_files(requests: Sequence[str], platform: Platform, *, image: str) -> dict[str, bytes]:
    """Return what goes into the container of an image that is to be patched.

    Args:
        requests: What is to be changed.
        platform: The platform.
        image: The image.
    """
    return _files(patch_text(requests), platform, image=image)


def _files(script: str, platform: Platform, *, image: str) -> dict[str, bytes]:
    """Return the script, certificates, and this machine's mirrors."""
    result = {SCRIPT: script.encode()}
    bundle = _site(platform).ca_bundle
    if bundle is not None:
        result[CA_IN_BUILD] = bundle.read_bytes()
        result[_SETTINGS] = f'Acquire::https::CAInfo "{CA_IN_BUILD}";\n'.encode()
    sources = source_list(platform, image=image)
    if sources is not None:
        result[_SOURCES] = sources.encode()
    return result


def source_list(platform: Platform, *, image: str) -> str | None:
    """Return an image's ``/etc/apt/sources.list`` with this machine's own mirrors; None where nothing differs."""
    if platform.settings.root.provider != "debootstrap":
        return None
    with container(image, ["true"], role="os") as made:
        present = fetched(made, _SOURCES)
    text = (present or b"").decode("utf-8")
    rewritten = own_mirrors(platform.settings.root.suite).rewritten(text)
    return rewritten if rewritten != text else None


def script_text(packages: Sequence[str]) -> str:
    """Return the script: what apt would download for these packages."""
    names = " ".join(shlex.quote(package) for package in packages)
    return f"""\
set -u
mkdir -p {_PLACE}/out
apt-get --version | head -n 1 > {VERSION}
apt-get update --error-on=any --quiet=2 || exit {NO_MIRROR}
apt-get install --print-uris --option Acquire::ForceHash=SHA256 --yes --quiet=2 --no-install-recommends \\
  {names} > {URIS} && exit 0
apt-cache pkgnames > {NAMES}
exit {NO_SOLUTION}
"""


def patch_text(requests: Sequence[str]) -> str:
    """Return the script: what apt would download to change these packages, nothing removed for it, all else held."""
    names = " ".join(shlex.quote(request) for request in requests)
    return f"""\
set -u
mkdir -p {_PLACE}/out
apt-get --version | head -n 1 > {VERSION}
dpkg-query -W -f='${{db:Status-Abbrev}} ${{Package}} ${{Version}}\\n' | sed -n 's/^ii *//p' > {INSTALLED}
apt-get update --error-on=any --quiet=2 || exit {NO_MIRROR}
apt-get install --print-uris --option Acquire::ForceHash=SHA256 --yes --quiet=2 --no-install-recommends \\
  --only-upgrade --no-remove {names} > {URIS} && exit 0
exit {NO_SOLUTION}
"""


def preferences_text(preferred: Mapping[str, str]) -> str:
    """Return apt preferences that take these versions where the archive has them, and the usual ones elsewhere."""
    return "\n".join(
        f"Package: {name}\nPin: version {version}\nPin-Priority: 1001\n" for name, version in sorted(preferred.items())
    )


def _site(platform: Platform) -> SiteSettings:
    """Return this machine's settings."""
    return site_settings(ca_bundle=ca_bundle(platform))
