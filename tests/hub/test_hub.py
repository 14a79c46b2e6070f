from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]

Invoke = Callable[..., subprocess.CompletedProcess[str]]
RunHub = Callable[..., AbstractContextManager[Any]]
Traces = Callable[[], dict[str, set[str]]]
USERS = ("--user", "ada", "--user", "grace")
START_SECONDS = 10
CELL = "import os, sys; print(os.environ['JUPYTERHUB_USER'], sys.prefix)"


@pytest.fixture
def mission(small_project: Path) -> Iterator[Callable[[str], None]]:
    """``mission(name)``: one for as long as the test lasts, for a hub of its own; its image is another's."""
    made: list[Path] = []

    def make(name: str) -> None:
        place = small_project / "deployments" / name
        made.append(place)
        (place / "kernels").mkdir(parents=True)
        (place / "kernels" / "new").symlink_to(small_project / "deployments" / "small" / "kernels" / "new")
        (place / "mission.toml").write_text('title = "Another"\nversion = "1.0"\nkernels = ["new"]\n')

    yield make
    for place in made:
        shutil.rmtree(place)


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.strip()


def kernels_of(image: str) -> list[str]:
    labels = docker("image", "inspect", image, "--format", "{{json .Config.Labels}}")
    return str(json.loads(labels)["platform-images.kernels"]).split(",")


def container_of(user: str) -> str:
    return f"platform-images-hub-small-{user}"


def work(user: Any, kernels: list[str]) -> tuple[float, float]:
    """What one user does: start a server, run a cell in each kernel, write, start anew, read.

    Returns the seconds that each start took.
    """
    first = user.start()
    for kernel in kernels:
        assert user.server.run_cell(kernel, CELL).split() == [user.name, f"/opt/conda/envs/{kernel}"]
    text = f"{user.name} was here\n"
    note = {"type": "file", "format": "text", "content": text}
    user.server.ask("contents/note.txt", data=note, method="PUT")
    user.server.run_cell(kernels[0], "from pathlib import Path; Path.home().joinpath('cell.txt').write_text('kept')")
    begun = user.server.ask("status")["started"]
    user.stop()
    second = user.start()
    assert user.server.ask("status")["started"] != begun
    assert user.server.ask("contents/note.txt")["content"] == text
    assert user.server.ask("contents/cell.txt")["content"] == "kept"
    return first, second


def everybody_works(hub: Any, hub_client: ModuleType, kernels: list[str]) -> None:
    users = [hub_client.logged_in(hub.port, name, hub.password) for name in ("ada", "grace")]
    with ThreadPoolExecutor(max_workers=len(users)) as pool:
        starts = [done.result() for done in [pool.submit(work, user, kernels) for user in users]]
    assert min(min(each) for each in starts) < START_SECONDS, starts  # of all, for others may use the machine as well


def test_two_users_at_once_run_cells_in_each_kernel_and_find_their_files_after_a_restart(
    hub: Any, hub_client: ModuleType, small_image: str
) -> None:
    everybody_works(hub, hub_client, kernels_of(small_image))


def test_users_reach_the_hub_and_not_each_other_and_nobody_beyond_the_loopback_reaches_them(
    hub: Any, hub_client: ModuleType
) -> None:
    ada, grace = (hub_client.logged_in(hub.port, name, hub.password) for name in ("ada", "grace"))
    for user in (ada, grace):
        user.start_unless_running()
        assert docker("port", container_of(user.name)) == ""
    with pytest.raises(hub_client.RefusedError, match="403"):
        hub_client.call(f"http://127.0.0.1:{hub.port}/user/grace/api/contents", token=ada.token)
    where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    other = docker("inspect", container_of("grace"), "--format", where)
    reach = f"import socket; socket.create_connection(('{other}', 8888), timeout=2)"
    words = ["docker", "exec", container_of("ada"), "python", "-c", reach]
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "TimeoutError" in tried.stderr or "refused" in tried.stderr
    elsewhere = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    socket.create_connection(("127.0.0.1", hub.port), timeout=5).close()
    with pytest.raises(OSError):
        socket.create_connection((elsewhere, hub.port), timeout=5).close()


@pytest.mark.parametrize("name", ["ada", "mallory"])
def test_the_password_opens_it_and_only_for_those_who_were_named(hub: Any, hub_client: ModuleType, name: str) -> None:
    password = "wrong" if name == "ada" else hub.password
    with pytest.raises(hub_client.RefusedError, match="403"):
        hub_client.logged_in(hub.port, name, password)


def test_the_lab_page_opens_in_a_browser_after_the_login_form(hub: Any, browser_image: str, tmp_path: Path) -> None:
    name = "platform-images-test-hub-browser"
    run = ["docker", "run", "--name", name, "--label", "platform-images.role=test"]
    run += ["--network", "host", "--shm-size", "512m"]
    words = [f"http://127.0.0.1:{hub.port}/", "/home/browser/hub.png", "grace", hub.password]
    try:
        seen = subprocess.run([*run, browser_image, "look", *words], capture_output=True, text=True, timeout=300)
        assert seen.returncode == 0, seen.stderr
        docker("cp", f"{name}:/home/browser/hub.png", str(tmp_path))
    finally:
        docker("rm", "--force", name)
    found = json.loads(seen.stdout.splitlines()[-1])
    assert found["url"].startswith(f"http://127.0.0.1:{hub.port}/user/grace/lab")
    assert {"New Python", "Old Python & pip-tools"} <= set(found["notebook"])
    assert found["errors"] == []


