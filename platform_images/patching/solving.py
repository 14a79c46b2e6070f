"""Solving a patch: Debian packages by asking the released image, Python packages against the locks, all else held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from platform_images import temporary
from platform_images.compose.locked import environment_lock, lock_of
from platform_images.compose.patch import unit_of
from platform_images.errors import UsageError
from platform_images.files import json_text
from platform_images.locks.conda import conda_packages, distributions
from platform_images.locks.freshness import inputs
from platform_images.locks.patches import PatchedPackage
from platform_images.locks.pip import pins
from platform_images.locks.store import COMMON_OS, LockStore, os_packages
from platform_images.locks.values import COMMON, OS, PACKAGES, REQUIREMENTS, Lock, MissionLocks, OsPackages, Unit
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.model.spelling import nearest
from platform_images.patching.moves import OsUnit, changed_packages, placed
from platform_images.patching.request import PatchRequest
from platform_images.solve.patch import parse_request, patch_environment
from platform_images.solve.solution import Say


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """A patch before it is laid out.

    Attributes:
        locks: The locks after it.
        changed: Those of them that are not as they were.
        packages: What was changed.
    """

    locks: MissionLocks
    changed: tuple[Lock, ...]
    packages: tuple[PatchedPackage, ...]


def solve_patch(
    platform: Platform,
    mission: Mission,
    kernels: tuple[Environment, ...],
    locks: MissionLocks,
    request: PatchRequest,
    *,
    image: str,
    say: Say,
) -> Solved:
    """Solve a patch; nothing is written.

    Args:
        platform: The platform.
        mission: The mission.
        kernels: The kernels that the image has.
        locks: The locks that it was built from.
        request: What is asked for.
        image: The released image.
        say: Told what is under way.

    Raises:
        UsageError: A package is not there, or cannot be changed.
        ToolError: There is no solution, or an index or a mirror did not answer.
        PrerequisiteError: No engine answers.
    """
    chosen = _chosen(platform, kernels, locks, request)
    installed: dict[str, str] = {}
    with _scratch(locks) as store:
        for environment, asked in chosen:
            owner = None if environment.is_base else mission
            lock = environment_lock(locks, environment)
            solution = patch_environment(platform, owner, environment, asked, old=lock, store=store, say=say)
            recorded = {**lock.header.inputs}
            store.write(lock.unit, files=solution.files, inputs=recorded, solvers=solution.solvers)
        if request.systems:
            installed = _patch_systems(platform, mission, locks, request, image=image, store=store, say=say)
        after = store.read_mission(platform, mission, kernels)
    old = {lock.unit: lock for lock in locks.locks}
    return Solved(
        locks=after,
        changed=tuple(lock for lock in after.locks if lock != old[lock.unit]),
        packages=changed_packages(locks, after, installed=installed),
    )


def _patch_systems(
    platform: Platform,
    mission: Mission,
    locks: MissionLocks,
    request: PatchRequest,
    *,
    image: str,
    store: LockStore,
    say: Say,
) -> dict[str, str]:
    """Put new Debian packages into the locks; return all that the released image has."""
    from platform_images.solve.aptpatch import solve_os_patch

    found = solve_os_patch(platform, image, request.systems, say=say)
    own = Unit(scope=mission.name, part=OS)
    present = [lock for unit in (COMMON_OS, own) if (lock := lock_of(locks, unit)) is not None]
    units = [OsUnit(unit=lock.unit, packages=os_packages(lock).packages) for lock in present]
    new = {each.unit: each.packages for each in placed(found.packages, units, installed=found.installed)}
    for lock in present:
        files, solvers = lock.files, lock.header.solvers
        if lock.unit in new:
            files = {**files, PACKAGES: json_text(OsPackages(packages=new[lock.unit]).model_dump(mode="json"))}
            solvers = {**solvers, "apt": found.apt}
        owner = None if lock.unit.scope == COMMON else mission
        below = inputs(platform, owner, lock.unit, store=store)  # the common one may be another by now
        store.write(lock.unit, files=files, inputs=below, solvers=solvers)
    return found.installed


def _chosen(
    platform: Platform, kernels: Sequence[Environment], locks: MissionLocks, request: PatchRequest
) -> list[tuple[Environment, tuple[str, ...]]]:
    """Return the environments that are changed, each with the requests for packages that it has.

    Raises:
        UsageError: There is no such environment, or none of them has a package.
    """
    all_ = {each.name: each for each in (platform.base, *kernels)}
    for name in request.environments:
        if name not in all_:
            raise UsageError(
                f"The image has no kernel {name!r}{nearest(name, sorted(all_))}.",
                fix=f"give --kernel with one of {', '.join(sorted(all_))}",
            )
    meant = [each for name, each in all_.items() if not request.environments or name in request.environments]
    asked = {str(canonicalize_name(parse_request(each).name)): each for each in request.packages}
    has = {each.name: _pinned(locks, each) for each in meant}
    for name in asked:
        if not any(name in names for names in has.values()):
            raise _absent(platform, name, meant, locks)
    found = [(each, tuple(asked[name] for name in sorted(asked) if name in has[each.name])) for each in meant]
    return [(environment, requests) for environment, requests in found if requests]


def _absent(platform: Platform, name: str, meant: Sequence[Environment], locks: MissionLocks) -> UsageError:
    """Return the error for a package that no environment has from pip."""
    for environment in meant:
        conda = conda_packages(environment_lock(locks, environment))
        names = {each.name: each for each in conda} | distributions(conda, platform.settings.conda.pypi_names)
        if name in names:
            unit, own = unit_of(environment), names[name].name  # conda may spell it in its own way
            return UsageError(
                f"{name} is a conda package of {unit}: what stands on it was built against it.",
                fix=f"change it with {unit.session} -- --upgrade-package {own}, and build the image",
            )
    known = sorted({each for environment in meant for each in _pinned(locks, environment)})
    return UsageError(
        f"No environment of the image has the package {name!r}{nearest(name, known)}.",
        fix="a new package is asked for in requirements.in; a patch only changes what is there",
    )


def _pinned(locks: MissionLocks, environment: Environment) -> frozenset[str]:
    """Return the normalised names of an environment's pip part."""
    text = environment_lock(locks, environment).files.get(REQUIREMENTS, "")
    return frozenset(str(canonicalize_name(pin.name)) for pin in pins(text))


@contextmanager
def _scratch(locks: MissionLocks) -> Iterator[LockStore]:
    """Give a store with these locks, which is gone afterwards."""
    with temporary.folder(temporary.Role.LOCKS) as folder:
        store = LockStore(folder)
        for lock in locks.locks:
            store.write(lock.unit, files=lock.files, inputs=lock.header.inputs, solvers=lock.header.solvers)
        yield store
