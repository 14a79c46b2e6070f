"""The health check, run as it is with this machine's Python."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Api(http.server.BaseHTTPRequestHandler):
    """Answers as a Jupyter server with the base URL ``/user/me/`` does."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/user/me/api" else 404)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Keep requests out of the tests' output."""


@pytest.fixture
def server() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running.server_address[1]
        running.shutdown()


def healthy(project: Path, **variables: str) -> int:
    program = project / "common" / "runtime" / "etc" / "jupyter" / "docker_healthcheck.py"
    return subprocess.run([sys.executable, "-IS", str(program)], env=variables, timeout=60, check=False).returncode


def test_a_server_is_found_by_what_it_wrote_about_itself(project: Path, tmp_path: Path, server: int) -> None:
    runtime = tmp_path / ".local" / "share" / "jupyter" / "runtime"
    runtime.mkdir(parents=True)
    (runtime / "jpserver-1.json").write_text("half a fi")
    (runtime / "jpserver-7.json").write_text(json.dumps({"port": server, "base_url": "/user/me/", "secure": False}))
    assert healthy(project, HOME=str(tmp_path), JUPYTER_PORT="1") == 0


def test_a_server_is_found_where_it_is_expected(project: Path, tmp_path: Path, server: int) -> None:
    place = {"JUPYTER_PORT": str(server), "JUPYTERHUB_SERVICE_PREFIX": "/user/me/"}
    assert healthy(project, HOME=str(tmp_path), **place) == 0


def test_another_answer_than_the_api_s_is_not_healthy(project: Path, tmp_path: Path, server: int) -> None:
    assert healthy(project, HOME=str(tmp_path), JUPYTER_PORT=str(server)) == 1


def test_no_server_is_not_healthy(project: Path, tmp_path: Path) -> None:
    assert healthy(project, HOME=str(tmp_path), JUPYTER_PORT="1") == 1
