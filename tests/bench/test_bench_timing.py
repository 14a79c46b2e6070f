"""Measuring tiny commands: their time, their memory, what a cap does, and what is told of them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from platform_images.bench import session
from platform_images.bench.options import Options
from platform_images.bench.processes import Process, Watched, engine_seconds, family, parse_stat, read_table
from platform_images.bench.timing import Command, Timed, paired, reason, shown, timed
from platform_images.bench.values import Case, Comparison, Measured
from platform_images.bench.workshop import Workshop
from platform_images.errors import ToolError

MEGABYTE = 1 << 20
HOLDS = "import time; held = bytearray(60 << 20); time.sleep(0.8)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDS!r}])"


def python(*scripts: str, cwd: Path, cap: float | None = None) -> Command:
    return Command(argvs=tuple((sys.executable, "-c", script) for script in scripts), cwd=cwd, cap=cap)


def test_commands_are_measured_from_the_first_to_the_last(tmp_path: Path) -> None:
    nap = "import time; time.sleep(0.3)"
    found = timed(python(nap, nap, cwd=tmp_path))
    assert 0.6 <= found.seconds < 10
    assert not found.capped
    assert found.watched is None


def test_processor_time_is_that_of_the_children(tmp_path: Path) -> None:
    found = timed(
        python("import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass", cwd=tmp_path)
    )
    assert 0.3 <= found.cpu_seconds < 10


def test_the_memory_of_a_whole_family_is_seen(tmp_path: Path) -> None:
    found = timed(python(PARENT, cwd=tmp_path), watch=0.05)
    assert found.watched is not None
    assert found.watched.peak > 65 * MEGABYTE
    assert found.watched.looks > 3


def test_what_takes_too_long_is_stopped_and_has_the_time_of_its_cap(tmp_path: Path) -> None:
    start = time.monotonic()
    found = timed(python("import time; time.sleep(60)", cwd=tmp_path, cap=0.5))
    assert found.capped
    assert found.seconds == 0.5
    assert time.monotonic() - start < 20


def test_a_failure_carries_the_last_words(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="exit code 3") as caught:
        timed(python("import sys; print('no index answers'); sys.exit(3)", cwd=tmp_path))
    assert str(caught.value.why).splitlines()[-1] == "no index answers"


def test_runs_are_in_turns_and_a_cap_ends_those_of_the_peer() -> None:
    said: list[str] = []

    def ours() -> Timed:
        said.append("ours")
        return Timed(seconds=1.0, cpu_seconds=1.0)

    def theirs() -> Timed:
        said.append("theirs")
        return Timed(seconds=5.0, cpu_seconds=0.0, capped=said.count("theirs") == 2)

    mine, others = paired(3, ours, theirs)
    assert said == ["ours", "theirs", "ours", "theirs", "ours"]
    assert (len(mine), len(others)) == (3, 2)


def test_a_command_is_shown_without_paths_of_this_machine(tmp_path: Path) -> None:
    words = (sys.executable, "-m", "x", str(tmp_path / "inner" / "file"), str(tmp_path / "other"))
    command = Command(argvs=(words,), cwd=tmp_path)
    assert shown(command, places={str(tmp_path / "inner"): "scratch"}) == ("python -m x scratch/file ./other",)


def test_a_reason_is_one_line_without_paths_and_passwords(tmp_path: Path) -> None:
    error = ToolError("uv failed.", why=f"$ uv\nhttps://me:secret@index.example.org {tmp_path}/file\nis not there")
    assert reason(error, places={str(tmp_path): "."}) == "uv failed. is not there"
    other = ToolError("uv failed.", why=f"https://me:secret@index.example.org {tmp_path}/file")
    assert reason(other, places={str(tmp_path): "."}) == "uv failed. https://... ./file"


def test_a_process_may_have_any_name() -> None:
    text = "42 (a) b (c) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 99 8192 25 184467 0"
    assert parse_stat(text, page=4096) == Process(42, 7, "a) b (c", 25 * 4096)


def test_an_engine_s_processor_time_is_that_of_its_own_processes(tmp_path: Path) -> None:
    for pid, name, user, system in ((1, "dockerd", 150, 50), (2, "runc", 900, 0), (3, "containerd", 20, 30)):
        (tmp_path / str(pid)).mkdir()
        text = f"{pid} ({name}) S 7 42 42 0 -1 4194304 1 0 0 0 {user} {system} 0 0 20 0 1 0 99 8192 25 184467 0"
        (tmp_path / str(pid) / "stat").write_text(text, encoding="utf-8")
    assert engine_seconds(tmp_path) == 250 / os.sysconf("SC_CLK_TCK")
    assert engine_seconds(tmp_path / "absent") == 0


def test_this_process_is_in_the_table() -> None:
    found = read_table()[os.getpid()]
    assert found.parent == os.getppid()
    assert found.memory > 10 * MEGABYTE


def test_a_family_is_a_process_and_all_that_descend_from_it() -> None:
    table = {pid: Process(pid, parent, "p", 1) for pid, parent in ((1, 0), (2, 1), (3, 2), (4, 1), (5, 3))}
    assert family(table, 2).keys() == {2, 3, 5}
    assert family(table, 9) == {}


def test_peaks_are_of_one_time_and_a_client_s_time_counts() -> None:
    watched = Watched()
    watched.note({1: Process(1, 0, "python", 5), 2: Process(2, 1, "python", 5)}, since=1.0)
    watched.note({1: Process(1, 0, "python", 5), 3: Process(3, 1, "docker-buildx", 4)}, since=2.0)
    assert (watched.peak, watched.client_seconds, watched.looks) == (10, 2.0, 2)
    assert watched.by_program == {"python": 10, "docker-buildx": 4}


CASE = Case(name="start-list", subject="ours", peer="", comparison=Comparison.IN_ALL, target=2.0, margin=None)


def test_a_case_that_cannot_run_says_why_and_the_next_one_runs(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(workshop: Workshop, runs: int) -> Measured:
        raise ToolError("uv failed.", why=f"no index answers for {workshop.folder}/x")

    def works(workshop: Workshop, runs: int) -> Measured:
        return Measured(subject=(1.0,) * runs, subject_commands=("python",))

    monkeypatch.setattr(session, "WITHOUT_ENGINE", {"start-tasks": fails, "start-list": works})
    tasks = Case(name="start-tasks", subject="x", peer="", comparison=Comparison.IN_ALL, target=2.0, margin=None)
    report = session.measure(project, [tasks, CASE], Options(runs=2))
    assert [result.problem for result in report.results] == ["uv failed. no index answers for scratch/x", ""]
    assert report.results[1].subject_runs == (1.0, 1.0)
    assert "uv failed." in capsys.readouterr().err


def test_whoever_interrupts_finds_nothing_left(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[str] = []
    folders: list[Path] = []

    def interrupted(workshop: Workshop, runs: int) -> Measured:
        workshop.ends.callback(cleaned.append, "contexts")
        folders.append(workshop.folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "WITH_ENGINE", {"start-list": interrupted})
    monkeypatch.setattr(session, "_clean", lambda: cleaned.append("engine"))
    with pytest.raises(KeyboardInterrupt):
        session.measure(project, [CASE], Options())
    assert cleaned == ["engine", "contexts", "engine"]
    assert not folders[0].exists()


def test_a_benchmark_is_written_as_table_picture_and_figures(project: Path, tmp_path: Path) -> None:
    report = session.measure(project, [], Options())
    session.write(report, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "results.json", "results.svg"}
