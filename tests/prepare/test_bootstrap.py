from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.prepare.conftest import Checkout


@pytest.fixture
def prepared(checkout: Checkout) -> Checkout:
    """A checkout whose ``.venv`` is there."""
    done = checkout.bootstrap("--no-engine")
    assert done.returncode == 0, done.stderr
    return checkout


@pytest.fixture
def deaf_index() -> Iterator[str]:
    """An index that accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"


def test_help_is_given_without_preparing_anything(checkout: Checkout) -> None:
    done = checkout.bootstrap("--help")
    assert done.returncode == 0
    assert "Usage: ./bootstrap" in done.stdout
    assert not (checkout.folder / ".venv").exists()


def test_an_unknown_option_is_refused(checkout: Checkout) -> None:
    done = checkout.bootstrap("--frozen", "invoke")
    assert done.returncode == 2
    assert "unknown option --frozen" in done.stderr


def test_the_first_call_makes_the_environment_and_says_what_comes_next(checkout: Checkout) -> None:
    done = checkout.bootstrap("--no-engine")
    assert done.returncode == 0, done.stderr
    assert checkout.installed() == "1.0"
    assert "there is none yet" in done.stderr
    assert "./bootstrap invoke build --mission" in done.stderr
    assert done.stdout == ""


def test_a_command_finds_the_environments_programs_first(shared: Checkout) -> None:
    assert shared.bootstrap("--no-engine", "pebble").stdout == "pebble 1.0\n"
    where = shared.bootstrap("--no-engine", "python", "-c", "import sys; print(sys.prefix)")
    assert where.stdout.strip() == str(shared.folder / ".venv")


def test_a_command_keeps_its_words_its_input_its_folder_and_its_exit_code(shared: Checkout, tmp_path: Path) -> None:
    script = 'printf "<%s>" "$@"; pwd -P; cat; exit 41'
    words = ("sh", "-c", script, "sh", "two words", "", "*", "--help")
    done = shared.bootstrap("--no-engine", *words, cwd=tmp_path, stdin="input\n")
    assert done.stdout == f"<two words><><*><--help>{tmp_path}\ninput\n"
    assert done.returncode == 41


def test_the_checkout_is_importable_from_anywhere(shared: Checkout, tmp_path: Path) -> None:
    code = "import platform_images; print(platform_images.__file__)"
    done = shared.bootstrap("--no-engine", "python", "-c", code, cwd=tmp_path)
    assert done.stdout.strip() == str(shared.folder / "platform_images/__init__.py")


def test_modules_in_the_callers_folder_do_not_get_in_the_way(shared: Checkout, tmp_path: Path) -> None:
    folder = tmp_path / "trap"
    folder.mkdir()
    (folder / "json.py").write_text("raise SystemExit('trapped')\n")
    env = shared.environment(PYTHONPATH=str(folder), PYTHONHOME="/nowhere")
    assert shared.bootstrap("--no-engine", "true", cwd=folder, env=env).returncode == 0


def test_an_unknown_command_is_127_with_a_way_on(shared: Checkout) -> None:
    done = shared.bootstrap("--no-engine", "invok", "build")
    assert done.returncode == 127
    assert "there is no command 'invok'" in done.stderr
    assert "./bootstrap invoke --list" in done.stderr


def test_the_second_call_does_nothing_and_takes_no_time(shared: Checkout) -> None:
    start = time.monotonic()
    done = shared.bootstrap("--no-engine", "true")
    assert time.monotonic() - start < 2
    assert done.stderr == ""


def test_a_changed_lock_makes_it_anew(prepared: Checkout) -> None:
    prepared.lock("2.0")
    done = prepared.bootstrap("--no-engine", "pebble")
    assert "requirements.txt has changed" in done.stderr
    assert done.stdout == "pebble 2.0\n"


def test_a_moved_checkout_makes_it_anew(prepared: Checkout) -> None:
    moved = prepared.folder.with_name("elsewhere")
    shutil.move(prepared.folder, moved)
    there = type(prepared)(moved, prepared.wheels)
    done = there.bootstrap("--no-engine", "pebble")
    assert "was moved or copied" in done.stderr
    assert done.stdout == "pebble 1.0\n"


def test_a_broken_python_makes_it_anew(prepared: Checkout) -> None:
    python = prepared.folder / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    done = prepared.bootstrap("--no-engine", "pebble")
    assert "its Python has changed" in done.stderr
    assert done.stdout == "pebble 1.0\n"


def test_a_wrong_hash_installs_nothing_and_keeps_the_former_environment(prepared: Checkout) -> None:
    prepared.lock("2.0", digest="0" * 64)
    done = prepared.bootstrap("--no-engine", "true")
    assert done.returncode == 5
    assert "Expected sha256 " + "0" * 64 in done.stderr
    assert "Traceback" not in done.stderr
    assert prepared.installed() == "1.0"
    assert sorted(path.name for path in prepared.folder.iterdir() if "venv" in path.name) == [".venv"]


def test_an_index_without_the_package_leaves_nothing_half_made(checkout: Checkout) -> None:
    done = checkout.bootstrap("--no-engine", env=checkout.environment(PIP_FIND_LINKS=str(checkout.folder)))
    assert done.returncode == 5
    assert "No matching distribution found for pebble" in done.stderr
    assert "To cure it: check that the package index answers" in done.stderr
    assert not (checkout.folder / ".venv").exists()


def test_settings_that_install_elsewhere_are_ignored(checkout: Checkout, tmp_path: Path) -> None:
    env = checkout.environment(PIP_TARGET=str(tmp_path / "target"), PIP_USER="1")
    assert checkout.bootstrap("--no-engine", env=env).returncode == 0
    assert checkout.installed() == "1.0"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_being_ended_half_way_keeps_the_former_environment(
    prepared: Checkout, deaf_index: str, number: signal.Signals
) -> None:
    prepared.lock("2.0")
    env = prepared.environment(PIP_INDEX_URL=deaf_index)
    del env["PIP_NO_INDEX"]
    child = subprocess.Popen(
        [str(prepared.folder / "bootstrap"), "--no-engine", "true"],
        env=env,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stderr is not None
    with child, child.stderr:
        for line in child.stderr:
            if "installing 1 packages" in line:
                break
        time.sleep(1)
        os.killpg(child.pid, number)
        rest = child.stderr.read()
        code = child.wait(timeout=60)
    assert code != 0
    assert "Traceback" not in rest
    wait_for(lambda: prepared.installed() == "1.0")
    assert prepared.bootstrap("--no-engine", "pebble").stdout == "pebble 2.0\n"


def test_two_at_once_make_one_environment(checkout: Checkout) -> None:
    done: list[subprocess.CompletedProcess[str]] = []
    threads = [
        threading.Thread(target=lambda: done.append(checkout.bootstrap("--no-engine", "pebble"))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.stdout for one in done] == ["pebble 1.0\n"] * 3
    assert sum("making .venv" in one.stderr for one in done) == 1


def test_without_a_python_it_says_what_to_install(checkout: Checkout, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "cat"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = checkout.bootstrap("--no-engine", env={"PATH": str(tools)})
    assert done.returncode == 6
    assert "no Python 3.11 or later was found" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.slow
def test_a_fresh_clone_is_ready_by_one_command(tmp_path: Path, project: Path) -> None:
    clone = tmp_path / "clone"
    ignored = shutil.ignore_patterns("__pycache__", ".venv*", ".nox", "build", "reports")
    shutil.copytree(project, clone, ignore=ignored)
    first = subprocess.run([clone / "bootstrap", "invoke", "--list"], cwd=clone, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    assert "doctor" in first.stdout
    start = time.monotonic()
    second = subprocess.run([clone / "bootstrap", "true"], cwd=clone, capture_output=True, text=True)
    assert time.monotonic() - start < 2
    assert (second.returncode, second.stderr) == (0, "")


def wait_for(condition: object, seconds: float = 30) -> None:
    """Wait until something holds; fail where it does not come to."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)
