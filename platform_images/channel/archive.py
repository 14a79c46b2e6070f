"""Debian's archive, as this machine's own apt configuration names it: single files, and the index of a release."""

from __future__ import annotations

import http.client
import lzma
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from platform_images import aptsources
from platform_images.channel.recipe import Deb
from platform_images.errors import MismatchError, PrerequisiteError, ToolError
from platform_images.files import sha256_bytes
from platform_images.machine import read_os_release
from platform_images.process import redacted, run

APT = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SECONDS = 60
_SCHEMES = ("http://", "https://", "file:")
_GONE = frozenset({404, 410})


class GoneError(ToolError):
    """An archive answered, and no longer has a .deb file: a later version has taken its place."""


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
    kept = cache / deb.sha256
    if kept.is_file():
        data = kept.read_bytes()
        if sha256_bytes(data) == deb.sha256:
            return data
    data = _download(deb, bases=bases, cache=cache)
    _check(data, deb)
    _keep(data, kept)
    return data


def _download(deb: Deb, *, bases: tuple[str, ...], cache: Path) -> bytes:
    """Return a .deb file from the first archive that has it."""
    if not bases:
        raise _no_archive()
    reasons: list[str] = []
    gone = True
    for base in bases:
        url = f"{base}/{deb.path}"
        try:
            return _get(url)
        except OSError as error:
            gone = gone and isinstance(error, urllib.error.HTTPError) and error.code in _GONE
            reasons.append(f"{redacted(url)}: {error}")
    why = "\n".join(reasons)
    if not gone:
        raise ToolError(f"{deb.filename} cannot be fetched.", why=why, fix="check the network, /etc/apt and the proxy")
    raise GoneError(
        f"{deb.filename} has been superseded: no archive has it any more.",
        why=why,
        fix="nothing needs it while the committed packages stand. invoke channel --update moves on to the present "
        f".deb files; to rebuild the old package, put the file from a snapshot archive at {cache / deb.sha256}",
    )


def _keep(data: bytes, place: Path) -> None:
    """Write a file of the cache in one step; another process may be doing the same."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".part-", delete=False) as stream:
        partial = Path(stream.name)
        try:
            stream.write(data)
            stream.flush()
            partial.replace(place)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


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
        signed = _reached(f"{base}/dists/{pocket}/InRelease")
    except urllib.error.HTTPError:
        return ()
    release = _verified(signed, shown=pocket)
    name = f"main/binary-{architecture}/Packages.xz"
    listed = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(name)}$", release, re.MULTILINE)
    if listed is None:
        return ()
    data = _reached(f"{base}/dists/{pocket}/{name}")
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
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "InRelease", Path(folder) / "Release"
        source.write_bytes(signed)
        run(["gpgv", "--quiet", "--keyring", str(KEYRING), "--output", str(out), str(source)])
        if not out.is_file():
            raise ToolError(f"The release file of {shown} has no signature that Debian's keys know.")
        return out.read_text(encoding="utf-8")


def _newer(one: str, other: str) -> bool:
    """Whether a Debian version is later than another (dpkg's own comparison)."""
    return run(["dpkg", "--compare-versions", one, "gt", other], ok=(0, 1)).returncode == 0


def _check(data: bytes, deb: Deb) -> None:
    """Refuse bytes that are not the recorded ones."""
    found = sha256_bytes(data)
    if found != deb.sha256:
        raise MismatchError(
            f"{deb.filename} is not the file that the recipe names.",
            why=f"expected sha256 {deb.sha256}\nfound    {found}",
        )


def _reached(url: str) -> bytes:
    """Return what an address gives; an answer that it has nothing is the caller's to judge."""
    try:
        return _get(url)
    except urllib.error.HTTPError:
        raise
    except OSError as error:
        raise ToolError(
            f"{redacted(url)} cannot be reached.", why=str(error), fix="check the network, /etc/apt and the proxy"
        ) from error


def _get(url: str) -> bytes:
    """Return what an address gives; every failure is an ``OSError``."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - apt's own addresses
            data: bytes = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"the answer broke off: {error!r}") from error
    return data
