"""What the things in an engine are to the program: caches, leftovers of killed runs, in use, or not its own. Pure.

A name or label of ours makes a thing ours; that its owner has ended makes it a leftover. Where the owner is not known,
as it is another machine's or was never written down, only what nothing uses and is a day old is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from platform_images.clean.values import Entry, Kind, State
from platform_images.owner import State as Owner

DAY = 86_400.0
HUB_ROLE = "hub"
HOME_ROLE = "hub-home"
REBUILT = "verify-rebuild"
ROOTS = "platform-images/root"
ENVIRONMENTS = "platform-images/environment"
RELEASED = "platform-images/released"
PATCHED = "platform-images/patched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: its id, names, mission (empty without one), layers, size, and when it was named last."""

    id: str
    names: tuple[str, ...]
    mission: str
    layers: tuple[str, ...]
    size: int
    named: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container; ``role`` is None where it is not one of ours."""

    id: str
    name: str
    role: str | None
    running: bool
    made: float | None
    owner: Owner
    image: str
    volumes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network of ours, with the mission of its hub where it has one."""

    id: str
    name: str
    role: str
    mission: str
    made: float | None
    owner: Owner
    containers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume of ours."""

    name: str
    role: str
    mission: str
    made: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What an engine has that may be ours; all of its containers, since they use images and volumes."""

    images: tuple[Image, ...] = field(default=())
    containers: tuple[Container, ...] = field(default=())
    networks: tuple[Network, ...] = field(default=())
    volumes: tuple[Volume, ...] = field(default=())


def entries(stock: Stock, *, images_free: bool, now: float) -> tuple[Entry, ...]:
    """Return what the engine has of ours, and what it is to the program.

    Args:
        stock: What it has.
        images_free: Whether no command of ours that uses images runs.
        now: The time.
    """
    return (
        *_images(stock, free=images_free, now=now),
        *(_container(each, now=now) for each in stock.containers if each.role not in (None, HUB_ROLE)),
        *_lost_servers(stock, now=now),
        *(_network(each, now=now) for each in stock.networks),
        *(_volume(each, stock.containers, now=now) for each in stock.volumes),
    )


def _images(stock: Stock, *, free: bool, now: float) -> Iterable[Entry]:
    """Give each name of an image that is ours as one entry; the engine keeps an image until its last name goes."""
    missions = [each for each in stock.images if each.mission and any(not _is_ours(n, each) for n in each.names)]
    used = {each.image for each in stock.containers}
    for image in stock.images:
        names = [name for name in image.names if _is_ours(name, image)]
        others = ", ".join(name for name in image.names if name not in names)
        if image.mission and not names:
            why = "a mission's; docker rmi" if others else "it may be somebody's who built on ours; docker image prune"
            shown = others or f"{image.id[:19]} (without a name)"
            yield _named(shown, image, State.KEPT, why)
        for name in names:
            yield _named(name, image, *_image(name, image, missions, used, free=free, now=now))


def _named(name: str, image: Image, state: State, why: str) -> Entry:
    """Return the entry of a name; what is kept has nothing by which it could be removed."""
    handle = "" if state is State.KEPT else name
    return Entry(kind=Kind.IMAGE, name=name, size=image.size, used=image.named, state=state, why=why, handle=handle)


def _is_ours(name: str, image: Image) -> bool:
    """Whether a name is one that the program gives for its own use, and not a mission's or somebody's own."""
    repository, _, tag = name.rpartition(":")
    own = repository in (RELEASED, PATCHED) or tag == REBUILT
    return repository in (ROOTS, ENVIRONMENTS) or (bool(image.mission) and own)


def _image(
    name: str, image: Image, missions: Sequence[Image], used: set[str], *, free: bool, now: float
) -> tuple[State, str]:
    """Return what one name of ours is to the program, and why."""
    repository, _, tag = name.rpartition(":")
    if image.id in used:
        return State.IN_USE, "a container uses it"
    if not free:
        return State.IN_USE, "a command that uses images runs"
    if repository == RELEASED and all(_is_ours(each, image) for each in image.names):
        return State.KEPT, "a released image that a patch stands on, and it has no other name; docker rmi"
    if repository in (RELEASED, PATCHED) or tag == REBUILT:
        old = image.named is not None and now - image.named >= DAY
        what = "verification" if tag == REBUILT else "patch"
        return (State.LEFTOVER, f"of a {what} that was killed") if old else (State.IN_USE, "a day old at most")
    needs = sorted({each.mission for each in missions if image.layers and _stands_on(each, image)})
    if repository == ROOTS and needs:
        return State.KEPT, f"images of {', '.join(needs)} stand on it"
    return State.CACHE, ""


def _stands_on(image: Image, root: Image) -> bool:
    return image.layers[: len(root.layers)] == root.layers


def _container(each: Container, *, now: float) -> Entry:
    state, why = _judged(each.owner, busy=each.running, made=each.made, now=now)
    return Entry(kind=Kind.CONTAINER, name=each.name, size=None, used=each.made, state=state, why=why, handle=each.id)


def _lost_servers(stock: Stock, *, now: float) -> Iterable[Entry]:
    """Give the containers of hubs whose network is gone; the others go and stay with their hub."""
    hubs = {each.name for each in stock.networks if each.role == HUB_ROLE}
    for each in stock.containers:
        if each.role == HUB_ROLE and not any(each.name.startswith(f"{hub}-") for hub in hubs):
            yield _container(each, now=now)


def _network(each: Network, *, now: float) -> Entry:
    """Return a network; that of a hub stands for all that the hub has."""
    is_hub = each.role == HUB_ROLE and bool(each.mission)
    state, why = _judged(each.owner, busy=each.containers > 0, made=each.made, now=now)
    if is_hub and each.owner is Owner.UNKNOWN:  # its processes may run where this one cannot see them
        state, why = State.IN_USE, f"its owner cannot be seen from here; invoke hub --mission {each.mission} --clean"
    return Entry(
        kind=Kind.HUB if is_hub else Kind.NETWORK,
        name=f"hub of {each.mission}" if is_hub else each.name,
        size=None,
        used=each.made,
        state=state,
        why=why,
        handle=each.mission if is_hub else each.id,
    )


def _volume(each: Volume, containers: Sequence[Container], *, now: float) -> Entry:
    """Return a volume; users' homes are nobody's to remove but the hub's."""
    used = any(each.name in container.volumes for container in containers)
    if each.role == HOME_ROLE:
        state, why = State.KEPT, f"a user's home; invoke hub --mission {each.mission} --clean"
    else:
        state, why = _judged(Owner.UNKNOWN, busy=used, made=each.made, now=now)
    return Entry(kind=Kind.VOLUME, name=each.name, size=None, used=each.made, state=state, why=why, handle=each.name)


def _judged(owner: Owner, *, busy: bool, made: float | None, now: float) -> tuple[State, str]:
    """Return what something with an owner is to the program, and why."""
    if owner is Owner.GONE:
        return State.LEFTOVER, "of a run that has ended"
    if owner is Owner.RUNS:
        return State.IN_USE, "its owner runs"
    if busy or made is None or now - made < DAY:
        return State.IN_USE, "its owner cannot be seen from here"
    return State.LEFTOVER, "nothing uses it, for a day and more"
