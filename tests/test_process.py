from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from platform_images.errors import ToolError
from platform_images.process import run, serving

STUBBORN = "trap '' INT; echo started >&2; while :; do sleep 0.1371; done"


def interrupted(project: Path, *, times: int, pid_file: Path) -> subprocess.CompletedProcess[str]:
    """Run a stubborn child through ``run`` in a process of its own, and interrupt that process."""
    program = f"""
        import os
        from platform_images.process import run, serving
        from pathlib import Path
        def heard(line):
            Path({str(pid_file)!r}).write_text("heard")
        try:
            run(["sh", "-c", {STUBBORN!r}], on_line=heard)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not pid_file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(times):
        os.kill(child.pid, signal.SIGINT)
        time.sleep(0.5)
    out, err = child.communicate(timeout=60)
    return subprocess.CompletedProcess(child.args, child.returncode, out, err)


def test_whoever_interrupts_again_need_not_wait_and_leaves_no_child(project: Path, tmp_path: Path) -> None:
    start = time.monotonic()
    done = interrupted(project, times=2, pid_file=tmp_path / "started")
    assert done.stdout == "interrupted\n", done.stderr
    assert done.stderr == ""
    assert time.monotonic() - start < 9
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 0.1371" not in listed


def test_a_failure_carries_the_command_and_its_last_words() -> None:
    with pytest.raises(ToolError) as caught:
        run(["sh", "-c", "echo first; echo last >&2; exit 3"])
    assert caught.value.returncode == 3
    assert str(caught.value.why).splitlines() == ["$ sh -c 'echo first; echo last >&2; exit 3'", "last"]


def test_a_program_that_is_started_just_when_we_are_told_to_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    start = subprocess.Popen

    def interrupted_start(*args: Any, **options: Any) -> subprocess.Popen[str]:
        started.append(start(*args, **options))
        os.kill(os.getpid(), signal.SIGINT)
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", interrupted_start)
    with (
        pytest.raises(KeyboardInterrupt),
        serving(["sleep", "60"], env=os.environ, cwd=tmp_path, on_line=print, grace=5),
    ):
        pytest.fail("it was told to end")
    assert started[0].poll() is not None
