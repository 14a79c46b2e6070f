"""The tools in containers: for users who are not root, on a volume, without a network, under a newer image."""

from __future__ import annotations

import io
import json
import os
import subprocess
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from platform_images.site import CA_IN_BUILD, site_settings

pytestmark = [pytest.mark.engine, pytest.mark.slow]
PREFIX = f"platform-images-usertools-{os.getpid()}"
WHO = {
    "the image's user, all but the home read-only": ("--read-only", "--volume", f"{PREFIX}-home:/home/jovyan"),
    "another user of the group": ("--user", "1010", "--group-add", "users"),
}
CELL = """
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name=sys.argv[1], startup_timeout=60)
try:
    answer = client.execute_interactive(sys.argv[2], timeout=60)
    print(answer["content"].get("evalue", ""), end="")
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""
INTERRUPT = """
import os, signal, subprocess, sys, time
program = subprocess.Popen(sys.argv[2:])
while not os.path.isdir(sys.argv[1]):
    assert program.poll() is None
    time.sleep(0.01)
time.sleep(0.02)
program.send_signal(signal.SIGINT)
print(program.wait())
"""
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Container:
    """A container that waits; each command in it is a program of its own."""

    name: str
    docker: Callable[..., Done]

    def run(self, *words: str) -> Done:
        return self.docker("exec", self.name, *words, check=False)

    def said(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def cell(self, kernel: str, code: str) -> str:
        """What a cell in a kernel prints, or how it fails."""
        return self.said("python", "-c", CELL, kernel, code)


Start = Callable[..., Container]


@pytest.fixture(scope="module")
def start(small_image: str, docker_cli: Callable[..., Done]) -> Iterator[Start]:
    """``start("--user", "1010")``: a container without a network, removed in the end."""
    names: list[str] = []

    def begin(*options: str, network: str = "none") -> Container:
        words = ("run", "--detach", "--network", network, "--label", "platform-images.role=test", *options)
        names.append(docker_cli(*words, small_image, "sleep", "600").stdout.strip())
        container = Container(names[-1], docker_cli)
        # The home is filled and the user has a name when the command runs.
        container.said("timeout", "30", "bash", "-c", "until pgrep -x sleep >/dev/null; do sleep 0.05; done")
        return container

    yield begin
    docker_cli("rm", "--force", "--volumes", *names, check=False)
    docker_cli("volume", "rm", "--force", f"{PREFIX}-home", f"{PREFIX}-kept", check=False)


@pytest.fixture(scope="module", params=WHO)
def user(request: pytest.FixtureRequest, start: Start) -> Container:
    """A container of one of the users, with the environment ``stars``."""
    container = start(*WHO[request.param])
    container.said("conda", "create", "-y", "-n", "stars", "python=3.13")
    return container


def test_an_environment_has_its_own_python_and_pip(user: Container) -> None:
    prefix = "/home/jovyan/.conda/envs/stars"
    said = user.said("conda", "run", "-n", "stars", "python", "-c", "import sys; print(sys.prefix, sys.version[:4])")
    assert said == f"{prefix} 3.13\n"
    assert user.said("conda", "run", "-n", "stars", "pip", "--version").split()[3].startswith(prefix)
    assert user.run("conda", "run", "-n", "stars", "sh", "-c", "exit 7").returncode == 7
    assert user.said("mamba", "list", "-n", "stars", "^python$").splitlines()[2].split()[:2] == ["python", "3.13.5"]


@pytest.mark.parametrize("shell", ["bash -lc", "bash -ic", "bash -lic"])
def test_conda_activate_works_in_terminals(user: Container, shell: str) -> None:
    script = "conda activate stars && type -P python && conda deactivate && type -P python; conda activate no; echo $?"
    done = user.run(*shell.split(), script)
    assert done.stdout.splitlines() == ["/home/jovyan/.conda/envs/stars/bin/python", "/opt/conda/bin/python", "2"]
    assert "There is no environment 'no'." in done.stderr


@pytest.mark.parametrize(("shell", "hook"), [("bash", "bash"), ("sh", "posix")])
def test_conda_activate_works_in_scripts_after_the_hook(user: Container, shell: str, hook: str) -> None:
    activate = "conda activate stars && command -v python && conda deactivate && command -v python"
    said = user.said(shell, "-c", f'eval "$(conda shell.{hook} hook)"; {activate}')
    assert said.splitlines() == ["/home/jovyan/.conda/envs/stars/bin/python", "/opt/conda/bin/python"]
    without = user.run(shell, "-c", "conda activate stars")
    assert without.returncode == 2
    assert 'What to do: in a script, first: eval "$(conda shell.bash hook)"' in without.stderr


def test_the_prompt_names_the_environment(user: Container) -> None:
    said = user.said("bash", "-ic", "conda activate stars; conda activate stars; echo ${PS1@P}")
    assert said.count("(stars)") == 1


def test_the_image_s_own_environments_can_be_changed_where_they_can_be_written(user: Container) -> None:
    done = user.run("conda", "install", "-y", "-n", "new", "python")
    if user.run("test", "-w", "/opt/conda/envs/new").returncode == 0:
        assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "All of it is installed already.")
        return
    assert done.returncode == 1
    assert done.stderr == (
        "The environment new cannot be changed by this user.\n  /opt/conda/envs/new is not writable\n"
        "What to do: make an environment of your own: conda create -n NAME PACKAGE...\n"
    )


def test_the_image_s_own_environments_stay(user: Container) -> None:
    assert user.run("conda", "env", "remove", "-y", "-n", "new").returncode == 2
    assert user.run("kernel-delete", "-y", "new").returncode == 2


def test_a_kernel_on_a_kernel_of_the_image_runs_cells_with_its_packages(user: Container) -> None:
    made = user.run("kernel-create-venv", "notes", "old", "My notes", "--system-site-packages")
    assert made.returncode == 0, made.stderr
    specs = json.loads(user.said("jupyter", "kernelspec", "list", "--json"))["kernelspecs"]
    assert specs["notes"]["spec"]["display_name"] == "My notes"
    code = "import os, sys, ipykernel; print(sys.prefix, ipykernel.__file__.split('lib')[0], os.environ['VIRTUAL_ENV'])"
    assert user.cell("notes", code) == "/home/jovyan/.venvs/notes /opt/conda/envs/old/ /home/jovyan/.venvs/notes\n"
    assert "notes" in user.said("kernel-list")
    user.said("kernel-delete", "-y", "notes")
    assert user.run("test", "-e", "/home/jovyan/.venvs/notes").returncode == 1
    assert "notes" not in user.said("jupyter", "kernelspec", "list")


def test_a_place_may_have_blanks_and_a_long_name(user: Container) -> None:
    place = f"/home/jovyan/my project/{'x' * 120}"
    user.said("conda", "create", "-q", "-y", "-p", place, "python=3.11")
    assert user.said("conda", "run", "-p", place, "pip", "--version").split(" from ")[1].startswith(place)
    assert user.said("bash", "-lc", f"conda activate '{place}' && type -P python") == f"{place}/bin/python\n"
    user.said("conda", "env", "remove", "-y", "-p", place)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel that has the names of ipykernel's modules, so that a kernel is made without a network."""
    folder = tmp_path_factory.mktemp("wheels")
    info = "ipykernel-7.9.dist-info"
    files = {f"ipykernel/{name}.py": "" for name in ("__init__", "kernelapp", "ipkernel")} | {
        "ipykernel_launcher.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: ipykernel\nVersion: 7.9\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD")))
    (folder / "ipykernel-7.9-py3-none-any.whl").write_bytes(stream.getvalue())
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def offline(start: Start, wheels: Path) -> Container:
    """A container whose pip has a folder of wheels and no index."""
    wanted = ("--volume", f"{wheels}:/wheels:ro", "--env", "PIP_NO_INDEX=1", "--env", "PIP_FIND_LINKS=/wheels")
    return start(*wanted)


