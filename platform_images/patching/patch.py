"""``invoke patch``: some packages of a released image changed, everything else held, and the locks with it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform_images import console
from platform_images.building.drift import recorded_drift
from platform_images.building.locks import frozen_locks
from platform_images.building.names import name_image
from platform_images.engine.client import image_labels
from platform_images.errors import LockError, UsageError
from platform_images.locks.digest import mission_digest
from platform_images.locks.patches import (
    FILE,
    LABEL,
    Patch,
    is_chain,
    parse_label,
    patches_text,
    patches_unit,
    read_patches,
)
from platform_images.locks.store import COMMON_OS, LockStore
from platform_images.locks.values import MissionLocks
from platform_images.model import Environment, Mission, Platform, load_mission, load_missions, load_platform
from platform_images.patching.image import laid, short
from platform_images.patching.moves import allow_words, check_allowed, counted, line, not_allowed
from platform_images.patching.past import past_locks
from platform_images.patching.present import beyond
from platform_images.patching.request import PatchRequest, check_request
from platform_images.patching.solving import Solved, solve_patch
from platform_images.run.image import Image, find

__all__ = ["PatchRequest", "patch", "released_image", "run"]
_MISSION, _LOCKS, _DRIFT = "platform-images.mission", "platform-images.lock-digest", "platform-images.drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The image that is to be patched.

    Attributes:
        image: The image.
        kernels: The kernels that it has.
        locks: The locks that it was built from.
        patches: Those that led to it, the oldest first; none for a full build.
    """

    image: Image
    kernels: tuple[Environment, ...]
    locks: MissionLocks
    patches: tuple[Patch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """What was done.

    Attributes:
        patch: The record of it.
        image: Id of the patched image; empty where nothing was done.
        tags: Its names, the exact one first.
        size: Bytes of its one new layer, before compression.
    """

    patch: Patch
    image: str = ""
    tags: tuple[str, ...] = ()
    size: int = 0

    def as_json(self, mission: str) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "mission": mission,
            "image_id": self.image or None,
            "tags": list(self.tags),
            "layer_bytes": self.size,
            **self.patch.model_dump(mode="json"),
        }


def run(folder: Path, mission: str, request: PatchRequest, *, json: bool) -> int:
    """Patch a mission's image, and print its names or, as JSON, all of the result.

    Raises:
        PlatformError: A package cannot be changed, would change others, or a step failed; nothing is changed then.
    """
    check_request(request)
    platform = load_platform(folder)
    loaded = load_mission(platform, mission)
    done = patch(platform, loaded, request)
    if done is not None:
        _tell(platform, loaded, request, done)
    if json:
        from platform_images.cli import print_json

        print_json(done.as_json(mission) if done is not None else None)
    elif done is not None:
        sys.stdout.write("".join(f"{tag}\n" for tag in done.tags))
    return 0


def patch(platform: Platform, mission: Mission, request: PatchRequest) -> Patched | None:
    """Solve a patch, lay it on the released image, and save it; nothing where there is nothing to change.

    Raises:
        PlatformError: As ``run``.
    """
    released = released_image(platform, mission, request.image, locked=request.locked)
    read_patches(LockStore(platform.locks), mission.name)  # the record goes there: one that is damaged is told of now
    solved = _solved(platform, mission, released, request)
    if not solved.packages:
        console.say("The image has what was asked for, as new as all else lets it be: there is nothing to change.")
        if request.packages:
            console.say(f"  what holds a package back: invoke why --mission {mission.name} --package NAME")
        return None
    for each in solved.packages:
        _say(line(each))
    if not request.dry_run and not request.locked:
        check_allowed(solved.packages, request)
    record = Patch(
        released=released.image.digest,
        locks_before=mission_digest(released.locks),
        locks_after=mission_digest(solved.locks),
        asked=request.asked,
        packages=solved.packages,
    )
    return Patched(patch=record) if request.dry_run else _lay(platform, mission, released, solved, record)


def _solved(platform: Platform, mission: Mission, released: Released, request: PatchRequest) -> Solved:
    """Return what is to change: what is asked for, or what the present locks have beyond those of the image."""
    if request.locked:
        present = frozen_locks(platform, mission, released.kernels)
        return Solved(locks=present, changed=(), packages=beyond(released.locks, present))
    with console.step(f"solve: {', '.join(request.asked)}"):
        return solve_patch(
            platform, mission, released.kernels, released.locks, request, image=released.image.digest, say=_say
        )


