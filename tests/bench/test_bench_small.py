"""The small benchmark on a real engine: what takes little time is measured within its margin, and nothing is left."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.bench.copying import PREFIX
from platform_images.bench.values import parse_report

CASES = ["start-tasks", "start-list", "lock-unchanged", "build-unchanged"]


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.slow
def test_the_small_benchmark_is_measured_and_leaves_nothing_in_the_engine(
    project: Path, run_nox: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    chosen = [word for name in CASES for word in ("--case", name)]
    done = run_nox(project, "bench", "--", "--small", "--runs", "1", *chosen, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    report = parse_report((project / "reports" / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    assert [result.case for result in report.results] == CASES
    assert not [result.case for result in report.results if not result.met]
    text = (project / "reports" / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert str(project) not in text
    assert str(Path.home()) not in text
    for kind in (("images", "--format", "{{.Repository}}"), ("ps", "--all", "--format", "{{.Names}}")):
        listed = subprocess.run(["docker", *kind], capture_output=True, text=True, check=True).stdout
        assert PREFIX not in listed
    volumes = ["docker", "volume", "ls", "--format", "{{.Name}}"]
    assert PREFIX not in subprocess.run(volumes, capture_output=True, text=True, check=True).stdout
