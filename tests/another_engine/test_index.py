"""A package index that stalls, breaks off, fails or talks nonsense: it is said, in finite time, and the lock stays."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.network, pytest.mark.slow]
Files = Callable[[Path], dict[str, bytes]]
Run = Callable[..., subprocess.CompletedProcess[str]]
FAULTS = ("stalls", "breaks off", "answers 500", "answers garbage")


class Faulty(http.server.BaseHTTPRequestHandler):
    """Does to every request what its server's ``fault`` says."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Index)
        if server.fault == "stalls":
            server.over.wait()
        elif server.fault == "answers 500":
            self.send_error(500)
        else:
            body = b"<html>&&& \x00 this is no index" if server.fault == "answers garbage" else b"<!DOCTYPE html><a hr"
            self.send_response(200)
            self.send_header(
                "Content-Type", "application/vnd.pypi.simple.v1+json" if body[0:6] == b"<html>" else "text/html"
            )
            self.send_header("Content-Length", str(len(body) + (1000 if server.fault == "breaks off" else 0)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Index(http.server.ThreadingHTTPServer):
    """A package index with a fault."""

    daemon_threads = True

    def __init__(self, fault: str) -> None:
        super().__init__(("127.0.0.1", 0), Faulty)
        self.fault = fault
        self.over = threading.Event()


@pytest.fixture(params=FAULTS)
def index(request: pytest.FixtureRequest) -> Iterator[str]:
    with Index(request.param) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
        server.over.set()
        server.shutdown()


def test_an_index_with_a_fault_is_named_and_the_next_solve_succeeds(
    index: str, checkout: Path, files: Files, command: Run, told: Callable[..., None], tmp_path: Path
) -> None:
    before = files(checkout / "locks")
    env = {"UV_DEFAULT_INDEX": index, "UV_HTTP_TIMEOUT": "1", "UV_HTTP_RETRIES": "1", "UV_CACHE_DIR": str(tmp_path)}
    done = command(checkout, "nox", "-s", "lock(small, new)", env=env)
    told(done, "The package index at http://127.0.0.1", "did not answer", code=1)
    assert files(checkout / "locks") == before
    again = command(checkout, "nox", "-s", "lock(small, new)")
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_build_whose_index_cannot_be_reached_fails_with_its_name_and_the_next_succeeds(
    small_project: Path,
    command: Run,
    told: Callable[..., None],
    engine_env: dict[str, str],
    next_build_gives_it_again: Callable[..., None],
) -> None:
    nobody = "http://127.0.0.1:9/simple"
    env = {**engine_env, "UV_DEFAULT_INDEX": nobody, "UV_HTTP_RETRIES": "0"}
    done = command(small_project, "invoke", "build", "--mission", "small", env=env)
    told(done, "The build of small failed", nobody, code=5)
    next_build_gives_it_again()
