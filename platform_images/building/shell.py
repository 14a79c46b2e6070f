"""An image with one environment's conda part on its operating system, for solvers that run in that environment."""

from __future__ import annotations

from platform_images.building.context import build_composition
from platform_images.building.names import name_image
from platform_images.compose.composition import compose_environment
from platform_images.compose.sources import read_sources
from platform_images.engine.root import ensure_root
from platform_images.files import sha256_bytes
from platform_images.locks.store import COMMON_OS, ROOT_UNIT, LockStore, root
from platform_images.locks.values import CONDA_LOCK, OS, Header, Lock, MissionLocks, Unit
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform
from platform_images.solve.solution import Say

REPOSITORY = "platform-images/environment"


def environment_shell(
    platform: Platform,
    mission: Mission | None,
    environment: Environment,
    *,
    conda_lock: str,
    store: LockStore,
    say: Say,
) -> str:
    """Build and return the id of an image with root, OS packages and the conda part of one environment.

    It is a stage of the same Dockerfile that the mission's image is built from, so a later build finds it done. The
    engine keeps the latest one of each environment.

    Args:
        platform: The platform.
        mission: The environment's mission; None for the base.
        environment: The environment, at its own prefix.
        conda_lock: Text of its ``conda-lock.yml``, perhaps not saved yet.
        store: Where the locks of root and OS packages lie.
        say: Told what is under way.

    Raises:
        LockError: Root or OS packages have no lock.
        ToolError: A step failed.
    """
    unit = Unit(scope=environment.scope, part=environment.name)
    digest = sha256_bytes(conda_lock.encode("utf-8"))
    header = Header(inputs={}, solvers={}, files={CONDA_LOCK: digest})
    below = [store.require(ROOT_UNIT), store.require(COMMON_OS)]
    if mission is not None and mission.os_packages:
        below.append(store.require(Unit(scope=mission.name, part=OS)))
    lock = Lock(unit=unit, header=header, files={CONDA_LOCK: conda_lock})
    base = ensure_root(platform, root(below[0]), say=say)
    composition, target = compose_environment(
        platform,
        mission,
        environment,
        MissionLocks(mission=environment.scope, locks=(*below, lock)),
        sources=read_sources(platform, mission, ca_bundle=None),
        root_image=base.reference,
    )
    name = f"{environment.scope}-{environment.name}"
    image = build_composition(platform, mission, composition, name=name, target=target, say=say)
    name_image(image, f"{REPOSITORY}:{name}")
    return image
