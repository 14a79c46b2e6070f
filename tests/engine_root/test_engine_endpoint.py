from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from platform_images.engine.endpoint import VARIABLES, endpoint


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing set but a configuration folder of the test's own."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def write_context(folder: Path, name: str, host: str) -> Path:
    """Write a context of the docker program, chosen as the current one; return its folder for certificates."""
    (folder / "config.json").write_text(json.dumps({"currentContext": name}))
    place = sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / place
    meta.mkdir(parents=True)
    described = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (meta / "meta.json").write_text(json.dumps(described))
    return folder / "contexts" / "tls" / place / "docker"


def test_docker_host_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_context(tmp_path, "far", "tcp://far.example:2376")
    monkeypatch.setenv("DOCKER_HOST", "tcp://near.example:2375")
    assert endpoint()["base_url"] == "tcp://near.example:2375"


def test_the_chosen_context_is_used(tmp_path: Path) -> None:
    write_context(tmp_path, "far", "unix:///far/docker.sock")
    assert endpoint() == {"base_url": "unix:///far/docker.sock", "use_ssh_client": False}


def test_an_engine_behind_ssh_is_reached_with_the_ssh_program(tmp_path: Path) -> None:
    write_context(tmp_path, "far", "ssh://me@far.example")
    assert endpoint()["use_ssh_client"] is True


def test_a_contexts_certificates_are_used(tmp_path: Path) -> None:
    folder = write_context(tmp_path, "far", "tcp://far.example:2376")
    folder.mkdir(parents=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (folder / name).write_text("-")
    tls = endpoint()["tls"]
    assert tls.cert == (str(folder / "cert.pem"), str(folder / "key.pem"))
    assert tls.ca_cert == str(folder / "ca.pem")


def test_without_a_docker_program_the_usual_socket_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert endpoint() == {}
