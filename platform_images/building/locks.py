"""Where the locks of a build come from: the one difference between frozen and floating."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from platform_images import temporary
from platform_images.locks.freshness import check
from platform_images.locks.store import LockStore, units
from platform_images.locks.values import COMMON, MissionLocks
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.solve.solution import Say


def frozen_locks(platform: Platform, mission: Mission, kernels: tuple[Environment, ...]) -> MissionLocks:
    """Return the saved locks.

    Raises:
        LockError: One is stale, missing or damaged; carries the commands that cure it.
    """
    check(platform, mission, kernels=kernels)
    return LockStore(platform.locks).read_mission(platform, mission, kernels)


def floating_locks(
    platform: Platform, mission: Mission, kernels: tuple[Environment, ...], *, save: bool, say: Say
) -> MissionLocks:
    """Solve everything that the image is built from, in a scratch folder, and return those locks.

    Args:
        platform: The platform.
        mission: The mission.
        kernels: The kernels that the image gets.
        save: Keep the solutions in ``locks/``; done only when all are solved.
        say: Told what is under way.

    Raises:
        PlatformError: There is no solution, or an index did not answer; ``locks/`` is untouched.
    """
    from platform_images.solve.lock import lock_unit

    with _scratch() as store:
        for unit in units(platform, mission, kernels):
            say(f"solving {unit}")
            owner = None if unit.scope == COMMON else mission
            lock_unit(platform, owner, unit, store=store, say=say)
        locks = store.read_mission(platform, mission, kernels)
    if save:
        saved = LockStore(platform.locks)
        for lock in locks.locks:
            header = lock.header
            if saved.write(lock.unit, files=lock.files, inputs=header.inputs, solvers=header.solvers):
                say(f"saved locks/{lock.unit}")
    return locks


@contextmanager
def _scratch() -> Iterator[LockStore]:
    """Give a store that is gone afterwards."""
    with temporary.folder(temporary.Role.LOCKS) as folder:
        yield LockStore(folder)
