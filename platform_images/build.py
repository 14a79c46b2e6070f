"""Building a mission's image: `invoke build`."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from platform_images import console
from platform_images.building.locks import floating_locks, frozen_locks
from platform_images.building.revision import git_revision
from platform_images.compose.composition import compose
from platform_images.compose.sources import check_dockerfile, read_sources
from platform_images.compose.values import Composition, Drift
from platform_images.errors import MismatchError, UsageError
from platform_images.locks.store import ROOT_UNIT, root
from platform_images.locks.values import MissionLocks, RootSystem
from platform_images.model import Mission, Platform, load_mission, load_platform
from platform_images.model.environment import Environment
from platform_images.site import site_settings
from platform_images.solve.hostenv import ca_bundle
from platform_images.solve.solution import Say

if TYPE_CHECKING:
    from platform_images.engine.root import RootImage
    from platform_images.mirror.reading import MirrorSource

_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_TAG = re.compile(rf"(?:(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?{_PART}(?:/{_PART})*:)?[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What `invoke build` is asked for.

    Attributes:
        kernels: Only these kernels; all without any.
        floating: Solve first.
        save: With ``floating``: keep the solutions in ``locks/``.
        no_cache: Run every step again.
        tag: One more tag, ``NAME:TAG`` or ``TAG``.
        target_platform: The image's platform; that of the locks without it.
        root_image: Build on this image and not on the locked root.
        only_tag: The image's one name, in place of its exact one and ``latest``, which stay where they are.
        strict: Fail where a package would not be the locked one.
        mirror: A folder that `invoke mirror` has filled, from which everything is taken that it has.
        offline: Take everything from there; no step has a network.
    """

    kernels: tuple[str, ...] = ()
    floating: bool = False
    save: bool = False
    no_cache: bool = False
    tag: str | None = None
    target_platform: str | None = None
    root_image: str | None = None
    only_tag: str | None = None
    strict: bool = False
    mirror: Path | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """An image that was built.

    Attributes:
        image_id: ``sha256:...``.
        tags: Its names, the exact one first.
        lock_digest: 64 hexadecimal digits over the solutions.
        drift: Every package that is not the locked one.
        seconds: How long it took.
    """

    image_id: str
    tags: tuple[str, ...]
    lock_digest: str
    drift: tuple[Drift, ...] = field(default=())
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What does not change between the compositions of one build."""

    platform: Platform
    mission: Mission
    kernels: tuple[Environment, ...]
    locks: MissionLocks
    request: BuildRequest
    mirror: MirrorSource | None = None

    @property
    def system(self) -> RootSystem:
        return root(next(lock for lock in self.locks.locks if lock.unit == ROOT_UNIT))

    def composed(self, root_image: str, *, digest: str | None, drift: tuple[Drift, ...] = ()) -> Composition:
        bundle = site_settings(ca_bundle=ca_bundle(self.platform)).ca_bundle
        return compose(
            self.platform,
            self.mission,
            self.kernels,
            self.locks,
            sources=read_sources(self.platform, self.mission, ca_bundle=bundle),
            root_image=root_image,
            revision=git_revision(self.platform.folder, mission=self.mission.name),
            base_digest=digest,
            foreign_root=self.request.root_image is not None or self.system.provider == "image",
            drift=drift,
            extra_tag=self.request.tag,
            mirrored=self.mirror.units if self.mirror is not None else frozenset(),
        )

    def built(self, composition: Composition, *, no_cache: bool = False, say: Say) -> str:
        """Build a composition and return the image's id."""
        from platform_images.building.context import build_composition

        return build_composition(
            self.platform,
            self.mission,
            composition,
            name=self.mission.name,
            no_cache=no_cache,
            strict=self.request.strict,
            mirror=self.mirror,
            offline=self.request.offline,
            say=say,
        )


def run(folder: Path, mission: str, request: BuildRequest, *, print_only: bool) -> int:
    """Build a mission's image and print its names, or print its Dockerfile; what `invoke build` does.

    Raises:
        PlatformError: A file has a mistake, a lock is not fresh, or a step failed.
    """
    platform = load_platform(folder)
    loaded = load_mission(platform, mission)
    if print_only:
        sys.stdout.write(print_dockerfile(platform, loaded, request, say=_say))
        return 0
    from platform_images.building.drift import show_drift

    result = build_mission(platform, loaded, request, say=_say)
    show_drift(result.drift)
    if request.kernels and len(loaded.select(request.kernels)) < len(loaded.kernels):
        console.say(
            f"{loaded.name}:latest now holds {', '.join(request.kernels)} only; "
            f"invoke build --mission {loaded.name} gives it all kernels again",
            style="yellow",
        )
    console.say(f"+ {loaded.name} ({result.seconds:.0f} s)", style="green")
    sys.stdout.write("".join(f"{tag}\n" for tag in result.tags))
    return 0


