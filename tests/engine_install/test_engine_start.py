"""dockerd is started beside the one that answers: folders of its own, no network of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from platform_images.engine import start
from platform_images.errors import PrerequisiteError
from platform_images.machine import which


@pytest.fixture
def daemon() -> Iterator[start.Daemon]:
    folder = Path(tempfile.mkdtemp(prefix="pi-start-", dir="/tmp"))  # short: a socket's path has little room
    host = f"unix://{folder}/socket"
    yield start.Daemon(
        # A network namespace of its own: a second dockerd takes the bridge and the rules of the first one away.
        program=("unshare", "--net", "dockerd"),
        arguments=(
            f"--host={host}",
            f"--data-root={folder}/data",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/pid",
        ),
        log=folder / "log" / "dockerd.log",
        runtime=folder / "exec",
        pidfile=folder / "pid",
        host=host,
    )
    end(folder / "pid")
    shutil.rmtree(folder, ignore_errors=True)


def end(pidfile: Path) -> None:
    if not pidfile.is_file():
        return
    number = int(pidfile.read_text())
    os.kill(number, 15)
    try:
        os.waitpid(number, 0)
    except ChildProcessError:
        return


def can_start() -> bool:
    return os.geteuid() == 0 and which("dockerd") is not None


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_an_engine_is_started_once_and_outlives_the_call(daemon: start.Daemon) -> None:
    said: list[str] = []
    if not can_start():
        with pytest.raises(PrerequisiteError):
            start.start_engine(systemd=False, say=said.append, daemon=daemon)
        return
    daemon.pidfile.write_text(str(os.getpid()))  # left by an engine that is gone: the number is another's now
    start.start_engine(systemd=False, say=said.append, daemon=daemon)
    assert start.answers(daemon.host)
    assert said == [f"dockerd runs; its log is {daemon.log}"]
    number = daemon.pidfile.read_text()
    assert os.getsid(int(number)) == int(number), "it has a session of its own"
    start.start_engine(systemd=False, say=said.append, daemon=daemon)
    assert daemon.pidfile.read_text() == number
    assert len(said) == 1


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_an_engine_that_does_not_start_shows_the_end_of_its_log(daemon: start.Daemon) -> None:
    broken = replace(daemon, arguments=(*daemon.arguments, "--storage-driver=nonesuch"))
    with pytest.raises(PrerequisiteError) as caught:
        start.start_engine(systemd=False, say=lambda _: None, daemon=broken)
    if can_start():
        assert "ended with exit code 1" in caught.value.what
        assert "nonesuch" in str(caught.value.why)


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_an_engine_collects_its_garbage_less_often_where_nothing_else_is_said(
    daemon: start.Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOGC", raising=False)
    monkeypatch.setenv("GOMEMLIMIT", "1GiB")
    told = replace(daemon, program=("sh", "-c", "echo $GOGC $GOMEMLIMIT; exit 1"), arguments=())
    with pytest.raises(PrerequisiteError):
        start.launch(told, lambda _: None)
    assert daemon.log.read_text() == "400 1GiB\n"


def test_process_ids_of_others_are_no_reason_to_wait(tmp_path: Path) -> None:
    runtime = tmp_path / "docker"
    contained = runtime / "containerd" / "containerd.pid"
    contained.parent.mkdir(parents=True)
    pidfile = tmp_path / "docker.pid"
    for name in (contained, pidfile):
        name.write_text(f"{os.getpid()}\n")
    start.clear_stale(start.Daemon(runtime=runtime, pidfile=pidfile))
    assert not contained.exists()
    assert not pidfile.exists()
