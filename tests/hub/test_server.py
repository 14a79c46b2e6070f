"""The hub's own process: what of its log is shown when it is told to end while it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from platform_images import process
from platform_images.errors import ToolError
from platform_images.hub.configuration import Hub
from platform_images.hub.installation import Programs
from platform_images.hub.server import serve

HUB = Hub(
    mission="tike",
    image="tike:latest",
    home=PurePosixPath("/home/jovyan"),
    hook=False,
    users=(),
    password="secret",
    folder=Path("/state"),
    proxy=("node", "proxy"),
    port=1,
    proxy_port=1,
    gateway="127.0.0.1",
    hub_port=1,
)
STARTING = "import pathlib, time; print('up'); pathlib.Path('up').touch(); time.sleep(60)"


def test_a_hub_that_is_told_to_end_the_moment_it_is_started_shows_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = process._begun  # the signal has to come before the caller is given the child

    def interrupted(argv: Any, **options: Any) -> subprocess.Popen[str]:
        child = begun(argv, **options)
        end = time.monotonic() + 20
        while not (tmp_path / "up").exists():
            assert time.monotonic() < end, "the program did not start"
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        return child

    monkeypatch.setattr(process, "_begun", interrupted)
    said: list[str] = []
    programs = Programs(hub=(sys.executable, "-u", "-c", STARTING), proxy=())
    with pytest.raises(KeyboardInterrupt):
        serve(replace(HUB, folder=tmp_path), programs, engine_address="unix:///none", say=said.append)
    assert said == ["Starting JupyterHub for tike:latest ..."]


def test_what_a_hub_says_before_it_ends_by_itself_is_shown(tmp_path: Path) -> None:
    said: list[str] = []
    programs = Programs(hub=(sys.executable, "-c", "print('no port'); raise SystemExit(3)"), proxy=())
    with pytest.raises(ToolError, match="exit code 3") as caught:
        serve(replace(HUB, folder=tmp_path), programs, engine_address="unix:///none", say=said.append)
    assert said == ["Starting JupyterHub for tike:latest ...", "no port"]
    assert caught.value.why == "no port"
