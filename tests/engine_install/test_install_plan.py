from __future__ import annotations

from dataclasses import replace

import pytest

from platform_images.engine.install import InstallPackages, StartEngine, plan
from platform_images.errors import ExitCode, PrerequisiteError
from platform_images.machine import Engine, Machine, OsRelease, parse_os_release, parse_version_answer

BOOKWORM = OsRelease(id="debian", version="12", codename="bookworm", title="Debian GNU/Linux 12 (bookworm)")
TRIXIE = OsRelease(id="debian", version="13", codename="trixie", title="Debian GNU/Linux 13 (trixie)")
TESTING = OsRelease(id="debian", codename="forky", title="Debian GNU/Linux forky/sid")
NOBLE = OsRelease(id="ubuntu", like=("debian",), version="24.04", codename="noble", title="Ubuntu 24.04 LTS")
FEDORA = OsRelease(id="fedora", version="43", title="Fedora Linux 43")
MAC = OsRelease(id="macos", title="macOS")
ENGINE = Engine(name="Engine", version="26.1.5+dfsg1")
BARE = Machine(os=TRIXIE, root=True, debian_keys=True, silence="there is no docker program")
READY = Machine(os=TRIXIE, root=True, client="26.1.5", buildx="0.13.1", engine=ENGINE, mmdebstrap=True)
DOCKER_OF_DEBIAN = ("containerd", "docker-buildx", "docker-cli", "docker.io", "iptables")


def test_nothing_is_done_where_everything_is_there() -> None:
    assert plan(READY) == ()


def test_a_bare_debian_13_gets_its_own_docker() -> None:
    assert plan(BARE) == (
        InstallPackages(packages=("mmdebstrap",), optional=True),
        InstallPackages(packages=DOCKER_OF_DEBIAN),
        StartEngine(systemd=False),
    )


def test_debian_testing_is_at_least_as_new() -> None:
    assert InstallPackages(packages=DOCKER_OF_DEBIAN) in plan(replace(BARE, os=TESTING))


def test_a_bare_debian_12_borrows_docker_from_the_next_release() -> None:
    assert InstallPackages(packages=DOCKER_OF_DEBIAN, newer=True) in plan(replace(BARE, os=BOOKWORM))


def test_debian_11_is_too_old() -> None:
    with pytest.raises(PrerequisiteError, match="no Docker that builds"):
        plan(replace(BARE, os=OsRelease(id="debian", version="11", codename="bullseye", title="Debian 11")))


def test_a_bare_ubuntu_gets_docker_and_the_keys_to_make_debian_roots() -> None:
    steps = plan(replace(BARE, os=NOBLE, debian_keys=False, systemd=True))
    assert steps == (
        InstallPackages(packages=("debian-archive-keyring", "mmdebstrap"), optional=True),
        InstallPackages(packages=("docker-buildx", "docker.io", "iptables")),
        StartEngine(systemd=True),
    )


def test_an_installed_engine_is_only_started() -> None:
    machine = replace(BARE, client="26.1.5", buildx="0.13.1", daemon="26.1.5+dfsg1", mmdebstrap=True)
    assert plan(machine) == (StartEngine(systemd=False),)


def test_debian_12s_own_docker_is_replaced_where_it_does_not_run() -> None:
    machine = replace(BARE, os=BOOKWORM, client="20.10.24", daemon="20.10.24+dfsg1", mmdebstrap=True)
    assert plan(machine)[0] == InstallPackages(packages=DOCKER_OF_DEBIAN, newer=True)


def test_mmdebstrap_is_added_beside_an_engine_that_answers() -> None:
    machine = replace(READY, mmdebstrap=False, debian_keys=True)
    assert plan(machine) == (InstallPackages(packages=("mmdebstrap",), optional=True),)
    assert plan(replace(machine, root=False)) == ()


def test_buildx_is_added_to_an_engine_that_answers_or_named() -> None:
    assert plan(replace(READY, buildx=None)) == (InstallPackages(packages=("docker-buildx",)),)
    with pytest.raises(PrerequisiteError, match="buildx") as caught:
        plan(replace(READY, buildx=None, os=FEDORA))
    assert "docker-buildx-plugin" in str(caught.value.fix)


@pytest.mark.parametrize(
    "engine",
    [
        Engine(name="Engine", version="20.10.24+dfsg1"),
        Engine(name="Podman Engine", version="5.4.2"),
        Engine(name="Engine", version="28.0.1", system="windows"),
    ],
)
def test_an_engine_that_answers_is_never_replaced_even_where_it_cannot_build(engine: Engine) -> None:
    with pytest.raises(PrerequisiteError, match="answers, but cannot build"):
        plan(replace(READY, engine=engine))


def test_a_chosen_engine_that_is_silent_is_not_replaced_by_another() -> None:
    machine = replace(
        BARE, client="28.2.2", buildx="0.13.1", chosen="tcp://builder.example.org:2376", silence="refused"
    )
    with pytest.raises(PrerequisiteError, match=r"tcp://builder\.example\.org:2376, does not answer"):
        plan(machine)


def test_an_engine_of_somebody_else_gets_a_client_and_no_second_engine() -> None:
    steps = plan(replace(BARE, listening=True, mmdebstrap=True))
    assert steps == (InstallPackages(packages=("docker-buildx", "docker-cli")),)
    with pytest.raises(PrerequisiteError, match="no docker program"):
        plan(replace(BARE, os=NOBLE, listening=True))


@pytest.mark.parametrize(
    ("system", "words"),
    [
        (TRIXIE, "apt-get install docker.io docker-cli docker-buildx iptables"),
        (BOOKWORM, r"as root \(sudo\): ./bootstrap"),
        (NOBLE, "apt-get install docker.io docker-buildx iptables"),
        (FEDORA, "a Docker Engine 23 or later with its plugin buildx"),
        (MAC, "Docker Desktop, Colima or Rancher Desktop"),
    ],
)
def test_whoever_is_not_root_is_told_what_to_install(system: OsRelease, words: str) -> None:
    with pytest.raises(PrerequisiteError, match=words) as caught:
        plan(replace(BARE, os=system, root=False))
    assert caught.value.exit_code == ExitCode.MISSING_PREREQUISITE


def test_whoever_may_not_use_the_engine_is_told_so() -> None:
    said = "permission denied while trying to connect to the Docker daemon socket"
    with pytest.raises(PrerequisiteError, match="usermod -aG docker"):
        plan(replace(BARE, root=False, client="26.1.5", silence=said))


def test_os_release_is_read_with_and_without_quotes() -> None:
    text = (
        'PRETTY_NAME="Linux Mint 22"\nNAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="22"\n# x\n'
    )
    system = parse_os_release(text)
    assert system == OsRelease(id="linuxmint", like=("ubuntu", "debian"), version="22", title="Linux Mint 22")
    assert system.ubuntu
    assert not system.debian


def test_the_clients_answer_tells_engines_apart() -> None:
    answer = (
        '{"Client":{"Version":"28.2.2","Context":"default"},"Server":{"Components":[{"Name":"%s"}],"Version":"%s"}}'
    )
    docker = answer % ("Engine", "26.1.5")
    podman = answer % ("Podman Engine", "5.4.2")
    assert parse_version_answer(docker) == ("28.2.2", Engine(name="Engine", version="26.1.5"), "default")
    found = parse_version_answer(podman)[1]
    assert found is not None
    assert not found.builds
    assert parse_version_answer('{"Client":{"Version":"28.2.2","Context":"away"},"Server":null}') == (
        "28.2.2",
        None,
        "away",
    )
    assert parse_version_answer("not JSON") == (None, None, None)
