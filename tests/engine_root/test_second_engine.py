"""A second engine: it runs beside the first, and whatever ends it, nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_images.engine import second
from platform_images.errors import PrerequisiteError

KILLED = """
import os, signal
from platform_images.engine.second import second_engine
with second_engine(say=lambda _: None) as engine:
    print(engine.host, engine.data, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_subnet_is_one_that_no_route_overlaps() -> None:
    routes = "default via 192.0.2.1 dev eth0\n172.31.128.0/23 dev a\n172.31.130.7 dev b\n10.0.0.0/8 dev c\n"
    assert str(second.free_subnet(routes)) == "172.31.131.0/24"


def test_where_no_network_is_free_it_is_said() -> None:
    with pytest.raises(PrerequisiteError, match="No network is free"):
        second.free_subnet("172.16.0.0/12 dev tunnel\n")


def test_only_root_can_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PrerequisiteError, match="root"), second.second_engine(say=lambda _: None):
        pytest.fail("it was started")


def links() -> str:
    return subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_what_a_killed_run_leaves_is_taken_away_by_the_next(project: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=project, capture_output=True, text=True, check=False)
    host, data = killed.stdout.split()
    place = Path(host.removeprefix("unix://")).parent
    assert place.name in links()
    assert Path(data).is_dir()
    with second.second_engine(say=lambda _: None) as engine:
        assert engine.host == host, "the free place is used again"
        assert not list(Path(data).parent.glob(f"{Path(data).name}*")), "neither folder nor file of the killed one"
        assert place.name in links()
        with engine.in_use():
            asked = subprocess.run(["docker", "images", "--quiet"], capture_output=True, text=True, check=True)
        assert asked.stdout == ""
    assert place.name not in links()
    assert not place.exists()
    assert not list(engine.data.parent.glob(f"{engine.data.name}*"))
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    assert place.name not in mounts
    assert engine.data.name not in mounts
    rules = subprocess.run(["iptables", "--list-rules"], capture_output=True, text=True, check=True).stdout
    assert place.name not in rules
