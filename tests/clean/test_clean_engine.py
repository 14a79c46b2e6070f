"""On a real engine, with things of these tests alone: nothing else that it has is removed."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from platform_images import owner
from platform_images.clean import engine, plan, removing
from platform_images.clean.values import Action, Decision, Limits, State

pytestmark = [pytest.mark.engine, pytest.mark.slow]
Docker = Callable[..., str]


def docker(*words: str, text: str | None = None) -> str:
    done = subprocess.run(["docker", *words], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ended() -> str:
    """An owner of this machine that runs no more."""
    pid, _, *place = owner.this_process().split()
    return " ".join((pid, "1", *place))


@pytest.fixture
def mark() -> str:
    return f"clean-test-{secrets.token_hex(4)}"


@pytest.fixture
def root(small_image: str) -> str:
    """An image to make containers of."""
    return small_image


def planned(mark: str) -> list[Decision]:
    """What would become of the things of a test, with limits that take all that may go."""
    now = time.time()
    found = engine.entries(images_free=True, now=now)
    decided = plan.decisions(found, Limits(older_than=0.0, max_size=0), now=now)
    return [each for each in decided if mark in each.entry.name]


@pytest.fixture
def containers(root: str, mark: str) -> Iterator[tuple[str, str, str]]:
    """A leftover that still runs, one of a living owner, and somebody's."""
    role = ("--label", "platform-images.role=test")
    names = (f"{mark}-left", f"{mark}-owned", f"{mark}-foreign")
    options = (
        (*role, "--label", f"{owner.LABEL}={ended()}"),
        (*role, "--label", f"{owner.LABEL}={owner.this_process()}"),
        (),
    )
    for name, words in zip(names, options, strict=True):
        docker("run", "--detach", "--network", "none", "--name", name, *words, "--entrypoint", "sleep", root, "600")
    yield names
    subprocess.run(["docker", "rm", "--force", "--volumes", *names], capture_output=True, check=False)


def test_only_the_container_of_an_ended_run_goes(containers: tuple[str, str, str], mark: str) -> None:
    left, owned, foreign = containers
    decided = planned(mark)
    assert {each.entry.name: each.action for each in decided} == {left: Action.REMOVED, owned: Action.IN_USE}
    assert all(each.action is not Action.FAILED for each in removing.carried_out(decided))
    names = docker("ps", "--all", "--format", "{{.Names}}").split()
    assert left not in names
    assert {owned, foreign} <= set(names)


def test_homes_and_other_people_s_volumes_and_images_stay(root: str, mark: str) -> None:
    home, foreign = f"{mark}-home", f"{mark}-foreign"
    docker("volume", "create", "--label", "platform-images.role=hub-home", "--label", "platform-images.hub=x", home)
    docker("volume", "create", foreign)
    docker("tag", root, f"{mark}:1")
    try:
        decided = planned(mark)
        assert [(each.entry.name, each.entry.state) for each in decided if each.entry.name == home] == [
            (home, State.KEPT)
        ]
        assert not any(each.action is Action.REMOVED for each in decided)
        assert foreign not in {each.entry.name for each in decided}
    finally:
        docker("volume", "rm", home, foreign)
        docker("rmi", f"{mark}:1")


def test_a_root_that_nothing_needs_goes_by_its_name_alone(mark: str) -> None:
    name = f"platform-images/root:{mark}"
    docker("build", "--quiet", "--tag", name, "--tag", f"{mark}:kept", "-", text=f"FROM scratch\nLABEL {mark}=1\n")
    try:
        decided = [each for each in planned(mark) if each.entry.name == name]
        (done,) = removing.carried_out(decided)
        assert done.action is Action.REMOVED
        names = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        assert name not in names
        assert f"{mark}:kept" in names
    finally:
        subprocess.run(["docker", "rmi", "--force", name, f"{mark}:kept"], capture_output=True, check=False)


def test_one_cache_mount_of_ours_goes_and_another_project_s_stays(root: str) -> None:
    ours, theirs = f"platform-images-{secrets.token_hex(4).translate(LETTERS)}", f"theirs-{secrets.token_hex(4)}"
    text = "".join(
        f"RUN --mount=type=cache,id={name},target=/var/cache/{name} head -c 100000 /dev/zero >/var/cache/{name}/file\n"
        for name in (ours, theirs)
    )
    words = ("buildx", "build", "--quiet", "--load", "--no-cache", "--network", "none", "-")
    image = docker(*words, text=f"FROM {root}\nUSER 0\n{text}")
    foreign = None
    try:
        before = engine.records(now=time.time())
        assert sum(each.mount == ours for each in before) == 1
        foreign = next(each for each in before if f"/var/cache/{theirs} " in each.description)
        assert foreign.mount is None
        (done,) = removing.carried_out(planned(ours))
        assert done.action is Action.REMOVED
        after = {each.id for each in engine.records(now=time.time())}
        assert done.entry.handle not in after
        assert foreign.id in after
    finally:
        docker("rmi", image)
        if foreign is not None:
            docker("buildx", "prune", "--force", "--filter", f"id={foreign.id}")


LETTERS = str.maketrans("0123456789", "ghijklmnop")
