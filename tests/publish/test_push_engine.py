"""A real push of a real image: Debian's registry on the loopback, the engine in use, and a second one that pulls."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from platform_images.engine.second import second_engine
from tests.loopback import RegistryServer, htpasswd_line, registry_server

pytestmark = [
    pytest.mark.engine,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
USER, PASSWORD = "ada", "secret"
ENOUGH = 2_000_000  # bytes of an upload that is under way


@dataclass(frozen=True)
class Shelf:
    """A registry that has the small image, and what `invoke push` said when it was put there."""

    server: RegistryServer
    pushed: dict[str, Any]

    @property
    def where(self) -> str:
        return f"{self.server.address}/platform"

    @property
    def exact(self) -> str:
        return str(self.pushed["tags"][0])

    def digest(self, tag: str) -> str | None:
        return digest_in(self.server.address, "platform/small", tag)


def docker(*words: str, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    done = subprocess.run(
        ["docker", *words], env={**os.environ, **(env or {})}, input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def push(
    folder: Path, registry: str, *words: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "push", "--mission", "small", "--registry", registry, *words],
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def digest_in(address: str, name: str, tag: str) -> str | None:
    """Return what a tag names, as the registry says it."""
    media = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
    asked = urllib.request.Request(
        f"http://{address}/v2/{name}/manifests/{tag}",
        headers={"Accept": f"{media}, application/vnd.oci.image.index.v1+json"},
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30) as answer:
            return str(answer.headers["Docker-Content-Digest"])
    except urllib.error.HTTPError as error:
        error.close()
        return None


def names() -> set[str]:
    return set(docker("images", "--format", "{{.Repository}}:{{.Tag}}").split())


@pytest.fixture(scope="module")
def shelf(small_project: Path, small_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """The small image in a registry; all but the tests of trouble go on from there."""
    with registry_server(tmp_path_factory.mktemp("registry")) as server:
        done = push(small_project, f"{server.address}/platform", "--image", small_image, "--json")
        assert done.returncode == 0, done.stderr
        assert not [name for name in names() if name.startswith(server.address)], "the engine has its names as before"
        yield Shelf(server=server, pushed=json.loads(done.stdout))


@pytest.fixture(scope="module")
def labelled(small_image: str) -> Iterator[Callable[[str, str], str]]:
    """``labelled(name, "a.label=value")``: the small image with another label; it has no layer of its own."""
    made = []

    def make(name: str, label: str) -> str:
        docker("build", "--quiet", "--tag", name, "-", stdin=f"FROM {small_image}\nLABEL {label}\n")
        made.append(name)
        return name

    yield make
    if made:
        docker("rmi", *made)


@pytest.fixture(scope="module")
def other_image(labelled: Callable[[str, str], str]) -> str:
    """Another image of the same version and locks."""
    return labelled("small-other:1", "tests.other=1")


@pytest.fixture(scope="module")
def next_image(labelled: Callable[[str, str], str]) -> str:
    """An image of another version."""
    return labelled("small-next:1", "org.opencontainers.image.version=9.9")


def size_below(folder: Path) -> int:
    """Return how much a registry has received, with what is under way."""
    total = 0
    for file in folder.rglob("data"):
        with suppress(OSError):  # moved to its place meanwhile
            total += file.stat().st_size if file.is_file() else 0
    return total


def test_a_pushed_image_is_under_its_exact_tag_and_latest(shelf: Shelf, small_image: str) -> None:
    pushed = shelf.pushed
    labels = json.loads(docker("image", "inspect", small_image, "--format", "{{json .Config.Labels}}"))
    lock = labels["platform-images.lock-digest"].removeprefix("sha256:")
    assert pushed["tags"] == [f"{labels['org.opencontainers.image.version']}-{lock[:12]}", "latest"]
    assert (pushed["mission"], pushed["lock_digest"]) == ("small", lock)
    assert pushed["repository"] == f"{shelf.where}/small"
    assert pushed["image_id"] == docker("image", "inspect", small_image, "--format", "{{.Id}}")
    assert shelf.digest(shelf.exact) == shelf.digest("latest") == pushed["digest"]
    assert pushed["bytes_sent"] is None or pushed["bytes_sent"] > ENOUGH


def test_the_file_says_the_same(shelf: Shelf, small_project: Path, tmp_path: Path) -> None:
    done = push(small_project, shelf.where, "--out", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written == {**shelf.pushed, "bytes_sent": 0}
    assert done.stdout == f"{shelf.where}/small@{shelf.pushed['digest']}\n"
    assert json.loads((small_project / "reports/pushed/small.json").read_text(encoding="utf-8")) == shelf.pushed


def test_pushed_again_nothing_is_sent(shelf: Shelf, small_project: Path) -> None:
    before = shelf.server.folder.joinpath("log").read_text(encoding="utf-8").count("blobs/uploads")
    done = push(small_project, shelf.where, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bytes_sent"] == 0
    assert "nothing is sent" in done.stderr
    assert shelf.server.folder.joinpath("log").read_text(encoding="utf-8").count("blobs/uploads") == before


def test_another_image_under_the_same_exact_tag_is_refused(shelf: Shelf, small_project: Path, other_image: str) -> None:
    for words in ((), ("--dry-run",)):
        done = push(small_project, shelf.where, "--image", other_image, *words)
        assert (done.returncode, done.stdout) == (4, "")
        other = docker("image", "inspect", other_image, "--format", "{{.Id}}")
        for said in (shelf.exact, shelf.pushed["digest"], shelf.pushed["image_id"], other, "mission.toml"):
            assert said in done.stderr
    assert shelf.digest(shelf.exact) == shelf.digest("latest") == shelf.pushed["digest"]


def test_latest_moves_only_where_it_is_to(shelf: Shelf, small_project: Path, other_image: str) -> None:
    where = f"{shelf.server.address}/second"  # its layers are in the registry: only manifests travel
    first = push(small_project, where, "--image", other_image, "--no-latest", "--json")
    assert first.returncode == 0, first.stderr
    pushed = json.loads(first.stdout)
    assert pushed["tags"] == [shelf.exact]
    assert digest_in(shelf.server.address, "second/small", "latest") is None
    dry = push(small_project, where, "--image", other_image, "--dry-run")
    assert (dry.returncode, "would be moved there" in dry.stdout) == (0, True)
    assert digest_in(shelf.server.address, "second/small", "latest") is None
    moved = push(small_project, where, "--image", other_image)
    assert moved.returncode == 0, moved.stderr
    assert digest_in(shelf.server.address, "second/small", "latest") == pushed["digest"]


def test_a_registry_that_is_killed_half_way_gets_the_rest_when_it_is_back(
    shelf: Shelf, small_project: Path, tmp_path: Path
) -> None:
    with registry_server(tmp_path) as server:

        def kill_and_start() -> None:
            while size_below(server.data) < ENOUGH:
                time.sleep(0.05)
            server.end(signal.SIGKILL)
            time.sleep(3)
            server.start()

        trouble = threading.Thread(target=kill_and_start, daemon=True)
        trouble.start()
        done = push(small_project, f"{server.address}/platform", "--json")
        trouble.join(timeout=60)
        if done.returncode != 0:
            assert done.returncode == 5, done.stderr
            assert "To cure it: run it again" in done.stderr
            assert digest_in(server.address, "platform/small", "latest") is None
            done = push(small_project, f"{server.address}/platform", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["image_id"] == shelf.pushed["image_id"]
        assert digest_in(server.address, "platform/small", "latest") == json.loads(done.stdout)["digest"]


def test_a_registry_that_is_not_there_ends_it(small_project: Path, small_image: str) -> None:
    del small_image
    done = push(small_project, "127.0.0.1:9")
    assert (done.returncode, done.stdout) == (5, "")
    assert "127.0.0.1:9 does not answer" in done.stderr


def test_a_registry_with_passwords_lets_in_who_is_logged_in(
    shelf: Shelf, small_project: Path, next_image: str, tmp_path: Path
) -> None:
    """It has the data of the first one, so that the layers need not travel again."""
    folder, configuration = tmp_path / "registry", tmp_path / "docker"
    configuration.mkdir()
    shutil.copytree(shelf.server.data, folder / "data")
    env = {"DOCKER_CONFIG": str(configuration)}
    with registry_server(folder, htpasswd=htpasswd_line(USER, PASSWORD)) as server:
        words = (f"{server.address}/platform", "--image", next_image, "--json")
        refused = push(small_project, *words, env=env)
        assert (refused.returncode, refused.stdout) == (6, "")
        assert f"To cure it: docker login {server.address}" in refused.stderr
        for password, code in (("another", 6), (PASSWORD, 0)):
            auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
            (configuration / "config.json").write_text(json.dumps({"auths": {server.address: {"auth": auth}}}))
            done = push(small_project, *words, env=env)
            assert done.returncode == code, done.stderr
            assert PASSWORD not in done.stderr + done.stdout
        pushed = json.loads(done.stdout)
        assert pushed["tags"][0].startswith("9.9-")
        assert pushed["image_id"] == docker("image", "inspect", next_image, "--format", "{{.Id}}")


def test_another_engine_pulls_it_by_its_digest_and_its_kernels_run(shelf: Shelf, small_project: Path) -> None:
    reference = f"{shelf.pushed['repository']}@{shelf.pushed['digest']}"
    with second_engine(say=lambda _: None) as engine:
        there = {"DOCKER_HOST": engine.host}
        docker("pull", "--quiet", reference, env=there)
        assert docker("image", "inspect", reference, "--format", "{{.Id}}", env=there) == shelf.pushed["image_id"]
        for kernel in ("new", "old"):
            tests = small_project / f"deployments/small/kernels/{kernel}/tests/imports.txt"
            code = "; ".join(f"import {module}" for module in tests.read_text(encoding="utf-8").split())
            activated = ("--entrypoint", "/opt/environments/bin/activated", reference, f"/opt/conda/envs/{kernel}")
            said = docker("run", "--rm", *activated, "python", "-c", f"{code}; print('ready')", env=there)
            assert said.splitlines()[-1] == "ready"