def left(container: Container) -> set[str]:
    """Environments and kernels in the home."""
    folders = "~/.conda/envs ~/.venvs ~/.local/share/jupyter/kernels"
    return set(container.said("bash", "-c", f"ls -A {folders} 2>/dev/null | grep -v '^/' | grep . || true").split())


def test_a_kernel_with_a_python_of_its_own_is_made_exported_made_again_and_deleted(offline: Container) -> None:
    made = offline.run("kernel-create", "comets", "3.11", "Comets")
    assert made.returncode == 0, made.stderr
    assert "'Comets'" in made.stderr
    rows = [line.split() for line in offline.said("kernel-list").splitlines()]
    assert ["comets", "conda", "3.11", "Comets", "ok"] in rows
    assert "comets" in offline.said("jupyter", "kernelspec", "list")
    text = offline.said("kernel-export", "comets")
    wanted = """\
        name: comets
        channels:
        - embedded
        dependencies:
        - python=3.11.2
        - pip
        - pip:
          - ipykernel==7.9
        """
    assert text == textwrap.dedent(wanted)
    taken = offline.run("kernel-create", "comets", "3.13")
    assert taken.returncode == 2
    assert taken.stderr.startswith("You have a kernel comets already.\n")
    offline.said("bash", "-c", "cd && kernel-export comets comets.yml && kernel-delete -y comets")
    assert left(offline) == set()
    assert offline.run("kernel-create", "comets", "/home/jovyan/comets.yml").returncode == 0
    offline.said("kernel-delete", "-y", "comets")


