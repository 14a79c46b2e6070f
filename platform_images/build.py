"""Building a mission's image: `invoke build`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from platform_images import console
from platform_images.building.locks import floating_locks, frozen_locks
from platform_images.building.place import BuildPlace, at_builder, build_place
from platform_images.building.request import BuildRequest, check_request
from platform_images.building.result import BuildResult, StepsSeen, phases
from platform_images.building.revision import git_revision
from platform_images.compose.composition import compose
from platform_images.compose.sources import check_dockerfile, read_sources
from platform_images.compose.values import Composition, Drift
from platform_images.engine.buildlog import Watch, spoken
from platform_images.errors import MismatchError
from platform_images.home import home_folder
from platform_images.locks.store import ROOT_UNIT, root
from platform_images.locks.values import MissionLocks, RootSystem
from platform_images.model import Mission, Platform, load_mission, load_platform
from platform_images.model.environment import Environment
from platform_images.site import site_settings
from platform_images.solve.hostenv import ca_bundle
from platform_images.solve.solution import Say
from platform_images.usage import Kind, using

if TYPE_CHECKING:
    from platform_images.engine.root import RootImage
    from platform_images.mirror.reading import MirrorSource

__all__ = ["BuildRequest", "BuildResult", "build_mission", "print_dockerfile", "run"]
Clock = Callable[[], float]


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

    def built(
        self,
        composition: Composition,
        place: BuildPlace,
        *,
        log: str,
        no_cache: bool = False,
        say: Say,
        watch: Watch | None = None,
    ) -> str:
        """Build a composition and return the image's id."""
        from platform_images.building.context import build_composition

        return build_composition(
            self.platform,
            self.mission,
            composition,
            name=log,
            no_cache=no_cache,
            strict=self.request.strict,
            mirror=self.mirror,
            offline=self.request.offline,
            place=place,
            say=say,
            watch=watch,
        )


def run(folder: Path, mission: str, request: BuildRequest, *, print_only: bool, json: bool = False) -> int:
    """Build a mission's image and print its names or, as JSON, all of the result; or print its Dockerfile.

    Raises:
        PlatformError: A file has a mistake, a lock is not fresh, or a step failed.
    """
    platform = load_platform(folder)
    loaded = load_mission(platform, mission)
    if print_only:
        sys.stdout.write(print_dockerfile(platform, loaded, request, say=_say))
        return 0
    from platform_images.building.drift import show_drift
    from platform_images.building.progress import shown_progress

    with shown_progress(loaded.name) as watch:
        result = build_mission(platform, loaded, request, say=_say, watch=watch)
    show_drift(result.drift)
    if request.kernels and len(loaded.select(request.kernels)) < len(loaded.kernels):
        console.say(
            f"{loaded.name}:latest now holds {', '.join(request.kernels)} only; "
            f"invoke build --mission {loaded.name} gives it all kernels again",
            style="yellow",
        )
    _show(loaded.name, result, json=json)
    return 0


def _show(mission: str, result: BuildResult, *, json: bool) -> None:
    """Print the summary on standard error and the result on standard output."""
    from platform_images.building.summary import as_json, summary

    done, *facts = summary(mission, result, home=home_folder())
    console.say(done, style="green")
    for line in facts:
        console.say(line)
    if json:
        from platform_images.cli import print_json

        print_json(as_json(mission, result))
    else:
        sys.stdout.write("".join(f"{tag}\n" for tag in result.tags))


def print_dockerfile(platform: Platform, mission: Mission, request: BuildRequest, *, say: Say) -> str:
    """Return the Dockerfile that would be built; no engine is needed.

    Raises:
        LockError: A lock is stale, missing or damaged; carries the commands that cure it.
        UsageError: The request does not fit the mission or the platform.
    """
    from platform_images.engine.rootimage import root_reference
    from platform_images.mirror.manifest import require_manifest

    if request.mirror is not None:
        require_manifest(request.mirror)
    job = _job(platform, mission, request, say=say)
    system = job.system
    named = system.source if system.provider == "image" else root_reference(system.digest)
    return job.composed(request.root_image or named, digest=system.digest).dockerfile


def build_mission(
    platform: Platform,
    mission: Mission,
    request: BuildRequest,
    *,
    say: Say,
    watch: Watch | None = None,
    clock: Clock = time.monotonic,
) -> BuildResult:
    """Build an image from locks: the saved ones, or with ``floating`` freshly solved ones.

    ``watch`` is told of each step of the Dockerfile; without it, ``say`` is told of those that have ended.

    Raises:
        LockError: A lock is stale, missing or damaged; carries the commands that cure it.
        UsageError: The request does not fit the mission or the platform.
        MismatchError: The build is strict and a package is not the locked one.
        PrerequisiteError: No engine answers.
        ToolError: A step failed; carries its last lines.
    """
    from platform_images.building.names import name_image
    from platform_images.building.sizes import image_size
    from platform_images.engine.buildx import log_path

    times, seen = [clock()], StepsSeen()
    with at_builder(request) as apart, using(Kind.IMAGES):
        with _mirrored(_job(platform, mission, request, say=say), say=say) as job:
            times.append(clock())
            base = _root(job, say=say)
            times.append(clock())
            with build_place(request, apart=apart, root=base.reference) as place:
                image, composition, drift = _built(job, base, place, say=say, watch=seen.beside(watch or spoken(say)))
            times.append(clock())
        tags = composition.tags if request.only_tag is None else (request.only_tag,)
        size = image_size(image, before=request.only_tag or f"{mission.name}:latest")
        name_image(image, *tags)
    return BuildResult(
        image_id=image,
        tags=tags,
        lock_digest=composition.lock_digest,
        drift=drift,
        seconds=clock() - times[0],
        steps=seen.steps,
        phases=phases(times, export=seen.steps.export),
        size=size,
        log=log_path(mission.name),
    )


def _job(platform: Platform, mission: Mission, request: BuildRequest, *, say: Say) -> _Job:
    """Check the request and what the mission's steps say, and get the locks."""
    check_request(platform, request)
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


def _root(job: _Job, *, say: Say) -> RootImage:
    """Return the root that the request asks for."""
    from platform_images.engine.root import ensure_root

    request = job.request
    return ensure_root(
        job.platform,
        job.system,
        override_image=request.root_image,
        # One that is made anew takes the name of the one that is there: not where all names are to stay.
        no_cache=request.no_cache and request.only_tag is None,
        mirrored=job.mirror.root if job.mirror is not None else None,
        say=say,
    )


def _built(
    job: _Job, base: RootImage, place: BuildPlace, *, say: Say, watch: Watch
) -> tuple[str, Composition, tuple[Drift, ...]]:
    """Build; where packages turn out not to be the locked ones, once more with a label that says so, all from cache."""
    from platform_images.building.drift import recorded_drift, root_drift
    from platform_images.building.names import discard

    request = job.request
    below = root_drift(base)
    if request.strict:
        _require_none(below)
    composition = job.composed(base.reference, digest=base.digest)
    image = job.built(composition, place, log=job.mission.name, no_cache=request.no_cache, say=say, watch=watch)
    drift = (*below, *recorded_drift(image, job.locks))
    if not drift:
        return image, composition, ()
    if request.strict:  # its steps were done before, by a build that was not strict
        discard(image)
        _require_none(drift)
    labelled = job.composed(base.reference, digest=base.digest, drift=drift)
    final = job.built(labelled, place, log=f"{job.mission.name}-labelled", say=lambda _: None)
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
