from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platform_images.site import site_settings

pytestmark = [pytest.mark.engine, pytest.mark.slow]
Invoke = Callable[..., subprocess.CompletedProcess[str]]
Docker = Callable[..., str]
Config = Callable[[str], dict[str, object]]
Inside = Callable[[str, str], str]
REQUESTS = "deployments/small/kernels/new/requirements.in"


@pytest.fixture
def edited(small_image: str, small_project: Path, docker_cli: Docker) -> Iterator[Path]:
    """The small project with one more request in a kernel; put back afterwards, with its locks and its image's tag."""
    docker_cli("tag", small_image, "small:kept")
    path = small_project / REQUESTS
    before = path.read_text(encoding="utf-8")
    locks = {p: p.read_bytes() for p in (small_project / "locks").rglob("*") if p.is_file()}
    path.write_text(before + "tabulate>=0.9\n", encoding="utf-8")
    yield small_project
    path.write_text(before, encoding="utf-8")
    for file, data in locks.items():
        file.write_bytes(data)
    docker_cli("tag", "small:kept", small_image)
    docker_cli("rmi", "small:kept")


def test_the_labels_name_version_lock_and_commit(small_image: str, config: Config) -> None:
    labels = config(small_image)["Labels"]
    assert isinstance(labels, dict)
    assert labels["org.opencontainers.image.title"] == "Small mission for tests"
    assert labels["org.opencontainers.image.version"] == "1.0"
    assert labels["org.opencontainers.image.revision"]
    assert labels["platform-images.mission"] == "small"
    assert labels["platform-images.kernels"] == "new,old"
    assert len(labels["platform-images.lock-digest"].removeprefix("sha256:")) == 64
    assert "platform-images.drift" in labels


def test_the_tag_names_version_and_lock_digest(small_image: str, config: Config, docker_cli: Docker) -> None:
    labels = config(small_image)["Labels"]
    assert isinstance(labels, dict)
    digest = labels["platform-images.lock-digest"].removeprefix("sha256:")
    same = docker_cli("image", "inspect", f"small:1.0-{digest[:12]}", small_image, "--format", "{{.Id}}").splitlines()
    assert len(set(same)) == 1


def test_every_part_of_the_mission_is_in_the_image(small_image: str, inside: Inside) -> None:
    assert inside(small_image, "figlet -v | head -1").strip()
    assert inside(small_image, "cat /srv/small/step.txt") == "made by the mission's own step"
    assert inside(small_image, "stat -c %a /etc/small/small.conf") == "640"
    assert inside(small_image, "cat ~/WELCOME.md") == "# Welcome to the small mission"
    assert inside(small_image, "id -u; id -g; echo $HOME").split() == ["1000", "100", "/home/jovyan"]


def test_only_the_locked_versions_are_installed(small_image: str, small_project: Path, inside: Inside) -> None:
    for kernel in ("new", "old"):
        lock = (small_project / f"locks/small/{kernel}/requirements.txt").read_text(encoding="utf-8")
        locked = {line.split(";")[0].rstrip(" \\") for line in lock.splitlines() if "==" in line and line[0].isalnum()}
        code = (
            "from importlib.metadata import distributions as d; print(*sorted(f'{x.name}=={x.version}' for x in d()))"
        )
        found = inside(small_image, f'/opt/conda/envs/{kernel}/bin/python -c "{code}"').split()
        assert {name.lower().replace("_", "-") for name in found} == {name.lower().replace("_", "-") for name in locked}


def certificates(text: str) -> set[str]:
    """Return the body of each certificate in a PEM text."""
    blocks = text.split("-----BEGIN CERTIFICATE-----")[1:]
    return {"".join(block.split("-----END CERTIFICATE-----")[0].split()) for block in blocks}


def test_neither_certificates_nor_settings_of_the_host_stay_in_the_image(
    small_image: str, inside: Inside, docker_cli: Docker
) -> None:
    debian = certificates(inside(small_image, "cat /usr/share/ca-certificates/mozilla/*.crt"))
    assert certificates(inside(small_image, "cat /etc/ssl/certs/ca-certificates.crt")) == debian
    settings = site_settings()
    assert settings.ca_bundle is not None
    foreign = certificates(settings.ca_bundle.read_text(encoding="utf-8")) - debian
    searched = "/etc /usr/local /opt/environments /opt/conda/etc /opt/conda/ssl /home /root /var /tmp"
    for body in sorted(foreign):
        assert inside(small_image, f"grep -rlsF -e '{body[-60:-1]}' {searched} || true") == ""
    assert "BEGIN CERTIFICATE" not in docker_cli("history", "--no-trunc", "--format", "{{.CreatedBy}}", small_image)
    assert inside(small_image, "ls /run/secrets 2>/dev/null || true") == ""


