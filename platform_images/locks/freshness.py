"""Whether each lock was solved from the present requests; reads files only, so it needs no network and no engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from platform_images.errors import LockError
from platform_images.files import json_text, sha256_bytes
from platform_images.locks.conda import conda_packages
from platform_images.locks.content import read_whole
from platform_images.locks.patches import patches_unit
from platform_images.locks.repodata import listed
from platform_images.locks.requests import request_closure
from platform_images.locks.store import COMMON_OS, ROOT_UNIT, LockStore, root, units
from platform_images.locks.values import (
    COMMON,
    CONDA_LOCK,
    NOTEBOOKS,
    NPM,
    OS,
    PACKAGES,
    PROJECT_SCOPE,
    ROOT,
    Lock,
    Unit,
)
from platform_images.model.environment import Environment
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform


class Status(StrEnum):
    """State of a lock."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"
    DAMAGED = "damaged"
    WAITING = "waiting"  # its own files and requests are as recorded, but what it stands on is damaged


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """One unit's state.

    Attributes:
        reasons: What changed, appeared or vanished since it was solved, or what is damaged; empty for a fresh one.
        waits_for: The damaged ones that it stands on.
    """

    unit: Unit
    status: Status
    reasons: tuple[str, ...] = ()
    waits_for: tuple[Unit, ...] = ()

    @property
    def cure(self) -> str:
        """The command that cures it; empty for a fresh one."""
        if self.status is Status.FRESH:
            return ""
        return "; ".join(unit.session for unit in self.waits_for or (self.unit,))


def inputs(
    platform: Platform, mission: Mission | None, unit: Unit, *, store: LockStore | None = None
) -> dict[str, str]:
    """Return what a unit is solved from: name to SHA-256.

    A name is a path in the repository, or ``file#part`` for the part of a TOML file that matters to the solver.

    Args:
        platform: The platform.
        mission: The mission of the unit; none for common units.
        unit: What is solved.
        store: Where the locks that it builds on lie; the repository's own without it.

    Raises:
        LockError: One of those is damaged.
    """
    store = store or LockStore(platform.locks)
    found = _requests(platform, mission, unit)
    for lower in _below(unit):
        found |= _from_below(unit, lower, store)
    return found


def states(
    platform: Platform,
    mission: Mission | None,
    kernels: Sequence[Environment | str] | None = None,
    *,
    store: LockStore | None = None,
) -> tuple[LockState, ...]:
    """Return the state of every lock that an image is built from, in build order; without a mission the common ones."""
    store = store or LockStore(platform.locks)
    return tuple(_state(platform, mission, unit, store) for unit in units(platform, mission, kernels))


def check(platform: Platform, *missions: Mission, kernels: Sequence[Environment | str] | None = None) -> None:
    """Refuse locks that are stale, missing or damaged.

    Args:
        platform: The platform.
        missions: The missions whose locks are looked at, besides the common ones.
        kernels: Only these kernels, where one mission is given.

    Raises:
        LockError: At least one is not fresh; lists each with its reasons and the commands that cure it.
    """
    found = {state.unit: state for state in states(platform, None)}
    for mission in missions:
        found |= {state.unit: state for state in states(platform, mission, kernels)}
    bad = [state for state in found.values() if state.status is not Status.FRESH]
    if bad:
        ill = [state for state in bad if state.status is not Status.WAITING]  # the others need no cure of their own
        what = f"{ill[0].unit} is {ill[0].status}" if len(ill) == 1 else f"{len(ill)} locks are not fresh"
        raise LockError(f"{what}.", why=_table(bad), fix=_cure(ill, total=len(found)))


def unasked(platform: Platform, missions: Iterable[Mission]) -> tuple[Unit, ...]:
    """Return the units that have a lock and that nothing of the project asks for, sorted.

    Args:
        platform: The platform.
        missions: All of its missions.
    """
    asked = set(units(platform, None))
    for mission in missions:
        asked |= {*units(platform, mission), patches_unit(mission.name)}
    present = LockStore(platform.locks).units()
    return tuple(unit for unit in present if unit not in asked and unit.scope != PROJECT_SCOPE)


def _table(bad: Sequence[LockState]) -> str:
    """Return one line a lock, with what changed."""
    width = max(len(str(state.unit)) for state in bad)
    return "\n".join(
        f"{state.unit!s:<{width}}  {state.status:<7}  {', '.join(state.reasons)}".rstrip() for state in bad
    )


def _cure(ill: Sequence[LockState], *, total: int) -> str:
    """Return the shortest commands that cure it."""
    damaged = [f"git restore locks/{state.unit}" for state in ill if state.status is Status.DAMAGED]
    if damaged:
        return f"{'; '.join(damaged)}; or nox -s lock, which solves again"
    return "nox -s lock" if len(ill) > 3 or len(ill) == total else "; ".join(state.unit.session for state in ill)


def _state(platform: Platform, mission: Mission | None, unit: Unit, store: LockStore) -> LockState:
    """Return one unit's state."""
    try:
        lock = read_whole(store, unit)
    except LockError as error:
        return LockState(unit=unit, status=Status.DAMAGED, reasons=_said(error))
    if lock is None:
        return LockState(unit=unit, status=Status.MISSING)
    recorded, present = lock.header.inputs, _requests(platform, mission, unit)
    ill = []
    for lower in _below(unit):
        try:
            present |= _from_below(unit, lower, store)
        except LockError:  # the lower one's own state says why; here it only cannot be compared
            ill.append(lower)
            recorded = {name: value for name, value in recorded.items() if not _is_from(name, lower)}
    reasons = (*_differences(recorded, present), *_channel_differences(platform, lock))
    if ill and not reasons:
        waits = tuple(f"for {lower}, which is damaged" for lower in ill)
        return LockState(unit=unit, status=Status.WAITING, reasons=waits, waits_for=tuple(ill))
    return LockState(unit=unit, status=Status.STALE if reasons else Status.FRESH, reasons=reasons)


