"""Composing: platform, mission and locks to one Dockerfile, its build context, labels and tags. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from platform_images.compose.certificates import certificate_files
from platform_images.compose.channels import channel_list
from platform_images.compose.final import final_files, final_text
from platform_images.compose.groups import Group, groups
from platform_images.compose.kernels import kernel_files
from platform_images.compose.labels import labels, tags
from platform_images.compose.locked import environment_lock, local_channels, lock_files, required_lock
from platform_images.compose.mission_stage import mission_stage
from platform_images.compose.stages import (
    Build,
    common_text,
    environment_text,
    groups_path,
    head_text,
    layered_text,
    packages_text,
    stage_name,
    system_texts,
)
from platform_images.compose.values import Composition, ContextFile, Drift, Sources
from platform_images.files import json_text
from platform_images.locks.digest import mission_digest
from platform_images.locks.store import COMMON_OS, ROOT_UNIT, root
from platform_images.locks.values import BUILD_REQUIREMENTS, REQUIREMENTS, MissionLocks, Unit
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform


def compose(
    platform: Platform,
    mission: Mission,
    kernels: tuple[Environment, ...],
    locks: MissionLocks,
    *,
    sources: Sources,
    root_image: str,
    revision: str,
    base_digest: str | None = None,
    foreign_root: bool = False,
    drift: tuple[Drift, ...] = (),
    extra_tag: str | None = None,
    mirrored: frozenset[Unit] = frozenset(),
) -> Composition:
    """Return everything that BuildKit needs to make the mission's image.

    Args:
        platform: The platform.
        mission: The mission.
        kernels: The kernels that the image gets, in launcher order.
        locks: Their locks and those of all that lies below them.
        sources: What was read from the repository.
        root_image: Reference of the root image.
        revision: The git commit, for a label.
        base_digest: The root's digest, for a label.
        foreign_root: Whether the root was made elsewhere.
        drift: What is known to differ from the locks.
        extra_tag: One more tag, ``NAME:TAG`` or ``TAG``.
        mirrored: Units that come from the build context of a mirror and from nowhere else.

    Raises:
        LockError: A lock that the image needs is not among ``locks``, or holds no solution.
        UsageError: The mission's own ``Dockerfile`` has a mistake.
    """
    build = replace(
        _build(platform, mission, kernels, locks, sources, root_image=root_image, foreign_root=foreign_root),
        mirrored=mirrored,
        groups=groups(locks, (platform.base, *kernels)),
    )
    digest = mission_digest(locks)
    found = labels(mission, kernels, revision=revision, lock_digest=digest, base_digest=base_digest, drift=drift)
    return Composition(
        dockerfile=_joined(
            head_text(build),
            *system_texts(build),
            layered_text(build),
            *(environment_text(build, environment) for environment in build.environments),
            *(packages_text(build, group) for group in build.groups),
            common_text(build),
            "# ---- mission: the mission's own steps\n" + mission_stage(mission.dockerfile, mission=mission.name),
            final_text(build, mission, found),
        ),
        files=_sorted(
            *_lock_files(build, build.environments),
            *_package_files(build),
            *kernel_files(build.environments),
            *final_files(build, mission, lock_digest=digest),
            *sources.runtime,
            *sources.channels,
            channel_list(platform),
            *sources.programs,
            *(certificate_files(sources.certificates) if sources.certificates is not None else ()),
        ),
        channels=_channels(build, build.environments),
        needs_node=build.npm is not None,
        labels=found,
        tags=tags(mission, digest, extra_tag),
        lock_digest=digest,
        epoch=build.epoch,
    )


def compose_environment(
    platform: Platform,
    mission: Mission | None,
    environment: Environment,
    locks: MissionLocks,
    *,
    sources: Sources,
    root_image: str,
    foreign_root: bool = False,
) -> tuple[Composition, str]:
    """Return the build of one environment's conda part on the operating system, and the name of its last stage.

    Raises:
        LockError: A lock that it needs is not among ``locks``.
    """
    build = _build(platform, mission, (environment,), locks, sources, root_image=root_image, foreign_root=foreign_root)
    composition = Composition(
        dockerfile=_joined(head_text(build), *system_texts(build), environment_text(build, environment)),
        files=_sorted(*_lock_files(build, (environment,)), *sources.programs),
        channels=_channels(build, (environment,)),
        epoch=build.epoch,
    )
    return composition, f"{stage_name(environment)}-conda"


def _build(
    platform: Platform,
    mission: Mission | None,
    kernels: tuple[Environment, ...],
    locks: MissionLocks,
    sources: Sources,
    *,
    root_image: str,
    foreign_root: bool,
) -> Build:
    """Return what both compositions are made from."""
    return Build(
        platform=platform,
        mission=mission,
        kernels=kernels,
        locks=locks,
        sources=sources,
        root_image=root_image,
        foreign_root=foreign_root,
        epoch=root(required_lock(locks, ROOT_UNIT)).epoch,
    )


def _lock_files(build: Build, environments: tuple[Environment, ...]) -> tuple[ContextFile, ...]:
    """Return the locks that the build's programs read."""
    system = [unit for unit in (COMMON_OS, build.mission_os, build.npm) if unit is not None]
    used = [required_lock(build.locks, unit) for unit in system]
    used += [environment_lock(build.locks, environment) for environment in environments]
    return tuple(file for lock in used for file in lock_files(build.platform, lock))


def _package_files(build: Build) -> Iterator[ContextFile]:
    """Yield what the stages of packages read: which package is in which layer, and each layer's requirements."""
    for environment in build.environments:
        layers = {
            name: group.name
            for group in build.groups
            if environment in group.environments
            for name in group.distributions
        }
        if layers:
            yield ContextFile(path=groups_path(environment), text=json_text(layers))
    for group in build.groups:
        yield from _group_files(group)


def _group_files(group: Group) -> Iterator[ContextFile]:
    """Yield what the stage of one layer reads."""
    place = f"packages/{group.name}"
    environments = [{"name": each.name, "prefix": str(each.prefix)} for each in group.environments]
    listed = {"name": group.name, "rank": group.rank, "environments": environments}
    yield ContextFile(path=f"{place}/environments.json", text=json_text(listed))
    yield ContextFile(path=f"{place}/{REQUIREMENTS}", text=group.requirements)
    if group.build_requirements is not None:
        yield ContextFile(path=f"{place}/{BUILD_REQUIREMENTS}", text=group.build_requirements)


def _channels(build: Build, environments: tuple[Environment, ...]) -> tuple[str, ...]:
    """Return the channels of the repository that are mounted, sorted."""
    locks = [environment_lock(build.locks, environment) for environment in environments]
    return tuple(sorted({name for lock in locks for name in local_channels(build.platform, lock)}))


def _joined(*parts: str) -> str:
    """Return the Dockerfile: its parts, an empty line between them."""
    return "\n".join(part.strip() + "\n" for part in parts)


def _sorted(*files: ContextFile) -> tuple[ContextFile, ...]:
    """Return the files of the context by path."""
    return tuple(sorted(files, key=lambda file: file.path))