def test_a_second_hub_of_the_mission_is_refused_and_leaves_the_first_one_s_homes_alone(
    hub: Any,
    hub_client: ModuleType,
    small_project: Path,
    small_image: str,
    run_invoke: Invoke,
    hub_homes: Callable[[], set[str]],
) -> None:
    ada = hub_client.logged_in(hub.port, "ada", hub.password)
    ada.start_unless_running()
    ada.stop()
    before = hub_homes()
    assert "platform-images-home-small-ada" in before
    for words in (("--image", small_image, "--home-volumes", "remove"), ("--clean",)):
        done = run_invoke(small_project, "hub", "--mission", "small", *words)
        assert done.returncode == 2, done.stderr
        assert f"A hub of small runs already (process {hub.process.pid})" in done.stderr
    assert hub_homes() == before
    assert docker("network", "ls", "--quiet", "--filter", "name=platform-images-hub-small")


def test_a_failing_hook_keeps_nobody_out_and_what_a_killed_hub_leaves_goes_with_the_next_one_but_homes_stay(
    small_project: Path,
    small_image: str,
    image_with_a_failing_hook: str,
    run_hub: RunHub,
    hub_client: ModuleType,
    hub_homes: Callable[[], set[str]],
    hub_traces: Traces,
    run_invoke: Invoke,
    mission: Callable[[str], None],
) -> None:
    home = "platform-images-home-other-ada"
    clean = ("hub", "--mission", "other", "--clean")
    mission("other")
    before = hub_traces()
    with run_hub(small_project, "other", image_with_a_failing_hook, "--user", "ada", told=signal.SIGKILL) as hub:
        ada = hub_client.logged_in(hub.port, "ada", hub.password)
        ada.start()
        assert ada.server.ask("contents/hook.txt")["content"] == "--on-hub\n"
        log = "".join(hub.log)
        assert "the hook is broken" in log
        assert "ada | " in log, "what a user's server says is shown"
    left = hub_traces()
    assert all(left[kind] > before[kind] for kind in before), left
    shown = run_invoke(small_project, *clean, "--dry-run").stdout.splitlines()
    assert [line.split()[2] for line in shown] == ["container", "network", "volume"]
    assert hub_traces() == left
    with run_hub(small_project, "other", small_image):
        pass
    assert hub_traces() == before
    assert home in hub_homes()
    done = run_invoke(small_project, *clean)
    assert (done.returncode, done.stdout) == (0, f"removed volume {home}\n")
    assert home not in hub_homes()
    assert "There is nothing of a hub of other" in run_invoke(small_project, *clean).stderr


@pytest.mark.parametrize("line", ["Starting JupyterHub for", "Running JupyterHub version"])
def test_ctrl_c_in_the_middle_of_the_start_leaves_nothing(
    small_project: Path, small_image: str, hub_traces: Traces, mission: Callable[[str], None], line: str
) -> None:
    mission("other")
    before = hub_traces()
    argv = [sys.executable, "-m", "invoke", "hub", "--mission", "other", "--image", small_image]
    with subprocess.Popen(argv, cwd=small_project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert any(line in said for said in child.stderr)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=90)
    assert (child.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert hub_traces() == before


def test_a_port_in_use_is_named(small_project: Path, small_image: str, run_invoke: Invoke, hub_traces: Traces) -> None:
    before = hub_traces()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_invoke(small_project, "hub", "--mission", "small", "--image", small_image, "--port", port)
    assert done.returncode == 2
    assert f"The port {port} is in use" in done.stderr
    assert hub_traces() == before


def test_a_mission_without_an_image_is_told_how_to_get_one(
    small_project: Path, run_invoke: Invoke, mission: Callable[[str], None]
) -> None:
    mission("bare")
    done = run_invoke(small_project, "hub", "--mission", "bare")
    assert done.returncode == 2
    assert "There is no image 'bare:latest'" in done.stderr
    assert "invoke build --mission bare" in done.stderr


def test_an_image_that_no_hub_can_serve_is_refused(small_project: Path, small_image: str, run_invoke: Invoke) -> None:
    del small_image  # it is what makes the root
    root = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "platform-images/root").splitlines()[0]
    done = run_invoke(small_project, "hub", "--mission", "small", "--image", root)
    assert done.returncode == 2
    assert "it has no start-singleuser.py" in done.stderr


def test_the_configuration_is_shown_without_a_hub(
    small_project: Path, small_image: str, run_invoke: Invoke, hub_traces: Traces
) -> None:
    before = hub_traces()
    done = run_invoke(small_project, "hub", "--mission", "small", "--image", small_image, "--dry-run")
    assert done.returncode == 0, done.stderr
    spawner = json.loads(done.stdout)["DockerSpawner"]
    assert spawner["image"] == small_image
    assert "/opt/environments/post-start-hook --on-hub" in spawner["post_start_cmd"]
    assert spawner["mounts"][0]["target"] == "/home/jovyan"
    assert hub_traces() == before


def test_the_tike_image_serves_two_users(
    project: Path, tike_image: str, run_hub: RunHub, hub_client: ModuleType
) -> None:
    with run_hub(project, "tike", tike_image, *USERS, "--home-volumes", "remove") as hub:
        everybody_works(hub, hub_client, kernels_of(tike_image))
