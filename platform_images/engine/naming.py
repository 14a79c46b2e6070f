"""How containers of this program are told from others: a name's beginning, and labels with their role and owner."""

from __future__ import annotations

import secrets

from platform_images import owner

PREFIX = "platform-images-"
ROLE_LABEL = "platform-images.role"


def container_name(role: str) -> str:
    """Return a name that no other container has."""
    return f"{PREFIX}{role}-{secrets.token_hex(4)}"


def docker_options(role: str, name: str) -> tuple[str, ...]:
    """Return what ``docker run`` and ``docker create`` are given to mark a container as one of ours."""
    return ("--name", name, "--label", f"{ROLE_LABEL}={role}", "--label", f"{owner.LABEL}={owner.this_process()}")
