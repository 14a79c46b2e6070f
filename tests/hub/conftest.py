from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

START_SECONDS = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningHub:
    """A hub that ``invoke hub`` has started: what it printed, its process, and its log so far."""

    port: int
    password: str
    process: subprocess.Popen[str]
    log: list[str]


def module_of(path: Path) -> ModuleType:
    """Return a program of the tests as a module."""
    if (found := sys.modules.get(f"hub_tests_{path.stem}")) is not None:
        return found
    spec = importlib.util.spec_from_file_location(f"hub_tests_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def hub_client(project: Path) -> ModuleType:
    """Calls of a hub's REST API and of the servers behind its proxy."""
    module_of(project / "tests" / "e2e" / "jupyter.py")
    return module_of(Path(__file__).with_name("hubclient.py"))


def listed(kind: str, role: str) -> set[str]:
    """Return the names of what hubs have in the engine: ``container``, ``network`` or ``volume``."""
    words = ["docker", kind, "ls", "--filter", f"label=platform-images.role={role}"]
    words += ["--all"] if kind == "container" else []
    words += ["--format", "{{.Names}}" if kind == "container" else "{{.Name}}"]
    return set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


def hub_processes() -> set[str]:
    """Return the command lines of hubs and of their proxies on this machine."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if "platform-images-hub-" in line or re.search(r"bin/configurable-http-proxy ", line):
            found.add(f"{path.parent.name} {line}")
    return found


def traces() -> dict[str, set[str]]:
    """Return all that a hub makes on a machine and in its engine, by kind; homes are not among it."""
    return {
        "containers": listed("container", "hub") | listed("container", "hub-look"),
        "networks": listed("network", "hub"),
        "processes": hub_processes(),
        "folders": {path.name for path in Path(tempfile.gettempdir()).glob("platform-images-hub-*")},
    }


@contextmanager
def hub_of(folder: Path, mission: str, image: str, *words: str, told: int = signal.SIGINT) -> Iterator[RunningHub]:
    """Give a hub as a developer starts it; told to end afterwards, which leaves nothing new but the homes."""
    before = traces()
    argv = [sys.executable, "-m", "invoke", "hub", "--mission", mission, "--image", image, *words]
    log: list[str] = []
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stderr is not None
        reader = threading.Thread(target=log.extend, args=(child.stderr,), daemon=True)
        reader.start()
        ender = threading.Timer(START_SECONDS, child.kill)
        ender.start()
        try:
            address, password = child.stdout.readline().strip(), child.stdout.readline().strip()
            ender.cancel()
            assert address, "".join(log)
            place = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", address)
            assert place is not None, address
            yield RunningHub(port=int(place[1]), password=password.removeprefix("password: "), process=child, log=log)
        finally:
            ender.cancel()
            os.kill(child.pid, told)
            code = child.wait(timeout=90)
            reader.join(timeout=10)
    if told != signal.SIGKILL:
        assert code == 0, "".join(log[-30:])
        assert "Traceback" not in "".join(log)
        now = traces()
        assert all(now[kind] <= before[kind] for kind in before), now


@pytest.fixture(scope="session")
def run_hub() -> Callable[..., AbstractContextManager[RunningHub]]:
    """``with run_hub(folder, mission, image, "--user", "ada") as hub``."""
    return hub_of


@pytest.fixture(scope="session")
def hub_traces() -> Callable[[], dict[str, set[str]]]:
    return traces


@pytest.fixture(scope="session")
def hub_homes() -> Callable[[], set[str]]:
    """The names of the volumes with users' homes."""
    return lambda: listed("volume", "hub-home")


@pytest.fixture(scope="module")
def hub(small_project: Path, small_image: str) -> Iterator[RunningHub]:
    """A hub of the small mission into which ada and grace may log in."""
    with hub_of(
        small_project, "small", small_image, "--user", "ada", "--user", "grace", "--home-volumes", "remove"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def image_with_a_failing_hook(small_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The small image with a post-start hook that notes its words, complains and fails."""
    folder = tmp_path_factory.mktemp("hook")
    hook = folder / "post-start-hook"
    hook.write_text('#!/bin/sh\necho "$*" > "$HOME/hook.txt"\necho "the hook is broken" >&2\nexit 3\n')
    hook.chmod(0o755)
    (folder / "Dockerfile").write_text(f"FROM {small_image}\nCOPY post-start-hook /opt/environments/post-start-hook\n")
    name = "platform-images-test-hook"
    subprocess.run(["docker", "build", "--quiet", "--tag", name, str(folder)], check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "rmi", name], check=True, capture_output=True)