def _said(error: LockError) -> tuple[str, ...]:
    """Return what an error says, as reasons of one line each."""
    lines = [error.what.removesuffix("."), *(error.why or "").splitlines()]
    return tuple(" ".join(line.split()) for line in lines)


def _differences(recorded: dict[str, str], present: dict[str, str]) -> Iterator[str]:
    """Say which inputs are not as recorded."""
    for name in sorted(recorded | present):
        if name not in present:
            yield f"{name} vanished"
        elif name not in recorded:
            yield f"{name} appeared"
        elif recorded[name] != present[name]:
            yield f"{name} changed"


def _channel_differences(platform: Platform, lock: Lock) -> Iterator[str]:
    """Say which locked conda packages a channel inside this repository no longer has with the same bytes."""
    if CONDA_LOCK not in lock.files:
        return
    places = {channel.name: channel.path for channel in platform.settings.channels if channel.path is not None}
    for package in conda_packages(lock):
        place = places.get(package.channel)
        if place is not None:
            present = listed(platform.folder, Path(place) / package.subdir).get(package.filename)
            if present != package.sha256:
                yield f"{place}/{package.subdir}/{package.filename} {'changed' if present else 'vanished'}"


def _environment(platform: Platform, mission: Mission | None, unit: Unit) -> Environment:
    """Return the environment of a unit."""
    if unit.scope == COMMON or mission is None:
        return platform.base
    return mission.kernel(unit.part)


def _root_settings(platform: Platform) -> dict[str, object]:
    """Return what decides the root; from where its packages come does not."""
    settings = platform.settings
    return {"platform": settings.platform, **settings.root.model_dump(exclude={"snapshot", "snapshot_security"})}


def _requests(platform: Platform, mission: Mission | None, unit: Unit) -> dict[str, str]:
    """Return what a unit is solved from, but for what it stands on."""
    if unit.part == ROOT:
        return {"platform.toml#root": _value_hash(_root_settings(platform))}
    if unit.part == OS:
        path = "common/apt.txt" if unit.scope == COMMON else f"deployments/{unit.scope}/apt.txt"
        return {path: _file_hash(platform.folder / path)}
    if unit.part == NPM:
        path = f"deployments/{unit.scope}/npm.txt"
        return {path: _file_hash(platform.folder / path)}
    if unit.part == NOTEBOOKS:
        return notebook_inputs(mission) if mission is not None else {}
    return _environment_requests(platform, _environment(platform, mission, unit))


def _below(unit: Unit) -> tuple[Unit, ...]:
    """Return the units whose solutions are among the inputs of this one."""
    if unit.part in (ROOT, NPM, NOTEBOOKS):
        return ()
    return (ROOT_UNIT, COMMON_OS) if unit.part == OS and unit != COMMON_OS else (ROOT_UNIT,)


def _from_below(unit: Unit, lower: Unit, store: LockStore) -> dict[str, str]:
    """Return what a unit takes from the solution of one that it stands on; nothing where that has no lock.

    Raises:
        LockError: The lower one's lock is damaged.
    """
    lock = read_whole(store, lower)
    if lock is None:
        return {}
    if unit.part == OS:
        return {f"locks/{lower}/{PACKAGES}": lock.header.files[PACKAGES]}
    return {f"locks/{lower}#glibc": _value_hash(root(lock).glibc)}


def _is_from(name: str, lower: Unit) -> bool:
    """Whether an input is of a lower unit."""
    return name.startswith((f"locks/{lower}/", f"locks/{lower}#"))


def notebook_inputs(mission: Mission) -> dict[str, str]:
    """Return what each folder of notebooks is locked from: its repository and its ref."""
    return {
        f"deployments/{mission.name}/mission.toml#notebooks.{each.folder}": _value_hash([each.url, each.ref])
        for each in mission.settings.notebooks
    }


def _environment_requests(platform: Platform, environment: Environment) -> dict[str, str]:
    """Return what an environment is solved from, but for what it stands on."""
    settings, place = environment.settings, environment.folder.relative_to(platform.folder)
    sdists = {name: sorted(sdist.build_requires) for name, sdist in settings.sdist.items()}
    solve = {
        "platform": platform.settings.platform,
        "channels": environment.conda.channels,
        "conda": platform.settings.conda.model_dump(),
    }
    asked = (*environment.request_files, *environment.constraint_files)
    requests = request_closure(asked, folder=platform.folder)
    result = {path.relative_to(platform.folder).as_posix(): _file_hash(path) for path in requests}
    result[f"{place.as_posix()}/environment.yml"] = _file_hash(environment.folder / "environment.yml")
    result[f"{place.as_posix()}/kernel.toml#solve"] = _value_hash({"solver": settings.solver, "sdist": sdists})
    result["platform.toml#solve"] = _value_hash(solve)
    return result


def _value_hash(value: object) -> str:
    """Return the hash of a value in canonical JSON."""
    return sha256_bytes(json_text(value).encode("utf-8"))


def _file_hash(path: Path) -> str:
    """Return the hash of a request file; a list that is absent is an empty one."""
    return sha256_bytes(path.read_bytes() if path.is_file() else b"")
