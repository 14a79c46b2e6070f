"""Debian's archive, as this machine's own apt configuration names it: single files, and the index of a release."""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from platform_images import aptsources, temporary
from platform_images.channel.recipe import Deb
from platform_images.errors import MismatchError, PrerequisiteError, ToolError
from platform_images.fetch import GoneError, Item, addresses, downloader, is_there
from platform_images.files import sha256_bytes
from platform_images.machine import read_os_release
from platform_images.process import run
from platform_images.site import site_settings

APT = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SCHEMES = ("http://", "https://", "file:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One package of a release's index."""

    name: str
    version: str
    path: str
    sha256: str


def mirrors(suites: Iterable[str], *, apt: Path = APT) -> tuple[str, ...]:
    """Return the base addresses of the Debian archives that apt is configured with, without a final slash.

    Only archives of the given releases or of this machine's own: other vendors' are not asked for Debian's files.

    Args:
        suites: Releases that are wanted.
        apt: The folder of apt's configuration.
    """
    system = read_os_release()
    releases = {*suites, *([system.codename] if system.debian else [])}
    found = [
        uri.rstrip("/")
        for source in aptsources.read_sources(apt)
        if "main" in source.components and "deb" in source.types and _of_release(source, releases)
        for uri in source.uris
        if uri.startswith(_SCHEMES)
    ]
    return tuple(dict.fromkeys(found))


def _of_release(source: aptsources.Source, releases: Iterable[str]) -> bool:
    """Whether a source is the archive, updates or security part of one of the releases."""
    return any(
        suite == release or suite.startswith((f"{release}-", f"{release}/"))
        for suite in source.suites
        for release in releases
    )


def _no_archive() -> PrerequisiteError:
    return PrerequisiteError(
        "No Debian archive is configured on this machine.",
        why=f"{APT} names none",
        fix="run this on a Debian machine; the committed packages of the channel work everywhere",
    )


def fetch_deb(deb: Deb, *, cache: Path, bases: tuple[str, ...]) -> bytes:
    """Return a .deb file by its hash: from the cache, else from the first archive that still has it.

    Raises:
        GoneError: Every archive answers that it has it no more.
        MismatchError: An archive gives other bytes under this name.
        PrerequisiteError: It is not in the cache, and no archive is configured.
        ToolError: An archive that might have it cannot be reached.
    """
    item = Item(path=deb.sha256, sha256=deb.sha256, addresses=addresses(bases, deb.path))
    if not is_there(item, cache):
        if not bases:
            raise _no_archive()
        _download(deb, item, cache=cache)
    return (cache / item.path).read_bytes()


def _download(deb: Deb, item: Item, *, cache: Path) -> None:
    """Put a .deb file into the cache, from the first archive that has it."""
    try:
        with downloader(site_settings()) as downloads:
            downloads.file(item, cache, name=deb.filename)
    except GoneError as error:
        raise GoneError(
            f"{deb.filename} has been superseded: no archive has it any more.",
            why=error.why,
            fix="nothing needs it while the committed packages stand. invoke channel --update moves on to the present "
            f".deb files; to rebuild the old package, put the file from a snapshot archive at {cache / item.path}",
        ) from error


def release_index(suite: str, architecture: str, *, bases: tuple[str, ...]) -> dict[str, Entry]:
    """Return the newest version of each package of a release and its security part, by name.

    Raises:
        PrerequisiteError: No archive is configured.
        ToolError: No archive has the release, one cannot be reached, or its signature is not Debian's.
    """
    if not bases:
        raise _no_archive()
    found: dict[str, Entry] = {}
    for pocket in (suite, f"{suite}-updates", f"{suite}-security"):
        for base in bases:
            for entry in _pocket(base, pocket, architecture):
                if entry.name not in found or _newer(entry.version, found[entry.name].version):
                    found[entry.name] = entry
    if not found:
        raise ToolError(f"No archive of this machine has the release {suite!r}.", fix="check /etc/apt and the network")
    return found


def _pocket(base: str, pocket: str, architecture: str) -> tuple[Entry, ...]:
    """Return the packages of one archive's pocket; none where the archive does not have it."""
    try:
        signed = _read(f"{base}/dists/{pocket}/InRelease")
    except GoneError:
        return ()
    release = _verified(signed, shown=pocket)
    name = f"main/binary-{architecture}/Packages.xz"
    listed = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(name)}$", release, re.MULTILINE)
    if listed is None:
        return ()
    data = _read(f"{base}/dists/{pocket}/{name}")
    if sha256_bytes(data) != listed[1]:
        raise MismatchError(f"The index of {pocket} is not the one that its release file names.")
    return tuple(_entries(lzma.decompress(data).decode("utf-8")))


def _entries(text: str) -> list[Entry]:
    """Return the packages of an index."""
    found = []
    for paragraph in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if "Filename" in fields:
            found.append(
                Entry(
                    name=fields["Package"],
                    version=fields["Version"],
                    path=fields["Filename"],
                    sha256=fields["SHA256"],
                )
            )
    return found


def _verified(signed: bytes, *, shown: str) -> str:
    """Return the text of a signed release file, once Debian's keys agree."""
    with temporary.folder(temporary.Role.CHANNEL) as folder:
        source, out = folder / "InRelease", folder / "Release"
        source.write_bytes(signed)
        run(["gpgv", "--quiet", "--keyring", str(KEYRING), "--output", str(out), str(source)])
        if not out.is_file():
            raise ToolError(f"The release file of {shown} has no signature that Debian's keys know.")
        return out.read_text(encoding="utf-8")


def _newer(one: str, other: str) -> bool:
    """Whether a Debian version is later than another (dpkg's own comparison)."""
    return run(["dpkg", "--compare-versions", one, "gt", other], ok=(0, 1)).returncode == 0


def _read(address: str) -> bytes:
    """Return what an address gives.

    Raises:
        GoneError: It has nothing.
        ToolError: It cannot be reached.
    """
    with downloader(site_settings()) as downloads:
        return downloads.read(address)
