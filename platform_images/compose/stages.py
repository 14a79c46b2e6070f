"""The stages of the composed Dockerfile: which there are, on what each is built, and their text."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from platform_images.compose.groups import Group
from platform_images.compose.locked import environment_lock, local_channels, lock_of
from platform_images.compose.values import Sources
from platform_images.errors import PlatformError
from platform_images.locks.store import COMMON_OS
from platform_images.locks.values import NPM, OS, MissionLocks, Unit
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform

INPUTS = "inputs"
"""The fragment, and the stage, with what the composed context gives the steps."""

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What one image is composed from.

    Attributes:
        mission: The mission; None where only common parts are built.
        kernels: The kernels that the image gets, in launcher order.
        root_image: Reference of the root image.
        foreign_root: Whether the root was made elsewhere.
        epoch: SOURCE_DATE_EPOCH of every step.
        mirrored: Units that come from the build context of a mirror.
        groups: The layers of the environments' pip parts.
    """

    platform: Platform
    mission: Mission | None
    kernels: tuple[Environment, ...]
    locks: MissionLocks
    sources: Sources
    root_image: str
    foreign_root: bool
    epoch: int
    mirrored: frozenset[Unit] = frozenset()
    groups: tuple[Group, ...] = ()

    @property
    def environments(self) -> tuple[Environment, ...]:
        """The base and the kernels."""
        return (self.platform.base, *self.kernels)

    @property
    def mission_os(self) -> Unit | None:
        """The unit of the mission's own OS packages, where it has any."""
        return self._own(OS)

    @property
    def npm(self) -> Unit | None:
        """The unit of the mission's npm packages, where it has any."""
        return self._own(NPM)

    @property
    def system_stage(self) -> str:
        """The stage with every OS package that a kernel may need."""
        return "mission-os" if self.mission_os else "os"

    def _own(self, part: str) -> Unit | None:
        unit = Unit(scope=self.mission.name, part=part) if self.mission is not None else None
        return unit if unit is not None and lock_of(self.locks, unit) is not None else None


def stage_name(environment: Environment) -> str:
    """Return the name of an environment's stage."""
    return "base-environment" if environment.is_base else f"kernel-{environment.name}"


def head_text(build: Build) -> str:
    """Return the first lines."""
    title = f"the image of the mission {build.mission.name}" if build.mission is not None else "a part of every image"
    return (
        f"# Composed: {title}. What to edit is in deployments/ and common/; what is installed is in locks/.\n"
        f"ARG SOURCE_DATE_EPOCH={build.epoch}\n"
    )


def system_texts(build: Build) -> tuple[str, ...]:
    """Return the stages of the operating system, after that of what all steps are given."""
    texts = [
        render(build.sources, INPUTS),
        render(build.sources, "root", root_image=build.root_image, foreign_root=build.foreign_root),
        _os_text(build, COMMON_OS, stage="os", below="root"),
    ]
    if build.mission_os is not None:
        texts.append(_os_text(build, build.mission_os, stage="mission-os", below="os"))
    return tuple(texts)


def _os_text(build: Build, unit: Unit, *, stage: str, below: str) -> str:
    """Return the stage of one unit's Debian packages."""
    return render(build.sources, "os", stage=stage, unit=str(unit), below=below, mirrored=unit in build.mirrored)


def layered_text(build: Build) -> str:
    """Return the stage that the image itself is built on: the root, and what its Debian packages changed as a layer."""
    return render(build.sources, "system")


def environment_text(build: Build, environment: Environment) -> str:
    """Return the stages of one environment: its conda part, and its pip part where the lock has one."""
    lock = environment_lock(build.locks, environment)
    return render(
        build.sources,
        "environment",
        stage=stage_name(environment),
        unit=str(lock.unit),
        prefix=str(environment.prefix),
        gid=build.platform.settings.user.gid,
        below=_below(build, environment),
        channels=local_channels(build.platform, lock),
        groups=groups_path(environment) if any(environment in group.environments for group in build.groups) else None,
        mirrored=lock.unit in build.mirrored,
        build_variables=build_variables(environment),
    )


def _below(build: Build, environment: Environment) -> str:
    """Return the stage on which an environment is made: all missions have the same base."""
    return "os" if environment.is_base else build.system_stage


def packages_text(build: Build, group: Group) -> str:
    """Return the stage of one layer of packages."""
    first = group.environments[0]
    unit = environment_lock(build.locks, first).unit
    return render(
        build.sources,
        "packages",
        group=group,
        below=_below(build, first),
        names=[environment.name for environment in group.environments],
        environments=[
            {"name": each.name, "stage": stage_name(each), "prefix": str(each.prefix)} for each in group.environments
        ],
        gid=build.platform.settings.user.gid,
        unit=str(unit),
        mirrored=unit in build.mirrored,
        build_variables=build_variables(first) if group.build_requirements is not None else [],
    )


def groups_path(environment: Environment) -> str:
    """Return where the build context says which layer each package of an environment is in."""
    return f"packages/{stage_name(environment)}.json"


def build_variables(environment: Environment) -> list[str]:
    """Return the variables for building an environment's packages from source."""
    variables = {
        name: value for sdist in environment.settings.sdist.values() for name, value in sdist.environment.items()
    }
    return [shlex.quote(f"{name}={value}") for name, value in sorted(variables.items())]


def common_text(build: Build) -> str:
    """Return the common stage."""
    return render(
        build.sources,
        "common",
        below=build.system_stage,
        user=build.platform.settings.user,
        certificates=build.sources.certificates is not None,
        has_runtime=bool(build.sources.runtime),
        npm_unit=str(build.npm) if build.npm is not None else None,
        npm_mirrored=build.npm in build.mirrored,
    )


def render(sources: Sources, name: str, **values: Any) -> str:
    """Return one fragment of ``common/stages`` filled in.

    Raises:
        PlatformError: The fragment is missing, or asks for a value that there is not.
    """
    from jinja2 import TemplateError

    templates = _templates(tuple(sorted(sources.templates.items())))
    try:
        return templates.get_template(f"{name}.Dockerfile.j2").render(**values)
    except TemplateError as error:
        raise PlatformError(
            f"common/stages/{name}.Dockerfile.j2 cannot be filled in.",
            why=f"{type(error).__name__}: {error}",
            fix="correct the fragment; git diff common/stages shows what was changed",
        ) from error


@lru_cache(maxsize=2)
def _templates(texts: tuple[tuple[str, str], ...]) -> jinja2.Environment:
    """Return the fragments by name; each is compiled once, though an image has many stages of one kind."""
    import jinja2

    return jinja2.Environment(  # noqa: S701 - a Dockerfile is not HTML
        loader=jinja2.DictLoader(dict(texts)), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
