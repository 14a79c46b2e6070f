"""Removing what was planned: each thing as a whole or not at all, and only where it is still free."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from platform_images import process, temporary, usage
from platform_images.clean import disk, engine, secondengines
from platform_images.clean.values import Action, Decision, Entry, Kind
from platform_images.engine import client
from platform_images.engine.buildx import buildx_command
from platform_images.errors import PlatformError, ToolError, UsageError
from platform_images.files import remove

PRUNE_SECONDS = 600.0
_IN_USE = 409
_MARKS = {Kind.TOOLS: usage.Kind.TOOLS, Kind.ROOT: usage.Kind.ROOTS, Kind.HUB_PROGRAMS: usage.Kind.HUB}
_MARKS |= {Kind.DEB: usage.Kind.DEBS}


class _BusyError(Exception):
    """Something is in use by now."""


def carried_out(decided: Iterable[Decision]) -> Iterator[Decision]:
    """Remove what is to be removed, one thing after the other, and give what has really become of each."""
    for each in decided:
        yield _done(each) if each.action is Action.REMOVED else each


def _done(decision: Decision) -> Decision:
    try:
        _REMOVERS[decision.entry.kind](decision.entry)
    except _BusyError as busy:
        return replace(decision, action=Action.IN_USE, why=str(busy))
    except PlatformError as error:
        return replace(decision, action=Action.FAILED, why=process.redacted(error.why or error.what))
    except OSError as error:
        return replace(decision, action=Action.FAILED, why=f"{error.filename}: {error.strerror}")
    return decision


def _remove_cached(entry: Entry) -> None:
    """Remove something from the user's cache; under its own name it is never there in part."""
    path = Path(entry.handle)
    if path.is_symlink():
        raise _BusyError("a link, which is not followed")
    gone = path if path.name.startswith(".") else path.with_name(f".{path.name}.gone")
    if gone != path:
        remove(gone)
        path.rename(gone)
    remove(gone)
    if entry.kind in _MARKS:
        usage.mark_path(_MARKS[entry.kind], path.name).unlink(missing_ok=True)


def _remove_temporary(entry: Entry) -> None:
    """Remove a temporary folder that is still nobody's, and the file of a second engine's data with it."""
    path = Path(entry.handle)
    if path.is_symlink() or temporary.locked(path) or os.path.ismount(path):
        raise _BusyError("it is in use by now")
    if temporary.role_of(path.name) is temporary.Role.ENGINE:
        path.with_name(f"{path.name}{disk.IMAGE}").unlink(missing_ok=True)
    remove(path)


def _remove_second_engine(entry: Entry) -> None:
    if not secondengines.remove(Path(entry.handle)):
        raise _BusyError("it is in use by now")


def _prune(entry: Entry) -> None:
    """Have the builder forget one record; it leaves one that a build uses, without saying so."""
    process.run([*buildx_command(), "prune", "--force", "--filter", f"id={entry.handle}"], timeout=PRUNE_SECONDS)
    if any(each.id == entry.handle for each in engine.records(now=0.0)):
        raise _BusyError("a build uses it")


def _remove_image(entry: Entry) -> None:
    """Take a name from an image, which goes with its last one."""
    _engine("remove the image", lambda: client.engine().api.remove_image(entry.handle, noprune=True))


def _remove_container(entry: Entry) -> None:
    _engine("remove the container", lambda: client.engine().api.remove_container(entry.handle, v=True, force=True))


def _remove_network(entry: Entry) -> None:
    _engine("remove the network", lambda: client.engine().api.remove_network(entry.handle))


def _remove_volume(entry: Entry) -> None:
    _engine("remove the volume", lambda: client.engine().api.remove_volume(entry.handle))


def _remove_hub(entry: Entry) -> None:
    """Remove what is left of a hub; homes stay."""
    from platform_images.hub import engine as hub

    try:
        hub.remove(entry.handle)
    except UsageError as error:
        raise _BusyError(error.what) from error


def _engine(doing: str, body: Callable[[], object]) -> None:
    """Do something in the engine; what is gone is well.

    Raises:
        ToolError: The engine refuses.
    """
    from docker.errors import APIError, NotFound

    try:
        body()
    except NotFound:
        return
    except APIError as error:
        if error.status_code == _IN_USE:
            raise _BusyError(process.redacted(str(error.explanation))) from error
        raise client.refusal(doing, error) from error


def _never(entry: Entry) -> None:
    raise ToolError(f"{entry.name} is not for this program to remove.")


_REMOVERS: dict[Kind, Callable[[Entry], None]] = {
    Kind.TOOLS: _remove_cached,
    Kind.ROOT: _remove_cached,
    Kind.HUB_PROGRAMS: _remove_cached,
    Kind.DEB: _remove_cached,
    Kind.LOG: _remove_cached,
    Kind.OTHER: _never,
    Kind.TEMPORARY: _remove_temporary,
    Kind.SECOND_ENGINE: _remove_second_engine,
    Kind.CACHE_MOUNT: _prune,
    Kind.BUILD_STEPS: _never,
    Kind.IMAGE: _remove_image,
    Kind.CONTAINER: _remove_container,
    Kind.HUB: _remove_hub,
    Kind.NETWORK: _remove_network,
    Kind.VOLUME: _remove_volume,
}