@pytest.mark.parametrize("words", [("kernel-create", "lost", "3.11"), ("kernel-create-venv", "lost", "old")])
def test_a_kernel_whose_packages_cannot_be_had_leaves_nothing(offline: Container, words: tuple[str, ...]) -> None:
    done = offline.run("env", "PIP_FIND_LINKS=/mnt", *words)
    assert done.returncode == 1
    assert "The pip part cannot be installed.\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert left(offline) == set()


def test_a_python_that_no_channel_carries_is_refused_with_those_that_there_are(offline: Container) -> None:
    done = offline.run("kernel-create", "lost", "3.12")
    assert done.returncode == 1
    fix = "What to do: ask for what the channels (embedded) carry: 3.11.2, 3.13.5"
    assert done.stderr.splitlines()[1:] == [
        "No set of packages fulfils what was asked.",
        "  No candidates were found for python 3.12.*.",
        fix,
    ]


def test_the_base_keeps_its_python(offline: Container) -> None:
    done = offline.run("conda", "install", "-y", "-n", "base", "python=3.11")
    assert done.returncode == 2
    assert done.stderr.splitlines()[1] == "base is an environment of the image: another Python would break it."


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("/home/jovyan/.conda/envs/lost", ("kernel-create", "lost", "3.13")),
        ("/home/jovyan/.venvs/lost", ("kernel-create-venv", "lost", "new")),
        ("/home/jovyan/.conda/envs/lost", ("conda", "create", "-y", "-n", "lost", "python=3.11")),
    ],
)
def test_ctrl_c_leaves_nothing(offline: Container, folder: str, words: tuple[str, ...]) -> None:
    done = offline.run("python", "-c", INTERRUPT, folder, *words)
    assert done.stdout == "130\n", done.stderr
    assert "Traceback" not in done.stderr
    assert left(offline) == set()


def test_environments_survive_a_newer_image_and_what_it_took_is_told_and_mended(start: Start) -> None:
    volume = ("--volume", f"{PREFIX}-kept:/home/jovyan")
    before = start(*volume)
    before.said("conda", "create", "-y", "-n", "stars", "python=3.11")
    before.said("kernel-create-venv", "notes", "old", "--system-site-packages")
    assert before.cell("notes", "import sys; print(sys.version[:4])") == "3.11\n"

    after = start(*volume, "--tmpfs", "/opt/conda/envs/old")  # as an image without that kernel has it
    assert after.said("conda", "run", "-n", "stars", "python", "-c", "import sys; print(sys.version[:4])") == "3.11\n"
    what = "/opt/conda/envs/old/bin/python3.11, the Python 3.11 of old, is not in this image"
    cure = "kernel-create-venv --rebuild notes new"
    listed = after.run("kernel-list")
    assert f"broken: {what}" in listed.stdout
    assert f"To mend notes: {cure}" in listed.stderr
    assert after.cell("notes", "1 + 1") == (
        f"The kernel notes cannot be started: {what}.\nTo mend it, run in a terminal:  {cure}\nThen restart the kernel."
    )
    refused = after.run("kernel-create-venv", "--rebuild", "notes")
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "This image has no old and no Python 3.11, which notes was made on.",
        f"What to do: take another one: {cure}",
    ]
    after.said(*cure.split())
    assert after.cell("notes", "import sys; print(sys.version[:4])") == "3.13\n"
    assert "broken" not in after.said("kernel-list")


@pytest.mark.network
def test_a_kernel_gets_its_packages_from_the_index_and_runs_cells(start: Start) -> None:
    site = site_settings()
    options = [word for name, value in site.build_env().items() for word in ("--env", f"{name}={value}")]
    options += ["--volume", f"{site.ca_bundle}:{CA_IN_BUILD}:ro"] if site.ca_bundle else []
    container = start(*options, network="bridge")
    made = container.run("kernel-create", "comets", "3.13")
    assert made.returncode == 0, made.stderr
    container.said("bash", "-lc", "conda activate comets && pip install --quiet six")
    assert container.cell("comets", "import six, sys; print(sys.prefix)") == "/home/jovyan/.conda/envs/comets\n"
    assert "  - six==" in container.said("kernel-export", "comets")
