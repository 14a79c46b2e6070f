"""What ``docker buildx du --verbose`` prints, and which of it is this program's. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from platform_images.clean.amounts import parsed_size
from platform_images.clean.values import Entry, Kind, State

CACHE_MOUNT = "exec.cachemount"
_LINE = re.compile(r"(?P<key>[A-Z][a-z]*(?: [a-z]+)?|ID):\s*(?P<value>.*)")
_KEYS = frozenset(
    ("ID", "Created at", "Mutable", "Reclaimable", "Shared", "Size", "Description", "Usage count", "Last used", "Type")
)
_OURS = re.compile(
    r"""cached\ mount\ /var/cache/platform-images-(?P<name>[a-z]+)\ from\ exec\ .*?
        (?:\ with\ id\ "[^"]*?(?P<id>[^"/]*)")?""",
    re.VERBOSE | re.DOTALL,
)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)? ?(Z|[+-]\d\d:?\d\d)")
_AGO = re.compile(
    r"(?P<number>\d+|about an?|less than an?) (?P<unit>second|minute|hour|day|week|month|year)s? ago", re.I
)
_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_592_000,
    "year": 31_536_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of the build cache.

    Attributes:
        id: Its id.
        type: Such as ``exec.cachemount`` and ``regular``.
        description: What made it.
        size: Its bytes, as exactly as they are printed.
        used: When it was used last, or else made, in seconds since 1970; None where neither is said.
        in_use: Whether a build uses it now.
    """

    id: str
    type: str
    description: str
    size: int | None
    used: float | None
    in_use: bool

    @property
    def mount(self) -> str | None:
        """Return the id of the cache mount of ours that this is; None where it is anything else."""
        found = _OURS.fullmatch(self.description) if self.type == CACHE_MOUNT else None
        if found is None or (found["id"] is not None and found["id"] != f"platform-images-{found['name']}"):
            return None
        return f"platform-images-{found['name']}"


def records(text: str, *, now: float) -> tuple[Record, ...]:
    """Return the records that ``docker buildx du --verbose`` has printed.

    Args:
        text: What it printed; sizes and times are for people, so both are no more exact than that.
        now: When it did.
    """
    return tuple(_record(fields, now=now) for fields in _blocks(text))


def entries(found: Sequence[Record]) -> tuple[Entry, ...]:
    """Return cache mounts of ours, one by one, and as one entry what the builder has besides.

    Build steps say the command that made them at most, and a build of somebody else may stand on ours: whose they all
    are, nobody can tell.
    """
    ours = [
        Entry(
            kind=Kind.CACHE_MOUNT,
            name=each.mount,
            size=each.size,
            used=each.used,
            state=State.IN_USE if each.in_use else State.CACHE,
            why="a build uses it" if each.in_use else "",
            handle=each.id,
        )
        for each in found
        if each.mount is not None
    ]
    rest = [each for each in found if each.mount is None]
    if not rest:
        return tuple(ours)
    steps = Entry(
        kind=Kind.BUILD_STEPS,
        name=f"{len(rest)} steps of all projects",
        size=sum(each.size or 0 for each in rest),
        used=max((each.used for each in rest if each.used is not None), default=None),
        state=State.KEPT,
        why="not only this program's; docker builder prune",
    )
    return (*ours, steps)


def _blocks(text: str) -> Iterator[dict[str, str]]:
    """Give the fields of each record; a description may have several lines, and an unknown field is none of them."""
    fields: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        key = found["key"] if found else ""
        if found and key == "ID":
            if fields:
                yield fields
            fields, last = {"ID": found["value"].strip()}, key
        elif found and key in _KEYS and key not in fields and fields:
            fields[key], last = found["value"].strip(), key
        elif last == "Description" and fields:
            fields[last] += f"\n{line}"
    if fields:
        yield fields


def _record(fields: dict[str, str], *, now: float) -> Record:
    return Record(
        id=fields["ID"],
        type=fields.get("Type", ""),
        description=fields.get("Description", "").strip(),
        size=parsed_size(fields.get("Size", "")),
        used=_moment(fields.get("Last used", ""), now=now) or _moment(fields.get("Created at", ""), now=now),
        in_use=fields.get("Reclaimable") != "true",
    )


def _moment(text: str, *, now: float) -> float | None:
    """Return a time that is printed as such, or as how long ago it was."""
    if found := _TIME.search(text):
        day, time, zone = found.groups()
        return datetime.fromisoformat(f"{day}T{time}{zone.replace('Z', '+00:00')}").timestamp()
    if ago := _AGO.search(text):
        number = int(ago["number"]) if ago["number"].isdigit() else 1
        return now - number * _SECONDS[ago["unit"].lower()]
    return None
