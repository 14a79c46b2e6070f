from __future__ import annotations

from dataclasses import replace

import pytest

from platform_images.clean.judgement import PATCHED, RELEASED, Container, Image, Network, Stock, Volume, entries
from platform_images.clean.values import Kind, State
from platform_images.owner import State as Owner

NOW = 10_000_000.0
OLD, YOUNG = NOW - 200_000, NOW - 1000


def image(*names: str, mission: str = "", layers: tuple[str, ...] = ("a",), number: str = "sha256:1") -> Image:
    return Image(id=number, names=names, mission=mission, layers=layers, size=5, named=OLD)


def container(name: str = "one", **values: object) -> Container:
    found: dict[str, object] = {
        "id": name,
        "name": name,
        "role": "test",
        "running": False,
        "made": OLD,
        "owner": Owner.UNKNOWN,
        "image": "sha256:9",
    }
    return Container(**{**found, **values})  # type: ignore[arg-type]


def states(stock: Stock, *, free: bool = True) -> dict[str, State]:
    return {each.name: each.state for each in entries(stock, images_free=free, now=NOW)}


def test_a_root_that_a_mission_stands_on_is_kept() -> None:
    root = image("platform-images/root:1", layers=("a",))
    stale = image("platform-images/root:2", layers=("z",), number="sha256:2")
    mission = image("tike:1-abc", "tike:latest", mission="tike", layers=("a", "b"), number="sha256:3")
    assert states(Stock(images=(root, stale, mission))) == {
        "platform-images/root:1": State.KEPT,
        "platform-images/root:2": State.CACHE,
        "tike:1-abc, tike:latest": State.KEPT,
    }


def test_images_are_in_use_by_containers_of_anybody_and_by_commands() -> None:
    root = image("platform-images/root:1")
    somebody = container(role=None, image="sha256:1")
    assert states(Stock(images=(root,), containers=(somebody,))) == {"platform-images/root:1": State.IN_USE}
    assert states(Stock(images=(root,)), free=False) == {"platform-images/root:1": State.IN_USE}


def test_an_image_that_has_lost_its_name_may_be_somebody_s() -> None:
    (found,) = entries(Stock(images=(image(mission="tike"),)), images_free=True, now=NOW)
    assert found.state is State.KEPT
    assert found.handle == ""


def test_the_second_build_of_a_killed_verification_is_a_leftover_after_a_day() -> None:
    rebuilt = image("tike:verify-rebuild", mission="tike")
    assert states(Stock(images=(rebuilt,))) == {"tike:verify-rebuild": State.LEFTOVER}
    assert states(Stock(images=(image("other:verify-rebuild"),))) == {}


def test_names_that_a_killed_patch_has_left_are_leftovers_after_a_day() -> None:
    released = image("platform-images/released:1", "tike:1-abc", mission="tike", number="sha256:1")
    patched = image("platform-images/patched:tike", mission="tike", number="sha256:2")
    somebody = image("platform-images/patched:other", number="sha256:3")
    assert states(Stock(images=(released, patched, somebody))) == {
        "platform-images/released:1": State.LEFTOVER,
        "platform-images/patched:tike": State.LEFTOVER,
    }
    young = replace(patched, named=YOUNG)
    assert states(Stock(images=(young,))) == {"platform-images/patched:tike": State.IN_USE}
    assert states(Stock(images=(patched,)), free=False) == {"platform-images/patched:tike": State.IN_USE}


def test_a_released_image_without_another_name_is_not_removed() -> None:
    released = image("platform-images/released:1", mission="tike")
    (found,) = entries(Stock(images=(released,)), images_free=True, now=NOW)
    assert (found.state, found.handle) == (State.KEPT, "")


def test_a_patch_gives_the_names_that_are_looked_for() -> None:
    from platform_images.patching import image as patching

    assert (patching.RELEASED, patching.PATCHED) == (RELEASED, PATCHED)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"owner": Owner.GONE, "running": True, "made": YOUNG}, State.LEFTOVER),
        ({"owner": Owner.RUNS}, State.IN_USE),
        ({"running": True}, State.IN_USE),
        ({"made": YOUNG}, State.IN_USE),
        ({"made": None}, State.IN_USE),
        ({}, State.LEFTOVER),
    ],
)
def test_a_container_is_a_leftover_once_its_owner_is_gone(values: dict[str, object], expected: State) -> None:
    assert states(Stock(containers=(container("one", **values),))) == {"one": expected}


def test_a_container_of_somebody_is_not_looked_at() -> None:
    assert states(Stock(containers=(container(role=None, owner=Owner.GONE),))) == {}


def network(owner: Owner, *, role: str = "hub", containers: int = 0) -> Network:
    mission = "tike" if role == "hub" else ""
    return Network(
        id="7",
        name="platform-images-hub-tike",
        role=role,
        mission=mission,
        made=OLD,
        owner=owner,
        containers=containers,
    )


def test_a_hub_goes_as_a_whole_and_only_where_its_owner_is_known_to_be_gone() -> None:
    server = container("platform-images-hub-tike-ada", role="hub", running=True)
    for owner, expected in (
        (Owner.GONE, State.LEFTOVER),
        (Owner.RUNS, State.IN_USE),
        (Owner.UNKNOWN, State.IN_USE),
    ):
        stock = Stock(networks=(network(owner, containers=1),), containers=(server,))
        (found,) = entries(stock, images_free=True, now=NOW)
        assert (found.kind, found.handle, found.state) == (Kind.HUB, "tike", expected)
    (alone,) = entries(Stock(containers=(server,)), images_free=True, now=NOW)
    assert (alone.kind, alone.state) == (Kind.CONTAINER, State.IN_USE)


def test_another_network_is_a_leftover_where_nothing_is_on_it() -> None:
    name = "platform-images-hub-tike"
    assert states(Stock(networks=(network(Owner.UNKNOWN, role="test"),))) == {name: State.LEFTOVER}
    assert states(Stock(networks=(network(Owner.UNKNOWN, role="test", containers=1),))) == {name: State.IN_USE}


def test_homes_are_kept_and_other_volumes_are_leftovers_where_nothing_uses_them() -> None:
    volumes = tuple(
        Volume(name=name, role=role, mission="tike", made=OLD)
        for name, role in (("home", "hub-home"), ("free", "test"), ("used", "test"))
    )
    user = container(role=None, volumes=frozenset({"used"}))
    assert states(Stock(volumes=volumes, containers=(user,))) == {
        "home": State.KEPT,
        "free": State.LEFTOVER,
        "used": State.IN_USE,
    }