def print_dockerfile(platform: Platform, mission: Mission, request: BuildRequest, *, say: Say) -> str:
    """Return the Dockerfile that would be built; no engine is needed.

    Raises:
        LockError: A lock is stale, missing or damaged; carries the commands that cure it.
        UsageError: The request does not fit the mission or the platform.
    """
    from platform_images.engine.rootimage import root_reference

    job = _job(platform, mission, request, say=say)
    system = job.system
    named = system.source if system.provider == "image" else root_reference(system.digest)
    return job.composed(request.root_image or named, digest=system.digest).dockerfile


def build_mission(platform: Platform, mission: Mission, request: BuildRequest, *, say: Say) -> BuildResult:
    """Build an image from locks: the saved ones, or with ``floating`` freshly solved ones.

    Raises:
        LockError: A lock is stale, missing or damaged; carries the commands that cure it.
        UsageError: The request does not fit the mission or the platform.
        MismatchError: The build is strict and a package is not the locked one.
        PrerequisiteError: No engine answers.
        ToolError: A step failed; carries its last lines.
    """
    from platform_images.building.names import name_image
    from platform_images.engine.root import ensure_root

    start = time.monotonic()
    # A root that is made anew takes the name of the one that is there: not where all names are to stay.
    new_root = request.no_cache and request.only_tag is None
    with _mirrored(_job(platform, mission, request, say=say), say=say) as job:
        base = ensure_root(
            platform,
            job.system,
            override_image=request.root_image,
            no_cache=new_root,
            mirrored=job.mirror.root if job.mirror is not None else None,
            say=say,
        )
        image, composition, drift = _built(job, base, say=say)
    tags = composition.tags if request.only_tag is None else (request.only_tag,)
    name_image(image, *tags)
    return BuildResult(
        image_id=image,
        tags=tags,
        lock_digest=composition.lock_digest,
        drift=drift,
        seconds=time.monotonic() - start,
    )


def _job(platform: Platform, mission: Mission, request: BuildRequest, *, say: Say) -> _Job:
    """Check the request and what the mission's steps say, and get the locks."""
    _check(platform, request)
    check_dockerfile(mission)
    kernels = mission.select(request.kernels)
    if request.floating:
        locks = floating_locks(platform, mission, kernels, save=request.save, say=say)
    else:
        locks = frozen_locks(platform, mission, kernels)
    return _Job(platform=platform, mission=mission, kernels=kernels, locks=locks, request=request)


@contextmanager
def _mirrored(job: _Job, *, say: Say) -> Iterator[_Job]:
    """Give the job with what a mirror has for it, where one is named."""
    from platform_images.mirror.reading import mirror_source

    request = job.request
    if request.mirror is None:
        yield job
        return
    say(f"checking what the mirror has for {job.mission.name}")
    with mirror_source(request.mirror, job.locks, offline=request.offline, say=say) as source:
        yield replace(job, mirror=source)


def _check(platform: Platform, request: BuildRequest) -> None:
    """Refuse options that do not fit together, the locks or the engine."""
    locked = platform.settings.platform
    if request.target_platform not in (None, locked):
        raise UsageError(
            f"The locks are for {locked}, not for {request.target_platform}.",
            why="Packages of another platform have other hashes, and perhaps other versions.",
            fix=f'set platform = "{request.target_platform}" in platform.toml, then nox -s lock',
        )
    if request.offline and request.mirror is None:
        raise UsageError("--offline takes everything from a mirror.", fix="give --mirror DIR; invoke mirror fills one")
    if request.offline and request.floating:
        raise UsageError("--offline and --floating exclude each other: solving asks the indexes.")
    if request.save and not request.floating:
        raise UsageError("--save keeps what a floating build has solved.", fix="give --floating --save")
    if request.tag is not None and not _TAG.fullmatch(request.tag):
        raise UsageError(f"{request.tag!r} is not a tag.", fix="give TAG or NAME:TAG, NAME in lower case")


def _built(job: _Job, base: RootImage, *, say: Say) -> tuple[str, Composition, tuple[Drift, ...]]:
    """Build; where packages turn out not to be the locked ones, once more with a label that says so, all from cache."""
    from platform_images.building.drift import recorded_drift, root_drift
    from platform_images.building.names import discard

    request = job.request
    below = root_drift(base)
    if request.strict:
        _require_none(below)
    composition = job.composed(base.reference, digest=base.digest)
    image = job.built(composition, no_cache=request.no_cache, say=say)
    drift = (*below, *recorded_drift(image, job.locks))
    if not drift:
        return image, composition, ()
    if request.strict:  # its steps were done before, by a build that was not strict
        discard(image)
        _require_none(drift)
    labelled = job.composed(base.reference, digest=base.digest, drift=drift)
    final = job.built(labelled, say=lambda _: None)
    discard(image)
    return final, labelled, drift


def _require_none(drift: tuple[Drift, ...]) -> None:
    """Refuse what is not as locked."""
    if drift:
        raise MismatchError(
            "Packages are not the locked ones, and the build is strict; no image was named.",
            why="\n".join(f"{each.unit}: {each.name}: locked {each.locked}, found {each.installed}" for each in drift),
            fix="nox -s lock takes what there is now; without --strict the image is built, and says so",
        )


def _say(text: str) -> None:
    """Print one line of progress."""
    console.say(f"  {text}")
