"""Names for what is new: checked by the model's rules, and with a mistake the nearest name that is none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from platform_images.errors import UsageError
from platform_images.model import check_mission_name
from platform_images.model.files import LONGEST_NAME, RESERVED_KERNELS, Name

_NAME: TypeAdapter[str] = TypeAdapter(Name)


def check_mission(name: str) -> None:
    """Refuse a name that the model has for no mission.

    Raises:
        UsageError: Says what is allowed, and the nearest name that is.
    """
    check_mission_name(name, fix=f"give another name, such as --mission {allowed(name) or 'survey'}")


def check_kernel(name: str) -> None:
    """Refuse a name that the model has for no kernel.

    Raises:
        UsageError: Says what is allowed, and the nearest name that is.
    """
    if not _fits(name) or name in RESERVED_KERNELS:
        raise UsageError(
            f"A kernel cannot be named {name!r}: it is a folder of locks/ and of the image too.",
            why="allowed: lower-case letters, digits, '-' and '.', beginning with a letter, "
            f"{LONGEST_NAME} of them at most; "
            f"not {', '.join(sorted(RESERVED_KERNELS))}, which name other parts of a lock",
            fix=f"give another name, such as --kernel {allowed(name, taken=RESERVED_KERNELS) or 'stars'}",
        )


def allowed(name: str, *, taken: Sequence[str] | frozenset[str] = ()) -> str | None:
    """Return the name that is allowed and most like ``name``; None where nothing of it is left, or it is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9.]+", "-", plain)
    found = re.sub(r"([-.])[-.]+", r"\1", words).lstrip("-.0123456789")[:LONGEST_NAME].rstrip("-.")
    return found if _fits(found) and found not in taken and found != name else None


def title(name: str) -> str:
    """Return a name as people would write it."""
    return name.replace("-", " ").title()


def _fits(name: str) -> bool:
    """Whether it has the form of a name."""
    try:
        _NAME.validate_python(name)
    except ValidationError:
        return False
    return True
