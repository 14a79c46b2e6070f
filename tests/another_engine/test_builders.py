"""Builds on another machine: an engine that a docker context names, and a BuildKit that is no engine, both by TLS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from platform_images.engine.second import SecondEngine, second_engine
from tests.loopback import (
    HOST,
    Certificates,
    buildkit_port,
    free_port,
    make_certificates,
    registry,
)

pytestmark = [
    pytest.mark.engine,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
Invoke = Callable[..., subprocess.CompletedProcess[str]]
CONTEXT, BUILDER = "far", "far-buildkit"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def far(certificates: Certificates) -> Iterator[tuple[SecondEngine, int]]:
    """An engine with the containerd image store that listens on a port of the loopback as well, with TLS."""
    port = free_port()
    arguments = (
        f"--host=tcp://{HOST}:{port}",
        "--tlsverify",
        f"--tlscacert={certificates.authority}",
        f"--tlscert={certificates.certificate('server')}",
        f"--tlskey={certificates.key('server')}",
    )
    settings = {"features": {"containerd-snapshotter": True}}
    with second_engine(say=lambda _: None, settings=settings, arguments=arguments) as engine:
        yield engine, port


@pytest.fixture(scope="module")
def env(
    far: tuple[SecondEngine, int], certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The environment of somebody whose docker program knows both."""
    engine, port = far
    values = {**os.environ, "DOCKER_CONFIG": str(tmp_path_factory.mktemp("docker"))}
    files = f"ca={certificates.authority},cert={certificates.certificate('client')},key={certificates.key('client')}"
    docker(values, "context", "create", CONTEXT, "--docker", f"host=tcp://{HOST}:{port},{files}")
    with buildkit_port(Path(engine.host.removeprefix("unix://")), certificates) as open_port:
        options = files.replace("ca=", "cacert=")
        words = ("--name", BUILDER, "--driver", "remote", "--driver-opt", options, f"tcp://{HOST}:{open_port}")
        docker(values, "buildx", "create", *words)
        yield values


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A repository for steps in a registry of Debian's."""
    with registry(tmp_path_factory.mktemp("registry")) as address:
        yield f"{address}/cache:small"


def docker(env: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(["docker", *words], env=dict(env), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def build(folder: Path, env: Mapping[str, str], *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "build", "--mission", "small", "--json", *words],
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def layers(env: Mapping[str, str], image: str) -> list[str]:
    found: list[str] = json.loads(docker(env, "image", "inspect", image, "--format", "{{json .RootFS.Layers}}"))
    return found


def test_a_buildkit_elsewhere_hands_the_image_over_and_puts_its_steps_into_a_registry(
    small_project: Path, small_image: str, env: dict[str, str], cache: str
) -> None:
    before = docker(os.environ, "image", "inspect", small_image, "--format", "{{.Id}}")
    steps = f"type=registry,mode=max,compression=uncompressed,force-compression=true,ref={cache}"
    try:
        made = build(small_project, env, "--builder", BUILDER, "--cache-to", steps)
        assert made["image"] == docker(os.environ, "image", "inspect", "small:latest", "--format", "{{.Id}}")
        assert layers(os.environ, "small:latest") == layers(os.environ, before)
    finally:
        docker(os.environ, "tag", before, "small:latest")
    assert made["ran"] > 20


def test_an_engine_elsewhere_that_has_nothing_takes_the_steps_from_there_and_keeps_the_image(
    small_project: Path, small_image: str, env: dict[str, str], cache: str
) -> None:
    here = docker(os.environ, "image", "inspect", small_image, "--format", "{{.Id}}")
    there = {**env, "DOCKER_CONTEXT": CONTEXT}
    docker(there, "builder", "prune", "--all", "--force")
    made = build(small_project, env, "--builder", CONTEXT, "--cache-from", cache)
    assert made["image"] == docker(there, "image", "inspect", "small:latest", "--format", "{{.Id}}")
    assert layers(there, "small:latest") == layers(os.environ, small_image)
    installed = [step["title"] for step in made["steps"] if step["state"] == "done" and "laid out" in step["title"]]
    assert installed == []
    assert docker(os.environ, "image", "inspect", small_image, "--format", "{{.Id}}") == here


def test_a_builder_that_does_not_answer_is_told(small_project: Path, small_image: str, env: dict[str, str]) -> None:
    del small_image  # its locks
    docker(env, "buildx", "create", "--name", "gone", "--driver", "remote", f"tcp://{HOST}:{free_port()}")
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "build", "--mission", "small", "--builder", "gone"],
        cwd=small_project,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "The builder 'gone' does not answer." in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_that_cannot_export_steps_says_what_can(
    small_project: Path, small_image: str, cache: str, run_invoke: Invoke
) -> None:
    del small_image
    done = run_invoke(small_project, "build", "--mission", "small", "--cache-to", cache)
    assert (done.returncode, done.stdout) == (5, "")
    assert "containerd image store" in done.stderr
