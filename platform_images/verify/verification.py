"""``invoke verify``: whether an image is exactly what the locks say, in up to four checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from platform_images import console
from platform_images.building.drift import recorded_drift
from platform_images.building.locks import frozen_locks
from platform_images.compose.locked import environment_lock, lock_of, required_lock
from platform_images.engine.client import image_attributes
from platform_images.locks.conda import conda_packages
from platform_images.locks.digest import mission_digest
from platform_images.locks.patches import Patch, read_patches
from platform_images.locks.store import COMMON_OS, ROOT_UNIT, LockStore, os_packages, root
from platform_images.locks.values import NPM, OS, PACKAGE_LOCK, REQUIREMENTS, Lock, MissionLocks, Unit
from platform_images.model import Environment, Mission, Platform, load_mission, load_platform
from platform_images.run.image import find
from platform_images.solve.solution import Say
from platform_images.verify import images
from platform_images.verify.content import DEBOOTSTRAP, LockedContent, LockedEnvironment, base_findings, content_result
from platform_images.verify.labels import expected_labels, labels_result
from platform_images.verify.patched import Patched, ground_findings, labelled_patches, with_patches
from platform_images.verify.report import Report, show
from platform_images.verify.values import ContentResult, LabelsResult

Ground = Mapping[str, tuple[str, ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What `invoke verify` is asked for.

    Attributes:
        kernels: The image holds only these; all without any.
        image: The image; the mission's latest without it.
        rebuild: Build it once more and compare.
        against: Compare it with this published image.
    """

    kernels: tuple[str, ...] = ()
    image: str | None = None
    rebuild: bool = False
    against: str | None = None


def run(folder: Path, mission: str, request: VerifyRequest, *, json: bool) -> int:
    """Verify a mission's image, show what was found, and return the exit code.

    Raises:
        PlatformError: No engine, no image, no such kernel, or a lock that is not fresh.
    """
    platform = load_platform(folder)
    report = verify(platform, load_mission(platform, mission), request, say=_say)
    show(report, json=json)
    return int(report.exit_code)


def verify(platform: Platform, mission: Mission, request: VerifyRequest, *, say: Say) -> Report:
    """Compare an image with the saved locks, and where asked for with a second build and a published image.

    Raises:
        LockError: A lock is stale, missing or damaged; carries the commands that cure it.
        UsageError: There is no such image or kernel.
        PrerequisiteError: No engine answers.
        ToolError: The engine refuses, or a step of the second build failed.
    """
    image = find(mission, request.image)
    kernels = mission.select(request.kernels)
    locks = frozen_locks(platform, mission, kernels)
    found = _image_labels(image.digest)
    patches = labelled_patches(found)
    ground = _ground(patches or ())
    with console.step("labels: does the image name these locks"):
        labels = _labels(platform, mission, kernels, locks, found, image=image.digest)
    with console.step("content: every package and file"):
        content = _content((platform.base, *kernels), locks, image.digest, patches=patches, ground=ground, say=say)
    comparisons = []
    if request.rebuild:
        with console.step("rebuild: every step anew"):
            names = [kernel.name for kernel in kernels]
            again = images.rebuilt(platform, mission, names, image.digest, patches=patches or (), say=say)
            comparisons.append(again)
    if request.against is not None:
        with console.step(f"published: {request.against}"):
            comparisons.append(images.published(request.against, image.digest, say=say))
    return Report(
        mission=mission.name,
        image=image.name,
        digest=image.digest,
        labels=labels,
        content=content,
        comparisons=tuple(comparisons),
        patched=_patched(patches, ground),
    )


def locked_content(locks: MissionLocks, environments: Sequence[Environment]) -> LockedContent:
    """Return all that an image of these locks is to hold.

    Raises:
        LockError: A lock is not in the format of this version.
    """
    npm = lock_of(locks, Unit(scope=locks.mission, part=NPM))
    return LockedContent(
        mission=locks.mission,
        root=root(required_lock(locks, ROOT_UNIT)),
        common_os=_versions(lock_of(locks, COMMON_OS)),
        mission_os=_versions(lock_of(locks, Unit(scope=locks.mission, part=OS))),
        environments=tuple(_environment(environment_lock(locks, each), each) for each in environments),
        npm=npm.files[PACKAGE_LOCK] if npm is not None else None,
    )


def _image_labels(image: str) -> dict[str, str]:
    """Return an image's labels."""
    config = (image_attributes(image) or {}).get("Config") or {}
    return dict(config.get("Labels") or {})


def _ground(patches: Sequence[Patch]) -> Ground:
    """Return the layers of each image that a patch was laid on; None of one that the engine does not have."""
    return {patch.released: images.image_layers(patch.released) for patch in patches}


def _patched(patches: tuple[Patch, ...] | None, ground: Ground) -> Patched | None:
    """Return how a patched image came about; None for a full build, and where nobody can tell."""
    absent = tuple(image for image, layers in ground.items() if layers is None)
    return Patched(patches=patches, absent=absent) if patches else None


def _labels(
    platform: Platform,
    mission: Mission,
    kernels: tuple[Environment, ...],
    locks: MissionLocks,
    found: Mapping[str, str],
    *,
    image: str,
) -> LabelsResult:
    """Check what the image says of itself; the record of patches is read for a patched one alone."""
    base, digest = root(required_lock(locks, ROOT_UNIT)).digest, mission_digest(locks)
    expected = expected_labels(mission, kernels, lock_digest=digest, base_digest=base)
    result = labels_result(found, expected, recorded=recorded_drift(image, locks))
    recorded = read_patches(LockStore(platform.locks), mission.name) if labelled_patches(found) else ()
    return with_patches(result, found, mission=mission.name, locks=digest, recorded=recorded)


def _content(
    environments: Sequence[Environment],
    locks: MissionLocks,
    image: str,
    *,
    patches: tuple[Patch, ...] | None,
    ground: Ground,
    say: Say,
) -> ContentResult:
    """Check what the image holds."""
    locked = locked_content(locks, environments)
    present = None if locked.root.provider == DEBOOTSTRAP else images.base_layers(locked.root)
    layers = images.image_facts(image).layers
    here = {released: below for released, below in ground.items() if below is not None}
    base = [*base_findings(layers, locked.root, present=present), *ground_findings(layers, here)]
    count = len(patches) if patches is not None else None
    return content_result(images.image_tree(image, say=say), locked, base=base, patches=count)


def _environment(lock: Lock, environment: Environment) -> LockedEnvironment:
    return LockedEnvironment(
        environment=environment, conda=conda_packages(lock), requirements=lock.files.get(REQUIREMENTS, "")
    )


def _versions(lock: Lock | None) -> dict[str, str]:
    return {package.name: package.version for package in os_packages(lock).packages} if lock is not None else {}


def _say(text: str) -> None:
    """Print one line of progress."""
    console.say(f"  {text}")
