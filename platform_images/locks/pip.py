"""Reading ``requirements.txt``: the pip part of an environment, in pip's own format with hashes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLOCK = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)[^\n]*(?:\n[ \t]+[^\n]*)*",
    re.MULTILINE,
)
_ONLY_BINARY = "--only-binary :all:"
NO_BINARY = "--no-binary "
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One package of a lock.

    Attributes:
        name: As it is written there.
        version: Its one version.
        hashes: SHA-256 of each file that the release may be installed from.
        text: Its lines, hashes and comments included.
    """

    name: str
    version: str
    hashes: frozenset[str]
    text: str


def pins(text: str) -> tuple[Pin, ...]:
    """Return the packages of a lock in pip's format, in their order."""
    return tuple(
        Pin(name=each["name"], version=each["version"], hashes=frozenset(_HASH.findall(each[0])), text=each[0])
        for each in _BLOCK.finditer(text)
    )


def built_from_source(text: str) -> frozenset[str]:
    """Return the normalised names of the packages that a lock has built from source."""
    from packaging.utils import canonicalize_name

    lines = [line for line in text.splitlines() if line.startswith(NO_BINARY)]
    return frozenset(canonicalize_name(line.removeprefix(NO_BINARY).strip()) for line in lines)


def in_pip_s_order(text: str) -> str:
    """Return a lock in which the rule for all packages stands before those for one: pip takes the last word for it.

    ``--only-binary :all:`` after ``--no-binary NAME`` makes pip forget the latter; uv minds no order.
    """
    lines = text.splitlines(keepends=True)
    options = [line for line in lines if line.startswith("--")]
    if not options:
        return text
    first = lines.index(options[0])
    ordered = sorted(options, key=lambda line: line.strip() != _ONLY_BINARY)
    return "".join([*lines[:first], *ordered, *(line for line in lines[first:] if not line.startswith("--"))])
