"""Sizes and ages as people write and read them. Pure."""

from __future__ import annotations

import re

from platform_images.errors import UsageError

_NUMBER = r"(?P<number>\d{1,15}(?:\.\d{1,6})?)\s*(?P<unit>[A-Za-z]*)"
_AMOUNT = re.compile(_NUMBER)
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_BYTES = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SHOWN_SIZES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_SHOWN_AGES = (
    (604_800 * 2, 604_800, "weeks"),
    (86_400 * 2, 86_400, "days"),
    (3600 * 2, 3600, "hours"),
    (60, 60, "min"),
)


def seconds(flag: str, text: str) -> float | None:
    """Return an age such as ``30d``, ``12h`` or ``2w`` in seconds; None for an empty text.

    Raises:
        UsageError: It is none.
    """
    found = _amount(text, _SECONDS)
    if found is None and text.strip():
        raise UsageError(
            f"{flag} {text!r} is no age.",
            fix=f"give a number with s, min, h, d or w after it, such as {flag} 30d, {flag} 12h or {flag} 2w",
        )
    return found


def size(flag: str, text: str) -> int | None:
    """Return a size such as ``20GB`` or ``500MiB`` in bytes; None for an empty text. Only 0 needs no unit.

    Raises:
        UsageError: It is none; a number alone too, as whoever writes 20 means no 20 bytes.
    """
    found = 0.0 if text.strip() == "0" else _amount(text, _BYTES)
    if found is None and text.strip():
        raise UsageError(
            f"{flag} {text!r} is no size.",
            fix=f"give a number with kB, MB, GB or TB (or KiB, MiB, GiB, TiB) after it, such as {flag} 20GB",
        )
    return int(found) if found is not None else None


def parsed_size(text: str) -> int | None:
    """Return a size that a program has printed, in bytes; None where it is none."""
    found = _amount(text.strip().rstrip("*"), _BYTES)
    return int(found) if found is not None else None


def shown_size(value: int | None) -> str:
    """Return a size for a person; empty where it is not known."""
    if value is None:
        return ""
    for unit, name in _SHOWN_SIZES:
        if value >= unit:
            return f"{value / unit:.1f} {name}"
    return f"{value} B"


def shown_age(value: float | None) -> str:
    """Return how long ago something was, for a person; empty where it is not known."""
    if value is None:
        return ""
    for least, unit, name in _SHOWN_AGES:
        if value >= least:
            return f"{value / unit:.0f} {name} ago"
    return "just now"


def _amount(text: str, units: dict[str, int]) -> float | None:
    """Return a number with a unit; None where the text is not one."""
    found = _AMOUNT.fullmatch(text.strip())
    unit = units.get(found["unit"].lower()) if found else None
    return float(found["number"]) * unit if found and unit is not None else None
