"""The record of patches: which packages were changed in which released image, and the locks before and after.

``locks/<mission>/patches/`` has a unit's shape (``lock.json`` beside ``patches.json``), but nothing is solved or built
from it, and it does not count in a mission's lock digest: a full build from the same locks has the same packages. The
label ``platform-images.patches`` of a patched image holds those records that led to it, the oldest first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from platform_images.errors import LockError
from platform_images.files import json_text
from platform_images.locks.store import LockStore, file_text
from platform_images.locks.values import ImageId, LockModel, Sha256, Unit

PATCHES = "patches"
FILE = "patches.json"
LABEL = "platform-images.patches"


class PatchedPackage(LockModel):
    """One package that a patch changed.

    Attributes:
        unit: Whose lock has it, such as ``tike/tess``.
        kind: ``deb`` or ``pip``.
        before: The version that the released image has; None for a package that came with the patch.
        after: The version that the patched image has; None for one that is gone.
    """

    unit: str
    kind: Literal["deb", "pip"]
    name: str
    before: str | None
    after: str | None


class Patch(LockModel):
    """One patch of one image.

    Attributes:
        released: Id of the image that it was laid on.
        locks_before: The mission's lock digest that this image names.
        locks_after: The lock digest after the patch.
        asked: What was asked for: ``os NAME`` or ``pip REQUIREMENT``, sorted; ``locks`` for what these had besides.
        packages: What was changed, by unit, kind and name.
    """

    released: ImageId
    locks_before: Sha256
    locks_after: Sha256
    asked: tuple[str, ...]
    packages: tuple[PatchedPackage, ...]


_PATCHES = TypeAdapter(tuple[Patch, ...])


def patches_unit(mission: str) -> Unit:
    """Return the unit that holds a mission's record."""
    return Unit(scope=mission, part=PATCHES)


def read_patches(store: LockStore, mission: str) -> tuple[Patch, ...]:
    """Return a mission's patches, the oldest first; none where it was never patched.

    Raises:
        LockError: The record is damaged.
    """
    lock = store.read(patches_unit(mission))
    if lock is None:
        return ()
    try:
        return _PATCHES.validate_python(json.loads(file_text(lock, FILE)))
    except (ValidationError, ValueError) as error:
        raise LockError(
            f"The record of patches locks/{lock.unit}/{FILE} is not in the format of this version.",
            why=str(error),
            fix=f"git restore locks/{lock.unit}",
        ) from error


def patches_text(patches: Sequence[Patch]) -> str:
    """Return ``patches.json``."""
    return json_text(_PATCHES.dump_python(tuple(patches), mode="json"))


def label_text(patches: Sequence[Patch]) -> str:
    """Return the label's value: the same as one line of JSON; empty without any."""
    if not patches:
        return ""
    return json.dumps(_PATCHES.dump_python(tuple(patches), mode="json"), separators=(",", ":"), sort_keys=True)


def parse_label(text: str) -> tuple[Patch, ...]:
    """Return what the label says.

    Raises:
        ValueError: It is not in this format.
    """
    return _PATCHES.validate_python(json.loads(text)) if text else ()


def is_chain(patches: Sequence[Patch], *, locks: str) -> bool:
    """Whether each patch begins with the locks that the one before it has left, and the last has left ``locks``."""
    after = [patch.locks_after for patch in patches]
    return after[-1:] == [locks] and all(
        patch.locks_before == before for patch, before in zip(patches[1:], after, strict=False)
    )
