"""Homes of real containers: on an empty folder, on volumes, under a newer image, and what happens after a start."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine

STATE = "/home/jovyan/.local/state/platform-images"
PREFIX = f"platform-images-home-{os.getpid()}"
LIST = "cd /home/jovyan && find . -not -path '*/.local*' -printf '%P %y %U:%G\\n' | sort"
RUN = ("run", "--network=none", "--label=platform-images.role=test")
Done = subprocess.CompletedProcess[str]
Volume = Callable[[], str]
Start = Callable[..., str]


def docker(*words: str, stdin: str | None = None) -> Done:
    return subprocess.run(["docker", *words], input=stdin, capture_output=True, text=True, timeout=120, check=False)


def ran(image: str, *options: str, command: str) -> tuple[str, list[str]]:
    """Run a command in a new container; return what it wrote and the start-up's lines that are no INFO."""
    done = docker(*RUN, "--rm", *options, image, "bash", "-c", command)
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if not line.startswith("INFO[")]


@pytest.fixture
def volume() -> Iterator[Volume]:
    """``volume()``: the name of a new volume."""
    names: list[str] = []

    def make() -> str:
        names.append(f"{PREFIX}-{len(names)}")
        assert docker("volume", "create", names[-1]).returncode == 0
        return names[-1]

    yield make
    docker("volume", "rm", "--force", *names)


@pytest.fixture(scope="module")
def newer_image(small_image: str) -> Iterator[str]:
    """An image that the community has derived: another default, a new one, and two hooks that do not go well."""
    name = f"{PREFIX}:newer"
    text = f"""FROM {small_image}
USER root
RUN echo 'Welcome to the newer image.' > /opt/default-home/WELCOME.md \\
 && echo 'alias newer=true' >> /opt/default-home/.bashrc \\
 && echo 'New.' > /opt/default-home/NEW.md \\
 && printf '#!/bin/bash\\necho it went wrong; exit 3\\n' > /opt/environments/hooks/20-fail \\
 && printf '#!/bin/bash\\nsleep 600\\n' > /opt/environments/hooks/30-hang \\
 && chmod 0755 /opt/environments/hooks/*
USER 1000
"""
    built = docker("build", "--quiet", "--tag", name, "-", stdin=text)
    assert built.returncode == 0, built.stderr
    yield name
    docker("rmi", "--force", name)


@pytest.fixture
def start() -> Iterator[Start]:
    """``start(image, "--env=A=b", command=...)``: the name of a container that runs until the test ends."""
    names: list[str] = []

    def run(image: str, *options: str, command: tuple[str, ...] = ("sleep", "600")) -> str:
        names.append(f"{PREFIX}-{len(names)}")
        done = docker(*RUN, "--detach", "--name", names[-1], *options, image, *command)
        assert done.returncode == 0, done.stderr
        return names[-1]

    yield run
    docker("rm", "--force", "--volumes", *names)


