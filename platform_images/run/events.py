"""What the program in a test container says: lines of JSON behind a token that no test knows."""

from __future__ import annotations

import json
import secrets
from typing import Any


def new_token() -> str:
    """Return a token for one container."""
    return secrets.token_hex(16)


def event(line: str, token: str) -> dict[str, Any] | None:
    """Return the event of a line; None where it is anything else, which a test may have written there."""
    _, known, text = line.partition(token)
    try:
        value = json.loads(text) if known else None
    except ValueError:  # cut in two by what a test wrote: the item counts as one that did not end
        return None
    return value if isinstance(value, dict) else None
