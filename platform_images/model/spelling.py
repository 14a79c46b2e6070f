"""Nearest right spelling of a wrong word."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(word: str, allowed: Sequence[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the allowed word most like ``word``, or nothing."""
    found = difflib.get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""
