"""What a hub is told and what is refused, without an engine."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from platform_images import owner
from platform_images.errors import PrerequisiteError, UsageError
from platform_images.hub import leftovers, ports
from platform_images.hub.configuration import Hub, configuration
from platform_images.hub.running import HubRequest, run

HUB = Hub(
    mission="tike",
    image="tike:latest",
    home=PurePosixPath("/home/jovyan"),
    hook=True,
    users=("grace", "ada"),
    password="secret",
    folder=Path("/state"),
    proxy=("node", "proxy"),
    port=8000,
    proxy_port=8001,
    gateway="172.20.0.1",
    hub_port=8081,
)


def test_only_those_who_are_named_may_log_in_and_anybody_where_nobody_is() -> None:
    named = configuration(HUB)["SharedPasswordAuthenticator"]
    anybody = configuration(dataclasses.replace(HUB, users=()))["SharedPasswordAuthenticator"]
    assert named == {"user_password": "secret", "allowed_users": ["ada", "grace"]}
    assert anybody == {"user_password": "secret", "allow_all": True}
    assert "secret" not in repr(HUB)


def test_the_hook_runs_with_a_limit_where_the_image_has_one() -> None:
    spawner = configuration(HUB)["DockerSpawner"]
    assert spawner["post_start_cmd"] == "timeout --kill-after=5 60 /opt/environments/post-start-hook --on-hub"
    assert spawner["start_timeout"] > 60
    assert configuration(dataclasses.replace(HUB, hook=False))["DockerSpawner"]["post_start_cmd"] is False


def test_each_user_has_a_home_of_its_own_for_each_mission() -> None:
    (home,) = configuration(HUB)["DockerSpawner"]["mounts"]
    assert home["source"] == "platform-images-home-tike-{username}"
    assert home["target"] == "/home/jovyan"
    assert home["labels"] == {"platform-images.role": "hub-home", "platform-images.hub": "tike"}


def test_the_proxy_listens_on_the_loopback_and_the_hub_on_the_containers_network() -> None:
    values = configuration(HUB)
    assert values["JupyterHub"]["bind_url"] == "http://127.0.0.1:8000"
    assert values["JupyterHub"]["hub_bind_url"] == "http://172.20.0.1:8081"
    assert values["ConfigurableHTTPProxy"]["api_url"] == "http://127.0.0.1:8001"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (HubRequest(home_volumes="burn"), "is neither keep nor remove"),
        (HubRequest(users=("Ada Lovelace",)), "is no name of a user"),
        (HubRequest(port=70000), "70000 is no port"),
    ],
)
def test_wrong_values_are_named(project: Path, request_: HubRequest, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run(project, "tike", request_)


@pytest.mark.parametrize("host", ["tcp://192.0.2.1:2375", "ssh://somebody@192.0.2.1"])
def test_another_machine_s_engine_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(PrerequisiteError, match="needs an engine on this machine"):
        run(project, "tike", HubRequest())


def test_a_port_that_is_free_is_taken_and_one_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"The port {port} is in use"):
            ports.asked("127.0.0.1", port)
        assert ports.asked("127.0.0.1", None) != port
    assert ports.asked("127.0.0.1", port) == port


def test_a_process_is_told_from_another_one_that_has_its_number_later() -> None:
    own = owner.this_process()
    assert owner.runs(own)
    assert not owner.runs(f"{os.getpid()} 1")
    assert not owner.runs("")


def test_only_the_programs_of_a_hub_are_ended_with_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    wait = "import time; time.sleep(60)"
    with (
        subprocess.Popen([sys.executable, "-c", wait, "jupyterhub"]) as hub,
        subprocess.Popen([sys.executable, "-c", wait, "another"]) as other,
    ):
        (folder / "hub.pid").write_text(str(hub.pid))
        (folder / "proxy.pid").write_text(str(other.pid))
        try:
            leftovers.remove(folder)
            assert not folder.exists()
            assert hub.wait(timeout=5) != 0
            assert other.poll() is None
        finally:
            hub.kill()
            other.kill()
