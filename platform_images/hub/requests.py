"""What the hub's programs are solved from, and whether their lock still is."""

from __future__ import annotations

from pathlib import Path

from platform_images.errors import LockError
from platform_images.files import sha256_file
from platform_images.locks.content import check_content
from platform_images.locks.store import LockStore
from platform_images.locks.values import PROJECT_SCOPE, Lock, Unit

UNIT = Unit(scope=PROJECT_SCOPE, part="hub")
PROJECT = Path(__file__).resolve().parents[2]
REQUIREMENTS_IN = Path("platform_images") / "hub" / "requirements.in"
NPM_TXT = Path("platform_images") / "hub" / "npm.txt"


def store() -> LockStore:
    """Return the store with the hub's lock: that of the checkout which this program is from."""
    return LockStore(PROJECT / "locks")


def inputs() -> dict[str, str]:
    """Return what the hub's programs are solved from: path in the repository to SHA-256."""
    return {path.as_posix(): sha256_file(PROJECT / path) for path in (REQUIREMENTS_IN, NPM_TXT)}


def fresh_lock() -> Lock:
    """Return the hub's lock.

    Raises:
        LockError: It is missing, damaged, or was solved from other requests.
    """
    lock = store().require(UNIT)
    check_content(lock)
    present = inputs()
    changed = sorted(name for name, digest in present.items() if lock.header.inputs.get(name) != digest)
    if changed:
        raise LockError(f"{UNIT} is stale.", why="\n".join(f"{name} changed" for name in changed), fix=UNIT.session)
    return lock