def test_an_empty_folder_of_the_host_becomes_a_whole_home(small_image: str, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    mount = f"--mount=type=bind,source={folder},target=/home/jovyan"
    whole, _ = ran(small_image, command=LIST)
    assert {"WELCOME.md f 1000:100", "work d 1000:100", ".bashrc f 1000:100"} <= set(whole.splitlines())
    if os.geteuid() == 0:
        os.chown(folder, 1000, 100)
    found, said = ran(small_image, mount, command=LIST)
    assert found == whole
    assert said == []
    # What its user does to it stays.
    again, said = ran(small_image, mount, command=f"rm WELCOME.md; echo mine > .bashrc; {LIST}")
    assert "WELCOME.md" not in again
    found, said = ran(small_image, mount, command=f"cat .bashrc; {LIST}")
    assert found == "mine\n" + again
    assert said == []


def test_an_empty_volume_that_is_root_s(small_image: str, volume: Volume) -> None:
    mount = f"--mount=type=volume,source={volume()},target=/home/jovyan,volume-nocopy"
    found, said = ran(small_image, mount, command='ls -A "$HOME"')
    assert "WELCOME.md" in found.split()  # in a home of the start-up's making, since nothing can be written there
    assert [line for line in said if not line.startswith("WARNING[")] == []
    found, said = ran(small_image, mount, "--user=root", command=LIST)
    assert "WELCOME.md f 1000:100" in found.splitlines()
    assert said == []


def test_a_newer_image_on_an_older_home(small_image: str, newer_image: str, volume: Volume) -> None:
    mount = f"--mount=type=volume,source={volume()},target=/home/jovyan"
    _, said = ran(small_image, mount, command="echo mine >> .bashrc; rmdir work")
    assert said == []
    show = "cat WELCOME.md NEW.md; tail -n 1 .bashrc .bashrc.new; ls -d work || true"
    found, said = ran(newer_image, mount, command=show)
    assert "Welcome to the newer image.\nNew.\n" in found
    assert "==> .bashrc <==\nmine\n" in found
    assert "==> .bashrc.new <==\nalias newer=true\n" in found
    assert "\nwork\n" not in found


@pytest.mark.parametrize("options", [[], ["--read-only", "--tmpfs=/tmp"], ["--user=4321:100"], ["--user=4321:0"]])
def test_nothing_is_said_where_nothing_is_wrong(small_image: str, options: list[str]) -> None:
    _, said = ran(small_image, *options, command="true")
    assert [line for line in said if "fill-home" in line or "Traceback" in line] == []


def test_a_hub_calls_the_hook_and_what_fails_or_hangs_keeps_nobody(newer_image: str, start: Start) -> None:
    container = start(newer_image, "--env=JUPYTERHUB_API_TOKEN=x", "--env=PLATFORM_POST_START_LIMIT=2")
    done = docker("exec", container, "/opt/environments/post-start-hook")
    assert done.returncode == 0, done.stderr
    assert "10-greet: done" in done.stderr
    assert "20-fail: exit code 3" in done.stderr
    assert "it went wrong" in done.stderr
    assert "30-hang: was stopped at its limit of time" in done.stderr
    said = docker("exec", container, "cat", f"{STATE}/post-start/10-greet.log").stdout
    home = "/home/jovyan"
    assert said == f"small, on a hub: yes, SMALL_DATA is {home}/small data, python is /opt/conda/bin/python\n"


def test_a_hub_s_container_that_starts_as_root(small_image: str, start: Start) -> None:
    options = ("--user=root", "--env=NB_USER=ada", "--env=NB_UID=4321", "--env=JUPYTERHUB_API_TOKEN=x")
    container = start(small_image, *options)
    done = docker("exec", container, "/opt/environments/post-start-hook", "--strict")
    assert done.returncode == 0, done.stderr
    owner = docker("exec", container, "stat", "--format=%u", "/home/ada/.local/state/platform-images/post-start")
    assert owner.stdout == "4321\n"


def test_without_a_hub_a_server_s_start_does_it_behind(small_image: str, start: Start) -> None:
    with_it = start(small_image, command=("start-notebook.py",))
    without = start(small_image, "--env=PLATFORM_POST_START=no", command=("start-notebook.py",))
    deadline = time.monotonic() + 60
    while "10-greet: done" not in docker("exec", with_it, "cat", f"{STATE}/post-start/summary.log").stdout:
        assert time.monotonic() < deadline, docker("logs", with_it).stderr
        time.sleep(0.3)
    assert "on a hub: no" in docker("exec", with_it, "cat", f"{STATE}/post-start/10-greet.log").stdout
    assert "post-start:" not in docker("logs", with_it).stderr
    assert docker("exec", without, "ls", f"{STATE}/post-start").returncode != 0


def test_reference_data_that_a_site_mounts(small_image: str, start: Start, tmp_path: Path) -> None:
    show = ("/opt/environments/bin/activated", "new", "printenv", "SMALL_CATALOG")
    tmp_path.chmod(0o755)
    mounted = start(small_image, f"--mount=type=bind,source={tmp_path},target=/data/small-catalog,readonly")
    plain = start(small_image)
    assert docker("exec", mounted, *show).stdout == "/data/small-catalog\n"
    assert docker("exec", plain, *show).stdout == "/home/jovyan/catalog\n"
    for container in (mounted, plain):
        assert docker("exec", container, "/opt/environments/post-start-hook", "--strict").returncode == 0
    assert docker("exec", mounted, "readlink", "/home/jovyan/data/catalog").stdout == "/data/small-catalog\n"
    assert docker("exec", plain, "ls", "/home/jovyan/data").returncode != 0


MAKE_REPOSITORY = """
mkdir -p /tmp/git && cd /tmp/git && git init --quiet --initial-branch=main sky && cd sky
git config user.name A && git config user.email a@example.org
echo first > start.ipynb && git add . && git commit --quiet --message=1 && git rev-parse HEAD
git daemon --detach --export-all --listen=127.0.0.1 --base-path=/tmp/git
"""


def test_notebooks_come_from_a_git_server(small_image: str, start: Start) -> None:
    container = start(small_image, "--env=JUPYTERHUB_API_TOKEN=x")
    made = docker("exec", container, "bash", "-ec", MAKE_REPOSITORY)
    assert made.returncode == 0, made.stderr
    asked = {"url": "git://127.0.0.1/sky", "ref": "main", "commit": made.stdout.strip()}
    rows = [{**asked, "folder": "sky"}, {**asked, "folder": "reference/sky", "mode": "reference"}]
    place = "/opt/environments/etc/post-start.json"
    settings = json.dumps({"notebooks": rows, "data": []})
    docker("exec", "--user=root", "--interactive", container, "sh", "-c", f"cat > {place}", stdin=settings)
    done = docker("exec", container, "/opt/environments/post-start-hook", "--strict")
    assert done.returncode == 0, (
        done.stderr + docker("exec", container, "cat", f"{STATE}/post-start/notebooks.log").stdout
    )
    shown = docker("exec", container, "bash", "-c", "cd; cat sky/start.ipynb; stat --format=%a reference/sky/*").stdout
    assert shown == "first\n444\n"
