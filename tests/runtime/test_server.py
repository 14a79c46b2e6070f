"""The programs that start and watch the server, run as they are with this machine's Python."""

from __future__ import annotations

import http.server
import json
import os
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
    program = project / "common" / "runtime" / "etc" / "jupyter" / "healthcheck"
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


@pytest.fixture
def started(project: Path, tmp_path: Path) -> Any:
    """``started(*words, **variables)``: the command line and variables that start-notebook.py becomes."""
    program = project / "common" / "runtime" / "usr" / "local" / "bin" / "start-notebook.py"
    launcher = tmp_path / "launcher"
    launcher.write_text(
        f"#!{sys.executable}\nimport json, os, sys\nprint(json.dumps([sys.argv[1:], dict(os.environ)]))\n"
    )
    launcher.chmod(0o755)
    copy = tmp_path / "start-notebook.py"
    copy.write_text(program.read_text().replace("/opt/environments/bin/activated", str(launcher)))

    def start(*words: str, **variables: str) -> tuple[list[str], dict[str, str]]:
        done = subprocess.run(
            [sys.executable, str(copy), *words],
            env={"HOME": str(tmp_path), **variables},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        argv, environment = json.loads(done.stdout)
        return argv, environment

    return start


def test_the_lab_starts_in_the_base_environment_with_a_token(started: Any) -> None:
    argv, environment = started(JUPYTER_TOKEN="")
    assert argv[:3] == ["base", "jupyter", "lab"]
    assert {"--ip=0.0.0.0", "--port=8888", "--no-browser"} <= set(argv)
    assert ("--allow-root" in argv) == (os.geteuid() == 0)
    assert "JUPYTER_TOKEN" not in environment  # an empty one would be no token at all


def test_port_and_options_can_be_given(started: Any) -> None:
    argv, _ = started(
        "--ServerApp.base_url=/x", JUPYTER_PORT="9000", NOTEBOOK_ARGS="--a --b='c d'", JUPYTER_TOKEN="mine"
    )
    assert "--port=9000" in argv
    assert argv[-3:] == ["--a", "--b=c d", "--ServerApp.base_url=/x"]


def test_a_home_that_cannot_be_written_to_is_replaced(started: Any, tmp_path: Path) -> None:
    _, environment = started(HOME=str(tmp_path / "nowhere"))
    assert environment["HOME"] == f"/tmp/home-{os.geteuid()}"
