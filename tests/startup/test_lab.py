"""Labs as the entry point starts them: how soon, where they listen, for whom, how they end; and kernels that end."""

from __future__ import annotations

import importlib.util
import json
import shlex
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

pytestmark = [pytest.mark.engine, pytest.mark.slow]
READY_SECONDS = 10.0
TOKEN = "test-token"


@pytest.fixture(scope="session")
def jupyter() -> Any:
    """The client of a server's own API."""
    place = Path(__file__).parents[1] / "e2e" / "jupyter.py"
    spec = importlib.util.spec_from_file_location("jupyter_client_of_start_up", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def lab(serve: Any) -> Iterator[Any]:
    """A lab as a person starts it, with a token that is known."""
    with serve("--env", f"JUPYTER_TOKEN={TOKEN}", "--publish", "127.0.0.1::8888") as started:
        yield started


@pytest.fixture(scope="module")
def server(lab: Any, jupyter: Any) -> Any:
    return jupyter.Server(port=lab.port(8888), token=TOKEN)


def warnings(log: str) -> list[str]:
    """Return the lines of a log that ask for somebody's attention."""
    return [line for line in log.splitlines() if line.startswith(("WARNING", "ERROR", "[W", "[E", "Traceback"))]


def test_a_lab_is_healthy_within_ten_seconds(lab: Any) -> None:
    assert lab.seconds < READY_SECONDS


def test_its_start_warns_of_nothing(lab: Any) -> None:
    assert warnings(lab.log()) == []
    assert "Executing: jupyter lab\n" in lab.log()


@pytest.mark.parametrize("frontend", ["notebook", "nbclassic", "server"])
def test_other_frontends_are_healthy_and_warn_of_nothing(serve: Any, frontend: str) -> None:
    with serve("--env", f"DOCKER_STACKS_JUPYTER_CMD={frontend}") as started:
        assert warnings(started.log()) == []
        assert f"Executing: jupyter {frontend}\n" in started.log()


def test_it_listens_on_ipv4_and_ipv6_and_asks_for_the_token(lab: Any) -> None:
    asked = [
        f"curl -s -o /dev/null -w '%{{http_code}} ' http://{host}:8888/api{what}"
        for host in ("127.0.0.1", "[::1]")
        for what in ("", "/contents")
    ]
    assert lab.sh("; ".join(asked)).split() == ["200", "403", "200", "403"]


def test_the_first_process_is_tini(lab: Any) -> None:
    assert lab.sh("tr '\\0' ' ' </proc/1/cmdline") == "tini -g -- start.sh start-notebook.py "


@pytest.mark.parametrize(
    ("kernel", "prefix"), [("new", "/opt/conda/envs/new"), ("old", "/opt/conda/envs/old"), ("python3", "/opt/conda")]
)
def test_every_kernel_starts_activated(server: Any, kernel: str, prefix: str) -> None:
    code = "import os, sys; print(sys.prefix, os.environ['CONDA_PREFIX'], os.environ['PATH'].split(':')[0])"
    assert server.run_cell(kernel, code).split() == [prefix, prefix, f"{prefix}/bin"]


def cell_output(server: Any, jupyter: Any, kernel_spec: str, code: str) -> str:
    """Return what a cell's output shows until its kernel starts again."""
    kernel = server.ask("kernels", data={"name": kernel_spec}, method="POST")["id"]
    channel = websocket.create_connection(
        f"ws://127.0.0.1:{server.port}/api/kernels/{kernel}/channels",
        header=[f"Authorization: token {server.token}"],
        timeout=60,
    )
    request = jupyter._execute_request(code)
    channel.send(json.dumps(request))
    shown: list[str] = []
    try:
        while True:
            message = json.loads(channel.recv())
            if message["content"].get("execution_state") == "restarting":
                return "".join(shown)
            if (
                message["msg_type"] == "stream"
                and message["parent_header"].get("msg_id") == request["header"]["msg_id"]
            ):
                shown.append(message["content"]["text"])
    finally:
        channel.close()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            # what a kernel prints it sends a moment later
            "import os, time; print('printed', flush=True); time.sleep(1); os._exit(3)",
            "printed\nThe kernel new (New Python) has ended: exit code 3.\n",
        ),
        ("import os; os.kill(os.getpid(), 9)", "it was killed (SIGKILL), as the system does when memory runs out"),
        (
            "import ctypes; ctypes.string_at(0)",
            "The kernel new (New Python) has ended: SIGSEGV, a fault in compiled code.\n",
        ),
    ],
)
def test_the_cell_that_ends_a_kernel_says_why(server: Any, jupyter: Any, lab: Any, code: str, told: str) -> None:
    assert told in cell_output(server, jupyter, "new", code)
    assert "The kernel new (New Python) has ended" in lab.log()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ["/opt/environments/bin/activated", "new", "python", "-m", "no_such_module"],
            "The kernel broken (Broken) has ended: exit code 1. Its last words:\n"
            "/opt/conda/envs/new/bin/python: No module named no_such_module",
        ),
        (["/no/such/program"], "No such file or directory: '/no/such/program'"),
    ],
)
def test_a_kernel_that_cannot_start_says_why_at_once(server: Any, lab: Any, argv: list[str], said: str) -> None:
    folder = "~/.local/share/jupyter/kernels/broken"
    kernel_spec = json.dumps({"argv": argv, "display_name": "Broken", "language": "python"})
    lab.sh(f"mkdir -p {folder}; echo {shlex.quote(kernel_spec)} > {folder}/kernel.json")
    opened = {"path": uuid.uuid4().hex, "name": "n", "type": "notebook", "kernel": {"name": "broken"}}
    with pytest.raises(urllib.error.HTTPError) as caught:
        server.ask("sessions", data=opened, method="POST")
    assert said in caught.value.read().decode().replace("\\n", "\n")