def released_image(platform: Platform, mission: Mission, name: str | None, *, locked: bool = False) -> Released:
    """Return the image that is to be patched, when it is exactly what its locks say.

    Its locks are the present ones; with ``locked``, or those of any commit.

    Raises:
        UsageError: There is no such image, or it is one of another mission.
        LockError: The locks are not fresh, or the image was built from others, or is not exactly what they say.
    """
    image = find(mission, name)
    labels = image_labels(image.digest)
    if labels.get(_MISSION) != mission.name:
        raise UsageError(
            f"The image {image.name!r} is not one of the mission {mission.name!r}.",
            why=f"its label {_MISSION} is {labels.get(_MISSION, 'not there')!r}",
            fix=f"invoke build --mission {mission.name}, or give --image",
        )
    kernels = mission.select(image.kernels or ())
    locks = frozen_locks(platform, mission, kernels)
    digest = labels.get(_LOCKS, "").removeprefix("sha256:")
    if digest != mission_digest(locks):
        locks = _past(platform, mission, image, kernels, locks, digest=digest, locked=locked)
    if labels.get(_DRIFT) or recorded_drift(image.digest, locks):
        raise LockError(
            f"The image {image.name!r} is not exactly what its locks say, so a patch would not be either.",
            why=f"its label {_DRIFT}: {labels.get(_DRIFT) or 'nothing, but it records some'}",
            fix=f"nox -s lock takes what there is now; invoke build --mission {mission.name} --strict is exact",
        )
    return Released(image=image, kernels=kernels, locks=locks, patches=_patches(image, labels.get(LABEL, ""), digest))


def _past(
    platform: Platform,
    mission: Mission,
    image: Image,
    kernels: tuple[Environment, ...],
    present: MissionLocks,
    *,
    digest: str,
    locked: bool,
) -> MissionLocks:
    """Return the locks of an image that are not the present ones.

    Raises:
        LockError: They are not wanted here, or no commit has them.
    """
    own = f"sha256:{digest}" if digest else "unknown"
    why = f"its locks:         {own}\nthe present locks: sha256:{mission_digest(present)}"
    if not locked:
        raise LockError(
            f"The image {image.name!r} was not built from the present locks.",
            why=why,
            fix=f"invoke patch --mission {mission.name} --locked, or check out the commit of its release",
        )
    found = past_locks(platform, mission, kernels, digest)
    if found is None:
        raise LockError(
            f"The locks that the image {image.name!r} was built from are in no commit here.",
            why=why,
            fix="fetch the commit of its release (git fetch --unshallow, in a shallow clone), or build the image",
        )
    return found


def _patches(image: Image, label: str, digest: str) -> tuple[Patch, ...]:
    """Return the patches that led to an image.

    Raises:
        UsageError: Its label cannot be read, or does not lead to its locks.
    """
    try:
        found = parse_label(label)
    except ValueError as error:
        raise UsageError(f"The label {LABEL} of {image.name!r} cannot be read.", why=str(error)) from error
    if found and not is_chain(found, locks=digest):
        raise UsageError(f"The label {LABEL} of {image.name!r} does not lead to its locks.", why=label)
    return found


def _lay(platform: Platform, mission: Mission, released: Released, solved: Solved, record: Patch) -> Patched:
    """Lay the patch on its image, then save the locks, then name the image: no failure leaves one without the other."""
    from platform_images.building.progress import shown_progress

    with (
        shown_progress(mission.name) as watch,
        laid(
            platform,
            mission,
            released.kernels,
            solved.locks,
            (*released.patches, record),
            say=_say,
            watch=watch,
        ) as made,
    ):
        _save(LockStore(platform.locks), mission, solved, record)
        tags = made.composition.tags
        name_image(made.image, *tags)
        return Patched(patch=record, image=made.image, tags=tags, size=made.size)


def _save(store: LockStore, mission: Mission, solved: Solved, record: Patch) -> None:
    """Write the locks that have changed, and the record."""
    written = read_patches(store, mission.name)
    for lock in solved.changed:
        store.write(lock.unit, files=lock.files, inputs=lock.header.inputs, solvers=lock.header.solvers)
    if record not in written:
        store.write(patches_unit(mission.name), files={FILE: patches_text((*written, record))}, inputs={}, solvers={})


def _tell(platform: Platform, mission: Mission, request: PatchRequest, done: Patched) -> None:
    """Say what was done, and what is left to do."""
    what = counted(len(done.patch.packages))
    if request.dry_run:
        along = not_allowed(done.patch.packages, request)
        needs = f" and with {allow_words(along)}" if along else ""
        console.say(f"{what} would change; without --dry-run{needs} the patch is laid on {short(done.patch.released)}")
        return
    console.say(f"{done.tags[0]}: {what} in one layer of {done.size / 1e6:.1f} MB", style="green")
    console.say(f"  on {short(done.patch.released)}, which keeps its layers; recorded in locks/{mission.name}/patches")
    console.say("  next: invoke test, invoke verify, and commit locks/: git add locks")
    common = sorted({each.unit for each in done.patch.packages if each.unit.startswith(f"{COMMON_OS.scope}/")})
    others = [each.name for each in load_missions(platform) if each.name != mission.name]
    if common and others:
        console.say(
            f"  locks/{', locks/'.join(common)} {'are' if len(common) > 1 else 'is'} part of {', '.join(others)} too: "
            "nox -s lock, then invoke patch --mission MISSION --locked for each",
            style="yellow",
        )


def _say(text: str) -> None:
    """Print one line of progress."""
    console.say(f"  {text}")
