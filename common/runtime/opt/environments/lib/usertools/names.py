"""Names that people give, checked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from usertools.errors import usage

_KERNEL = re.compile(r"[a-z0-9][a-z0-9._-]*")
_PYTHON = re.compile(r"\d+\.\d+(\.\d+)?")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return " (do you mean ...?)" where a name is close to one that there is."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(names), n=1)
    return f" (do you mean {close[0]!r}?)" if close else ""


def check_kernel(name: str, *, taken: Iterable[str] = ()) -> str:
    """Return the name of a new kernel.

    Raises:
        ToolError: It is not one, or the image has a kernel of that name.
    """
    if len(name) > 64 or not _KERNEL.fullmatch(name):
        raise usage(
            f"{name!r} is no name for a kernel.",
            fix="use lower case letters, digits, '-', '_' and '.', beginning with a letter or digit",
        )
    if name in (*taken, "base", "python3"):
        raise usage(f"{name} is a kernel of the image.", fix="choose another name")
    return name


def is_python(word: str) -> bool:
    """Whether a word is a version of Python, such as ``3.12``."""
    return _PYTHON.fullmatch(word) is not None