def test_docker_stop_ends_it_by_itself_and_it_starts_again(lab: Any) -> None:
    subprocess.run(["docker", "stop", "--time", "60", lab.name], capture_output=True, check=True)
    assert lab.state(".State.ExitCode") == "0"
    assert "received signal 15, stopping" in lab.log()
    subprocess.run(["docker", "start", lab.name], capture_output=True, check=True)
    lab.wait_healthy()


def test_a_renamed_user_s_lab_with_tls_on_another_port_and_path_survives_a_restart(serve: Any) -> None:
    options = {
        "NB_USER": "eve",
        "NB_UID": "1234",
        "JUPYTER_PORT": "9999",
        "GEN_CERT": "yes",
        "NB_UMASK": "007",
        "NOTEBOOK_ARGS": "--ServerApp.base_url='/a/b'",
        "RESTARTABLE": "yes",
        "DOCKER_STACKS_JUPYTER_CMD": "server",
    }
    words = [word for name, value in options.items() for word in ("--env", f"{name}={value}")]
    with serve("--user", "0", *words, "--publish", "127.0.0.1::9999", command=("start-notebook.py", "--debug")) as lab:
        assert "Executing: run-one-constantly jupyter server --ServerApp.base_url=/a/b --debug\n" in lab.log()
        assert lab.sh("stat -c '%a %U' /home/eve/.local/share/jupyter/notebook.pem") == "600 eve\n"
        server = "$(pgrep -u eve -f jupyter-server)"
        assert lab.sh(f"grep -h Umask /proc/{server}/status").split() == ["Umask:", "0007"]
        address = f"https://127.0.0.1:{lab.port(9999)}/a/b/api"
        context = ssl._create_unverified_context()
        with urllib.request.urlopen(address, context=context, timeout=60) as answer:
            assert "version" in json.load(answer)
        before = lab.sh(f"echo {server}")
        lab.sh(f"kill -9 {server}")
        lab.sh("until pgrep -u eve -f jupyter-server; do sleep 0.2; done")
        assert lab.sh(f"echo {server}") != before
        assert "jupyter has ended with exit code 137; it starts again in 2 s" in lab.log()
        subprocess.run(["docker", "restart", "--time", "60", lab.name], capture_output=True, check=True)
        lab.wait_healthy()
        assert lab.sh("id -un 1234; id -G eve") == "eve\n100\n"


def test_a_lab_of_any_user_in_a_confined_container_makes_a_token_of_its_own(serve: Any) -> None:
    confined = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    with serve(*confined, "--user", "12345:12345", "--env", "JUPYTER_TOKEN=", "--env", "JUPYTER_PORT=") as lab:
        assert lab.sh("curl -s -o /dev/null -w '%{http_code}' http://[::1]:8888/api/contents") == "403"
        assert "/lab?token=" in lab.log()
        lines = [line for line in lab.log().splitlines() if line.startswith("WARNING")]
        assert len(lines) == 2, lines


@pytest.mark.parametrize(
    ("options", "command", "said"),
    [
        (
            ("JUPYTERHUB_API_TOKEN=x",),
            "start-notebook.py",
            "using start-singleuser.py instead of start-notebook.py to start",
        ),
        (
            ("JUPYTERHUB_API_TOKEN=x", "NOTEBOOK_ARGS=--a 'b c'"),
            "start-notebook.py",
            "Executing: jupyterhub-singleuser --ip= --a b c",
        ),
        (("NOTEBOOK_ARGS=--ip=0.0.0.0",), "start-singleuser.py", "Executing: jupyterhub-singleuser --ip=0.0.0.0"),
        ((), "start-singleuser.sh", "Use start-singleuser.py instead"),
        (("DOCKER_STACKS_JUPYTER_CMD=no-such",), "start-notebook.sh", "Use start-notebook.py instead"),
        (("DOCKER_STACKS_JUPYTER_CMD=no-such",), "start-notebook.py", "Executing: jupyter no-such"),
        (
            ("NOTEBOOK_ARGS='open",),
            "start-notebook.py",
            "NOTEBOOK_ARGS cannot be split into words (No closing quotation)",
        ),
        (
            ("JUPYTER_PORT=http",),
            "start-notebook.py",
            "JUPYTER_PORT must be a port, a number from 1 to 65535, and it is 'http'",
        ),
        (
            ("GEN_CERT=yes", "JUPYTER_DATA_DIR=/proc"),
            "start-notebook.py",
            "GEN_CERT: no certificate could be made in /proc",
        ),
    ],
)
def test_what_a_server_cannot_start_with_is_told(run: Any, options: tuple[str, ...], command: str, said: str) -> None:
    done = run(*(word for option in options for word in ("--env", option)), command=(command,))
    assert done.code not in (0, 137)
    assert any(line.partition("] ")[2].startswith(said) for line in done.err.splitlines()), done.err


def test_the_last_exit_code_of_what_runs_constantly_passes_through(run: Any, lines: Any) -> None:
    program = "trap 'exit 7' TERM; echo up; touch /tmp/up; sleep 60 & wait"
    running = "until [ -e /tmp/up ]; do sleep 0.1; done"
    script = (f'run-one-constantly sh -c "{program}" &', running, "kill $!; wait $!")
    done = run(command=lines(*script))
    assert (done.code, done.out) == (7, "up\n")
