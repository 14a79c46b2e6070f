from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from platform_images.errors import ToolError, UsageError
from platform_images.model import Mission, Platform, load_mission, load_platform
from platform_images.run.lab import run_lab

pytestmark = [pytest.mark.engine, pytest.mark.slow]

Start = Callable[..., subprocess.Popen[str]]


def labs() -> set[str]:
    """Return the ids of all containers of labs."""
    words = ["docker", "ps", "--all", "--quiet", "--filter", "label=platform-images.role=lab"]
    return set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


@contextmanager
def lab(folder: Path, image: str, *words: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Give (process, URL, id of the container) of ``invoke lab``; interrupted afterwards, and nothing may stay."""
    before = labs()
    argv = [sys.executable, "-m", "invoke", "lab", "--mission", "small", "--image", image, *words]
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            assert child.stdout is not None
            url = child.stdout.readline().strip()
            (container,) = labs() - before
            yield child, url, container
        finally:
            os.kill(child.pid, signal.SIGINT)
            code = child.wait(timeout=60)
    assert code == 0
    assert labs() <= before


def ask(url: str, path: str) -> object:
    """Call the server's REST API with the token of its URL."""
    parts = urlsplit(url)
    request = urllib.request.Request(
        f"http://{parts.netloc}/api/{path}", headers={"Authorization": f"token {parse_qs(parts.query)['token'][0]}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def in_container(container: str, *words: str) -> str:
    return subprocess.run(["docker", "exec", container, *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def verbs(checkout: Path, project: Path) -> Path:
    """A checkout in which the everyday verbs work."""
    (checkout / "tasks.py").write_text((project / "tasks.py").read_text())
    return checkout


def test_the_printed_url_opens_a_lab_with_the_kernels(verbs: Path, built_image: str) -> None:
    with lab(verbs, built_image) as (_, url, _container):
        assert url.startswith("http://127.0.0.1:")
        specs = ask(url, "kernelspecs")
    assert isinstance(specs, dict)
    assert {"new", "old"} <= set(specs["kernelspecs"])


def test_nothing_is_served_without_the_token(verbs: Path, built_image: str) -> None:
    with lab(verbs, built_image) as (_, url, _container):
        bare = url.split("/lab", 1)[0]
        with pytest.raises(urllib.error.HTTPError, match="403") as refused:
            urllib.request.urlopen(f"{bare}/api/kernelspecs", timeout=60)
        refused.value.close()


def test_home_is_a_folder_of_this_machine_and_its_files_are_its_owner_s(
    verbs: Path, built_image: str, tmp_path: Path
) -> None:
    home = tmp_path / "work" / "home"
    with lab(verbs, built_image, "--home", str(home)) as (_, _url, container):
        in_container(container, "sh", "-c", "echo kept > ~/result.txt")
    assert (home / "result.txt").read_text() == "kept\n"
    assert (home / "result.txt").stat().st_uid == home.stat().st_uid


def test_a_home_may_have_a_colon_in_its_name(verbs: Path, built_image: str, tmp_path: Path) -> None:
    home = tmp_path / "a:b, c"
    with lab(verbs, built_image, "--home", str(home)) as (_, _url, container):
        in_container(container, "sh", "-c", "echo kept > ~/result.txt")
    assert (home / "result.txt").read_text() == "kept\n"


def test_with_dev_an_edit_is_seen_in_the_container(verbs: Path, built_image: str) -> None:
    source = verbs / "deployments" / "small" / "settings" / "small.conf"
    with lab(verbs, built_image, "--dev") as (_, _url, container):
        with source.open("a") as stream:
            stream.write("edited = true\n")
        assert "edited = true" in in_container(container, "cat", "/etc/small/small.conf")


def test_a_port_in_use_is_named(platform: Platform, mission: Mission, built_image: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"The port {port} is in use"):
            run_lab(platform, mission, port=port, home=None, dev=False, image=built_image, say=lambda _: None)


def test_a_lab_that_ends_at_once_shows_its_last_lines(checkout: Path, built_image: str) -> None:
    start = checkout / "common" / "runtime" / "usr" / "local" / "bin" / "start-notebook.py"
    start.write_text("#!/bin/sh\necho the lab is broken >&2\nexit 3\n")
    platform = load_platform(checkout)
    before = labs()
    with pytest.raises(ToolError, match="The lab ended with exit code 3 before it answered") as caught:
        run_lab(
            platform,
            load_mission(platform, "small"),
            port=None,
            home=None,
            dev=True,
            image=built_image,
            say=lambda _: None,
        )
    assert (caught.value.why or "").endswith("\nthe lab is broken")
    assert labs() <= before
