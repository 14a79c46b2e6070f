"""Composing a patch: the build of the one layer that is laid on a released image. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from platform_images.compose.final import SYSTEM_PATH, record_text
from platform_images.compose.groups import requirements_of
from platform_images.compose.labels import labels, tags
from platform_images.compose.locked import environment_lock, os_list, required_lock
from platform_images.compose.stages import INPUTS, build_variables, render
from platform_images.compose.values import Composition, ContextFile, Sources
from platform_images.errors import LockError
from platform_images.files import json_text
from platform_images.locks.digest import mission_digest
from platform_images.locks.patches import Patch, PatchedPackage
from platform_images.locks.pip import pins
from platform_images.locks.store import ROOT_UNIT, os_packages, requirements, root
from platform_images.locks.values import BUILD_REQUIREMENTS, OS, REQUIREMENTS, MissionLocks, Unit
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform

LAYER = "layer.tar"
_PLACE = "patch"
_SHELL = ("/bin/sh", "-c")
_STAGE_VARIABLES = ("HOME", "LANG", "PATH", "SOURCE_DATE_EPOCH")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What a patch changes in one unit."""

    unit: Unit
    packages: tuple[PatchedPackage, ...]


def compose_patch(
    platform: Platform,
    mission: Mission,
    kernels: tuple[Environment, ...],
    locks: MissionLocks,
    patches: Sequence[Patch],
    *,
    sources: Sources,
    released: str,
    variables: Sequence[str] = (),
    revision: str,
) -> Composition:
    """Return the build of a patch's layer, which is the file ``layer.tar`` of the last stage.

    Args:
        platform: The platform.
        mission: The mission.
        kernels: The kernels that the released image has.
        locks: The locks after the patch.
        patches: All that led to the patched image; the last is the one that is built.
        sources: What was read from the repository.
        released: Reference of the released image, which the engine has.
        variables: Names of the variables that it sets: in a full build they come last, so no step has them.
        revision: The git commit, for a label.

    Raises:
        LockError: The locks do not have what the patch names.
    """
    changes = tuple(_changes(patches[-1].packages))
    environments = {str(unit_of(each)): each for each in (platform.base, *kernels)}
    system = root(required_lock(locks, ROOT_UNIT))
    # Files of the image below are as late as its own date and a second (place.sh): they are not to be dated anew.
    epoch = system.epoch + len(patches)
    digest = mission_digest(locks)
    found = labels(
        mission,
        kernels,
        revision=revision,
        lock_digest=digest,
        base_digest=system.digest,
        drift=(),
        patches=patches,
    )
    dockerfile = f"{render(sources, INPUTS).strip()}\n\n" + render(
        sources,
        _PLACE,
        number=len(patches),
        released=released,
        shell=json.dumps(step_shell(variables)),
        path=SYSTEM_PATH,
        gid=platform.settings.user.gid,
        systems=[str(each.unit) for each in changes if each.unit.part == OS],
        environments=[
            {"unit": str(each.unit), "prefix": str(changed.prefix), "variables": build_variables(changed)}
            for each in changes
            if each.unit.part != OS
            for changed in (_environment(each.unit, environments),)
        ],
    )
    record = record_text(mission, (platform.base, *kernels), lock_digest=digest)
    return Composition(
        dockerfile=f"# Composed: a patch of the mission {mission.name}.\n"
        f"ARG SOURCE_DATE_EPOCH={epoch}\n\n{dockerfile.strip()}\n",
        files=tuple(
            sorted(
                (
                    *(file for each in changes for file in _files(each, locks, environments)),
                    ContextFile(path="record/opt/environments/record/image.json", text=record),
                    *sources.programs,
                ),
                key=lambda file: file.path,
            )
        ),
        channels=(),
        labels=found,
        tags=tags(mission, digest, None, patches=patches),
        lock_digest=digest,
        epoch=epoch,
    )


def unit_of(environment: Environment) -> Unit:
    """Return an environment's unit."""
    return Unit(scope=environment.scope, part=environment.name)


def step_shell(variables: Sequence[str]) -> list[str]:
    """Return the shell of a patch's steps: it does not have an image's variables, but for those that the stage sets."""
    unset = [word for name in variables if name not in _STAGE_VARIABLES for word in ("-u", name)]
    return ["/usr/bin/env", *unset, *_SHELL] if unset else list(_SHELL)


def _changes(packages: Sequence[PatchedPackage]) -> Iterator[_Change]:
    """Yield what is changed, by unit: the common OS packages first, then the mission's, then the environments'."""
    names = {each.unit: Unit(scope=each.unit.partition("/")[0], part=each.unit.partition("/")[2]) for each in packages}
    for name, unit in sorted(names.items(), key=lambda each: (each[1].part != OS, each[1].scope != "common", each[0])):
        yield _Change(unit=unit, packages=tuple(each for each in packages if each.unit == name))


def _files(change: _Change, locks: MissionLocks, environments: dict[str, Environment]) -> Iterator[ContextFile]:
    """Yield what the step of one unit reads."""
    place = f"{_PLACE}/{change.unit}"
    new = {each.name for each in change.packages if each.after is not None}
    if change.unit.part == OS:
        found = [each for each in os_packages(required_lock(locks, change.unit)).packages if each.name in new]
        _check(change, {(each.name, each.version) for each in found})
        yield ContextFile(path=f"{place}/packages.list", text=os_list(found))
        return
    lock = environment_lock(locks, _environment(change.unit, environments))
    some = [pin for pin in pins(requirements(lock)) if canonicalize_name(pin.name) in new]
    _check(change, {(str(canonicalize_name(pin.name)), pin.version) for pin in some})
    text, backends = requirements_of(lock, some)
    yield ContextFile(path=f"{place}/lock/{REQUIREMENTS}", text=text)
    if backends is not None:
        yield ContextFile(path=f"{place}/lock/{BUILD_REQUIREMENTS}", text=backends)
    gone = sorted(each.name for each in change.packages if each.before is not None)
    yield ContextFile(path=f"{place}/patch.json", text=json_text({"install": sorted(new), "remove": gone}))


def _environment(unit: Unit, environments: dict[str, Environment]) -> Environment:
    """Return the environment of a unit.

    Raises:
        LockError: The image has no such environment.
    """
    if str(unit) not in environments:
        raise LockError(
            f"The patch has changed {unit}, and there is no such environment.",
            why=f"the environments of the image: {', '.join(sorted(environments))}",
            fix="check out the commit of its release, or build the image as a whole",
        )
    return environments[str(unit)]


def _check(change: _Change, found: set[tuple[str, str]]) -> None:
    """Refuse a patch that the locks do not have.

    Raises:
        LockError: A package has another version there, or is not there.
    """
    for each in change.packages:
        if each.after is not None and (each.name, each.after) not in found:
            raise LockError(
                f"The lock of {change.unit} does not have {each.name} {each.after}, which the patch has put there.",
                fix="git restore locks, or build the image as a whole",
            )
