"""The home of the user who runs this program, and paths that begin in a home; there may be none."""

from __future__ import annotations

import os
from pathlib import Path

from platform_images.errors import UsageError


def home_folder() -> Path | None:
    """Return the user's home; None where no HOME is set and the machine knows no such user, as in some containers."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def user_path(text: str, *, named: str) -> Path:
    """Return a path as a person gives it: it may begin with ``~`` or ``~NAME``.

    Args:
        text: The path.
        named: What gives it: an option, a variable, or a file and its key.

    Raises:
        UsageError: The machine knows no home of that user.
    """
    if not text.startswith("~"):  # Path takes ./~x for ~x
        return Path(text)
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        word = text.partition(os.sep)[0]
        raise UsageError(
            f"{named}: {text!r} begins in a home that is not known.",
            why=f"{word} stands for the home of a user, and this machine knows none for it",
            fix="give the whole path, or set HOME" if word == "~" else "correct the name, or give the whole path",
        ) from error
