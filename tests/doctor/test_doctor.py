from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from platform_images import doctor
from platform_images.machine import Engine, Machine, OsRelease
from platform_images.site import SiteSettings

RunInvoke = Callable[..., CompletedProcess[str]]
READY = Machine(
    os=OsRelease(id="fedora", title="Fedora Linux 43"),
    client="28.2.2",
    buildx="0.13.1",
    engine=Engine(name="Engine", version="26.1.5"),
)


class Index(BaseHTTPRequestHandler):
    """A package index with one project of one file."""

    def do_GET(self) -> None:
        page = b'<!DOCTYPE html><html><body><a href="pip-99.0-py3-none-any.whl">it</a></body></html>'
        known = self.path == "/simple/pip/"
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if known:
            self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Index) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


def by_name(found: tuple[doctor.Finding, ...]) -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in found}


def test_a_whole_engine_has_nothing_to_cure() -> None:
    found = doctor.engine_findings(READY)
    assert all(finding.ok and not finding.cure for finding in found)


def test_a_missing_engine_is_named_with_its_cure() -> None:
    machine = replace(READY, engine=None, silence="Cannot connect to the Docker daemon\nIs it running?")
    found = by_name(doctor.engine_findings(machine))
    assert found["Docker Engine"].found == "Cannot connect to the Docker daemon"
    assert "install a Docker Engine" in found["Docker Engine"].cure
    assert not found["BuildKit"].ok


def test_where_bootstrap_can_do_it_the_cure_is_bootstrap() -> None:
    machine = Machine(os=OsRelease(id="debian", version="13", codename="trixie"), root=True, silence="none")
    assert doctor.engine_findings(machine)[0].cure.startswith("./bootstrap does it: installing containerd, ")


def test_an_engine_too_old_to_build_is_not_ok() -> None:
    found = by_name(doctor.engine_findings(replace(READY, engine=Engine(name="Engine", version="20.10.24"))))
    assert found["Docker Engine"].ok
    assert not found["BuildKit"].ok
    assert "23 or later" in found["BuildKit"].cure


def test_an_index_that_answers_is_ok(index: str) -> None:
    assert doctor.index_finding(SiteSettings(index_url=index)).ok


def test_an_index_without_the_page_is_not_ok(index: str) -> None:
    found = doctor.index_finding(SiteSettings(index_url=f"{index}/elsewhere"))
    assert not found.ok
    assert "no page" in found.found


def test_an_index_that_nobody_answers_for_is_explained_without_its_password() -> None:
    found = doctor.index_finding(SiteSettings(index_url="http://me:hush@127.0.0.1:1/simple"))
    assert not found.ok
    assert "Connection refused" in found.found
    assert "PIP_INDEX_URL" in found.cure
    assert "hush" not in f"{found}"


def test_little_room_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_WANTED", 10**18)
    found = doctor.disk(str(tmp_path))
    assert not found.ok
    assert not found.required
    assert "docker system df" in found.cure


def test_memory_is_that_of_the_engines_machine() -> None:
    assert doctor.memory(8 * 10**9).found == "8 GB"
    assert not doctor.memory(10**9).ok


def test_the_command_prints_json_for_programs(project: Path, run_invoke: RunInvoke) -> None:
    done = run_invoke(project, "doctor", "--json", timeout=120)
    found = {entry["name"]: entry for entry in json.loads(done.stdout)}
    assert {"Python", "git", ".venv", "docker client", "Docker Engine", "BuildKit", "buildx", "mmdebstrap"} < set(found)
    assert "package index answers" not in found
    missing = [entry for entry in found.values() if entry["required"] and not entry["ok"]]
    assert done.returncode == (6 if missing else 0)


def test_the_command_says_what_is_wrong_with_a_silent_engine(
    project: Path, run_invoke: RunInvoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    done = run_invoke(project, "doctor", timeout=120)
    assert done.returncode == 6
    assert "To cure it: start it; or unset DOCKER_HOST" in " ".join(done.stdout.split())
