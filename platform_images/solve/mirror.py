"""Debian mirrors: apt's source list as it comes, with this machine's own mirrors in place of the public ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from platform_images.aptsources import Source, read_sources
from platform_images.machine import read_os_release

_SCHEMES = ("http://", "https://")
_POCKETS = ("", "-updates", "-backports")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrors:
    """Where this machine gets a Debian release from.

    Attributes:
        suite: The release.
        archive: Its archive and updates; None for the one that apt's list names already.
        security: Its security part; None likewise.
        snapshots: Where packages are that those have no more.
    """

    suite: str
    archive: str | None = None
    security: str | None = None
    snapshots: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """Where a package is looked for by its path, in this order."""
        return tuple(place for place in (self.archive, self.security, *self.snapshots) if place is not None)

    def edits(self) -> tuple[tuple[str, str], ...]:
        """Return (pattern, replacement) for lines of a source list, both for ``re.sub`` and for ``sed -E``."""
        suites = "|".join(f"{self.suite}{pocket}" for pocket in _POCKETS)
        parts = ((suites, self.archive), (f"{self.suite}-security", self.security))
        return tuple(
            (rf"^deb (\[[^]]*\] )?[^ ]+ ({names}) ", rf"deb \1{uri} \2 ") for names, uri in parts if uri is not None
        )

    def sed_script(self) -> str:
        """Return the edits for ``sed -E``; empty where there are none."""
        return ";".join(f"s,{pattern},{new}," for pattern, new in self.edits())

    def rewritten(self, text: str) -> str:
        """Return a list of one-line sources with these mirrors."""
        lines = text.splitlines()
        for pattern, replacement in self.edits():
            lines = [re.sub(pattern, replacement, line) for line in lines]
        return "".join(f"{line}\n" for line in lines)


def own_mirrors(suite: str) -> Mirrors:
    """Return the mirrors that this machine's apt is set to."""
    from pathlib import Path

    os = read_os_release()
    return mirrors(read_sources(Path("/etc/apt")), suite=suite, codename=os.codename if os.debian else None)


def mirrors(sources: Sequence[Source], *, suite: str, codename: str | None) -> Mirrors:
    """Return where a release comes from.

    Args:
        sources: What the machine's apt is set to.
        suite: The wanted release.
        codename: The machine's own Debian release, whose mirrors have the wanted one too; None on another system.
    """
    releases = [suite, codename] if codename else [suite]
    return Mirrors(
        suite=suite,
        archive=_first(sources, releases),
        security=_first(sources, [f"{release}-security" for release in releases]),
    )


def _first(sources: Sequence[Source], suites: Sequence[str]) -> str | None:
    """Return the first mirror of the first of these suites that a container can reach too."""
    for suite in suites:
        for source in sources:
            if "deb" in source.types and suite in source.suites and "main" in source.components:
                for uri in source.uris:
                    if uri.startswith(_SCHEMES) and "|" not in uri and "&" not in uri:
                        return uri.rstrip("/")
    return None
