from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Invoke = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def checkout(small_project: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(small_project, folder)
    return folder


def listed(run_invoke: Invoke, folder: Path, *words: str) -> dict[str, dict[str, object]]:
    done = run_invoke(folder, "list", "--json", *words)
    assert done.returncode == 0, done.stderr
    return {f"{row['mission']}/{row['kernel']}": row for row in json.loads(done.stdout)}


def test_missions_kernels_pythons_and_locks_are_listed(checkout: Path, run_invoke: Invoke) -> None:
    rows = listed(run_invoke, checkout)
    assert rows["small/new"]["display_name"] == "New Python"
    assert rows["small/new"]["python"] == "3.13"
    assert rows["small/old"]["python"] == "3.11"
    assert {row["lock"] for row in rows.values()} == {"fresh"}


def test_a_stale_lock_says_which_input_changed_and_what_cures_it(checkout: Path, run_invoke: Invoke) -> None:
    with (checkout / "deployments/small/kernels/old/requirements.in").open("a", encoding="utf-8") as requests:
        requests.write("humanize>=4\n")
    row = listed(run_invoke, checkout)["small/old"]
    assert row["lock"] == "stale"
    assert "deployments/small/kernels/old/requirements.in" in str(row["reasons"])
    assert row["cure"] == 'nox -s "lock(small, old)"'
    assert listed(run_invoke, checkout)["small/new"]["lock"] == "fresh"


def test_what_every_kernel_gets_makes_every_kernel_stale(checkout: Path, run_invoke: Invoke) -> None:
    with (checkout / "common/kernel/requirements.in").open("a", encoding="utf-8") as requests:
        requests.write("humanize>=4\n")
    rows = listed(run_invoke, checkout)
    assert {name for name, row in rows.items() if row["lock"] == "stale"} == {"small/new", "small/old"}


def test_a_display_name_is_no_matter_of_the_lock(checkout: Path, run_invoke: Invoke) -> None:
    path = checkout / "deployments/small/kernels/new/kernel.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("New Python", "Newest"), encoding="utf-8")
    assert listed(run_invoke, checkout)["small/new"]["lock"] == "fresh"


def test_a_display_name_is_shown_as_it_is_written(checkout: Path, run_invoke: Invoke) -> None:
    path = checkout / "deployments/small/kernels/old/kernel.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("Old Python & pip-tools", "[bold]x[/red] :100:"))
    done = run_invoke(checkout, "list")
    assert done.returncode == 0, done.stderr
    assert "[bold]x[/red] :100:" in done.stdout


def test_a_missing_lock_and_a_damaged_one_are_told_apart(checkout: Path, run_invoke: Invoke) -> None:
    shutil.rmtree(checkout / "locks/small/new")
    with (checkout / "locks/small/old/requirements.txt").open("a", encoding="utf-8") as lock:
        lock.write("# changed by hand\n")
    rows = listed(run_invoke, checkout, "--mission", "small")
    assert rows["small/new"]["lock"] == "missing"
    assert rows["small/old"]["lock"] == "damaged"