def test_building_again_changes_nothing(
    small_image: str, small_project: Path, run_invoke: Invoke, docker_cli: Docker
) -> None:
    before = docker_cli("image", "inspect", small_image, "--format", "{{.Id}}")
    done = run_invoke(small_project, "build", "--mission", "small")
    assert done.returncode == 0, done.stderr
    assert docker_cli("image", "inspect", small_image, "--format", "{{.Id}}") == before


def test_json_tells_the_same_as_the_summary(small_image: str, small_project: Path, run_invoke: Invoke) -> None:
    done = run_invoke(small_project, "build", "--mission", "small", "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert value["tags"][1] == small_image
    assert value["image"].startswith("sha256:")
    assert value["ran"] + value["cached"] > 10
    assert f"{value['ran']} ran, {value['cached']} from the cache" in done.stderr
    assert Path(value["log"]).is_file()


def test_print_shows_the_dockerfile_and_builds_nothing(
    small_image: str, small_project: Path, run_invoke: Invoke, docker_cli: Docker
) -> None:
    before = sorted(docker_cli("images", "--quiet", "small").splitlines())
    done = run_invoke(small_project, "build", "--mission", "small", "--print")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("#", "ARG", "FROM"))
    assert "AS kernel-new" in done.stdout
    assert "AS kernel-old" in done.stdout
    assert sorted(docker_cli("images", "--quiet", "small").splitlines()) == before


def test_a_frozen_build_refuses_a_stale_lock_and_names_the_cure(edited: Path, run_invoke: Invoke) -> None:
    done = run_invoke(edited, "build", "--mission", "small")
    assert done.returncode == 3
    assert REQUESTS in done.stderr
    assert 'nox -s "lock(small, new)"' in done.stderr


@pytest.mark.network
def test_locking_cures_a_stale_lock(edited: Path, run_invoke: Invoke, run_nox: Invoke, inside: Inside) -> None:
    solved = run_nox(edited, "lock(small, new)")
    assert solved.returncode == 0, solved.stderr
    checked = run_nox(edited, "lock_check")
    assert checked.returncode == 0, checked.stderr + checked.stdout
    built = run_invoke(edited, "build", "--mission", "small", "--kernel", "new", "--tag", "cured")
    assert built.returncode == 0, built.stderr
    assert inside("small:cured", "/opt/conda/envs/new/bin/python -c 'import tabulate; print(1)'") == "1"


@pytest.mark.network
def test_floating_solves_first_and_leaves_the_saved_locks_alone(
    edited: Path, run_invoke: Invoke, inside: Inside
) -> None:
    before = {p: p.read_bytes() for p in (edited / "locks").rglob("*") if p.is_file()}
    done = run_invoke(edited, "build", "--mission", "small", "--kernel", "new", "--floating", "--tag", "floating")
    assert done.returncode == 0, done.stderr
    assert {p: p.read_bytes() for p in (edited / "locks").rglob("*") if p.is_file()} == before
    assert inside("small:floating", "/opt/conda/envs/new/bin/python -c 'import tabulate; print(1)'") == "1"


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_told_to_end_leaves_nothing(
    told: signal.Signals, small_image: str, small_project: Path, docker_cli: Docker, tmp_path: Path
) -> None:
    before = docker_cli("image", "inspect", small_image, "--format", "{{.Id}}")
    running = docker_cli("ps", "--quiet", "--filter", "label=platform-images.role")
    child = subprocess.Popen(
        [sys.executable, "-m", "invoke", "build", "--mission", "small", "--no-cache"],
        cwd=small_project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    time.sleep(8)
    child.send_signal(told)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert docker_cli("image", "inspect", small_image, "--format", "{{.Id}}") == before
    assert docker_cli("ps", "--quiet", "--filter", "label=platform-images.role") == running
    assert list(tmp_path.iterdir()) == []


def test_the_mission_s_own_tests_pass(small_image: str, small_project: Path, run_invoke: Invoke) -> None:
    done = run_invoke(small_project, "test", "--mission", "small")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_command_runs_in_a_kernel_s_environment(small_image: str, small_project: Path, run_invoke: Invoke) -> None:
    words = (
        "exec",
        "--mission",
        "small",
        "--kernel",
        "old",
        "--",
        "python",
        "-c",
        "import sys; print(sys.prefix, 'a b')",
    )
    done = run_invoke(small_project, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "/opt/conda/envs/old a b"
    assert run_invoke(small_project, "exec", "--mission", "small", "--", "sh", "-c", "exit 7").returncode == 7


def test_tike_builds_and_its_kernel_passes(tike_image: str, project: Path, run_invoke: Invoke) -> None:
    done = run_invoke(project, "test", "--mission", "tike")
    assert done.returncode == 0, done.stdout + done.stderr
