"""Tests of tests: what one notebook does must never hide another, whatever it does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_images.errors import ExitCode, UsageError
from platform_images.model import Mission, Platform, load_mission
from platform_images.run.results import Kind, Status, TestReport, TestResult
from platform_images.run.testing import test_mission as try_mission

pytestmark = [pytest.mark.engine, pytest.mark.slow]

WriteNotebook = Callable[..., Path]
FORGED = '{"event": "end", "id": 0, "status": "passed", "seconds": 0}'
NASTY = {
    "passes.ipynb": ("import os", "assert os.environ['SMALL_KERNEL'] == 'new'"),
    "fails.ipynb": ("shown = 6 * 7", "shown", "raise ValueError('no [bold]light[/bold] curve')", "never = 1"),
    "knows_no_magic.ipynb": ("import sys; print('something else', file=sys.stderr)\n%no_such_magic",),
    "says_nothing.ipynb": ("assert 6 * 7 == 43",),
    "hangs.ipynb": ("import time; time.sleep(10_000)",),
    "hangs_deaf.ipynb": (
        "import signal, time\nfor n in (2, 15):\n    signal.signal(n, signal.SIG_IGN)\ntime.sleep(10_000)",
    ),
    "kills_its_kernel.ipynb": ("import os; os._exit(3)",),
    "kills_everything.ipynb": ("import os; os.kill(-1, 9)",),
    "leaves_processes.ipynb": (
        "import subprocess; subprocess.Popen(['setsid', 'sleep', '9876'], start_new_session=True)",
    ),
    "is_no_notebook.ipynb": (),
    "speaks_for_the_runner.ipynb": (
        f"import contextlib\nfor line in ('no event', '{{}}', {FORGED!r}):\n"
        "    with contextlib.suppress(OSError), open('/proc/1/fd/1', 'w') as out:\n        print(line, file=out)",
        "raise ValueError('not passed')",
    ),
    "reads_the_runner.ipynb": (
        "from pathlib import Path\nassert not list(Path('/tmp/platform-images-test/plan').iterdir())",
        "for name in ('environ', 'mem', 'fd/1'):\n    try:\n        Path('/proc/1', name).open('rb')\n"
        "    except PermissionError:\n        continue\n    raise AssertionError(name)",
    ),
}


@pytest.fixture
def quick(checkout: Path, platform: Platform) -> Mission:
    """The small mission with a short time limit."""
    file = checkout / "deployments" / "small" / "kernels" / "new" / "kernel.toml"
    file.write_text(file.read_text().replace("timeout = 120", "timeout = 20"))
    return load_mission(platform, "small")


@pytest.fixture
def try_notebooks(platform: Platform, quick: Mission, built_image: str, tmp_path: Path) -> Callable[..., TestReport]:
    """``try_notebooks(path, ..., jobs=2)``: run these with the kernel ``new``."""

    def run(*paths: Path, jobs: int | None = None) -> TestReport:
        return try_mission(
            platform,
            quick,
            kernels=("new",),
            jobs=jobs,
            notebooks=tuple(map(str, paths)),
            image=built_image,
            report_dir=tmp_path / "reports",
            say=lambda _: None,
        )

    return run


def by_name(report: TestReport) -> dict[str, TestResult]:
    return {result.name: result for result in report.results}


def test_imports_notebooks_and_script_of_every_kernel_are_run(
    platform: Platform, mission: Mission, built_image: str, tmp_path: Path
) -> None:
    said: list[str] = []
    report = try_mission(
        platform,
        mission,
        kernels=(),
        jobs=2,
        notebooks=(),
        image=built_image,
        report_dir=tmp_path / "reports",
        say=said.append,
    )
    kinds = {(result.kernel, result.kind) for result in report.results}
    assert kinds == {("new", Kind.IMPORT), ("new", Kind.NOTEBOOK), ("old", Kind.IMPORT), ("old", Kind.NOTEBOOK),
                     ("old", Kind.SCRIPT)}  # fmt: skip
    assert [result.message for result in report.failures] == []
    assert report.exit_code == ExitCode.OK
    assert (tmp_path / "reports" / "junit.xml").is_file()
    assert "new: 3 tests" in said
    assert any(line.startswith("  old: script test passed (") for line in said)


def test_a_notebook_that_does_its_worst_never_hides_another(
    try_notebooks: Callable[..., TestReport], tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    for name, sources in NASTY.items():
        write_notebook(tmp_path / "work" / name, *sources)
    (tmp_path / "work" / "is_no_notebook.ipynb").write_text("{}")
    report = try_notebooks(tmp_path / "work", jobs=3)
    found = by_name(report)
    assert sorted(found) == sorted(NASTY)
    assert {name: result.status for name, result in found.items()} == {
        **dict.fromkeys(NASTY, Status.FAILED),
        "passes.ipynb": Status.PASSED,
        "leaves_processes.ipynb": Status.PASSED,
        "reads_the_runner.ipynb": Status.PASSED,
        "hangs.ipynb": Status.TIMEOUT,
        "hangs_deaf.ipynb": Status.TIMEOUT,
    }
    assert found["fails.ipynb"].message == "cell 3: ValueError: no [bold]light[/bold] curve"
    assert found["speaks_for_the_runner.ipynb"].message == "cell 2: ValueError: not passed"
    unknown = "cell 1: UsageError: Line magic function `%no_such_magic` not found."
    assert found["knows_no_magic.ipynb"].message == unknown
    assert found["says_nothing.ipynb"].message == "cell 1: AssertionError: assert 6 * 7 == 43"
    assert found["hangs.ipynb"].message == "not done after 20 s"
    assert "DeadKernelError" in found["kills_its_kernel.ipynb"].message
    assert found["leaves_processes.ipynb"].left == ("sleep 9876",)


def test_the_executed_notebook_of_a_failure_is_kept(
    try_notebooks: Callable[..., TestReport], tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    file = write_notebook(tmp_path / "work" / "fails.ipynb", *NASTY["fails.ipynb"])
    good = write_notebook(tmp_path / "work" / "passes.ipynb", *NASTY["passes.ipynb"])
    report = try_notebooks(file, good)
    kept = by_name(report)["fails.ipynb"].notebook
    assert kept == tmp_path / "reports" / "new" / "fails.ipynb"
    assert "42" in kept.read_text()
    assert [path.name for path in kept.parent.iterdir()] == ["fails.ipynb"]


def test_each_notebook_has_its_own_copy_of_its_folder_and_no_network(
    try_notebooks: Callable[..., TestReport], tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    (tmp_path / "work" / "data").mkdir(parents=True)
    (tmp_path / "work" / "data" / "input.txt").write_text("1")
    change = (
        "from pathlib import Path; import time\nassert Path('data/input.txt').read_text() == '1'\n"
        "Path('data/input.txt').write_text('2'); time.sleep(3)"
    )
    offline = (
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), timeout=3)\n"
        "except OSError as error:\n    assert error.errno == 101, error\nelse:\n    raise AssertionError('a network')"
    )
    files = [write_notebook(tmp_path / "work" / f"{name}.ipynb", change, offline) for name in "abc"]
    report = try_notebooks(*files, jobs=3)
    assert [result.message for result in report.failures] == []
    assert (tmp_path / "work" / "data" / "input.txt").read_text() == "1"


def test_serial_notebooks_run_alone_and_skipped_ones_are_reported(
    platform: Platform, mission: Mission, built_image: str, tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    tests = mission.kernel("new").folder / "tests"
    (tests / "imports.txt").unlink()
    claim = "import os, time\nos.mkdir('/tmp/claimed')\ntime.sleep(2)\nos.rmdir('/tmp/claimed')"
    for name in ("one.ipynb", "two.ipynb"):
        write_notebook(tests / "notebooks" / name, claim)
    (tests / "notebooks.txt").write_text("!one.ipynb\n!two.ipynb\n# activated.ipynb not today\n")
    report = try_mission(
        platform,
        mission,
        kernels=("new",),
        jobs=2,
        notebooks=(),
        image=built_image,
        report_dir=tmp_path / "reports",
        say=lambda _: None,
    )
    assert [(result.name, result.status, result.message) for result in report.results] == [
        ("one.ipynb", Status.PASSED, ""),
        ("two.ipynb", Status.PASSED, ""),
        ("activated.ipynb", Status.SKIPPED, "not today"),
    ]


def test_a_failing_import_says_what_is_missing(
    platform: Platform, quick: Mission, built_image: str, tmp_path: Path
) -> None:
    tests = quick.kernel("new").folder / "tests"
    (tests / "imports.txt").write_text("json\nno_such_module\n")
    (tests / "notebooks" / "activated.ipynb").unlink()
    report = try_mission(
        platform,
        quick,
        kernels=("new",),
        jobs=None,
        notebooks=(),
        image=built_image,
        report_dir=tmp_path / "reports",
        say=lambda _: None,
    )
    assert by_name(report)["json"].status is Status.PASSED
    assert by_name(report)["no_such_module"].message == "ModuleNotFoundError: No module named 'no_such_module'"


def test_a_kernel_without_tests_is_a_failure(
    platform: Platform, quick: Mission, built_image: str, tmp_path: Path
) -> None:
    tests = quick.kernel("new").folder / "tests"
    (tests / "imports.txt").unlink()
    (tests / "notebooks" / "activated.ipynb").unlink()
    report = try_mission(
        platform,
        quick,
        kernels=("new",),
        jobs=None,
        notebooks=(),
        image=built_image,
        report_dir=tmp_path / "reports",
        say=lambda _: None,
    )
    assert report.exit_code == ExitCode.FAILED
    assert report.results[0].message.startswith("nothing is tested: ")


def test_an_image_that_is_not_there_names_the_command_that_makes_it(
    platform: Platform, mission: Mission, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="There is no image 'pi-run-nowhere:1'"):
        try_mission(
            platform,
            mission,
            kernels=(),
            jobs=None,
            notebooks=(),
            image="pi-run-nowhere:1",
            report_dir=tmp_path / "reports",
            say=lambda _: None,
        )


def test_a_kernel_that_the_image_does_not_hold_is_named(
    checkout: Path, platform: Platform, built_image: str, tmp_path: Path
) -> None:
    small = checkout / "deployments" / "small"
    (small / "kernels" / "old").rename(small / "kernels" / "older")
    settings = small / "mission.toml"
    settings.write_text(settings.read_text().replace('"old"', '"older"'))
    with pytest.raises(UsageError, match="does not hold the kernel 'older'") as caught:
        try_mission(
            platform,
            load_mission(platform, "small"),
            kernels=(),
            jobs=None,
            notebooks=(),
            image=built_image,
            report_dir=tmp_path / "reports",
            say=lambda _: None,
        )
    assert caught.value.why == "Its kernels: new, old"


def test_interrupting_a_run_removes_its_container(
    checkout: Path, project: Path, built_image: str, tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    file = write_notebook(tmp_path / "work" / "hangs.ipynb", *NASTY["hangs.ipynb"])
    (checkout / "tasks.py").write_text((project / "tasks.py").read_text())
    words = ["test", "--mission", "small", "--kernel", "new", "--image", built_image, "--notebooks", str(file)]
    before = containers_of_tests()
    with subprocess.Popen([sys.executable, "-m", "invoke", *words], cwd=checkout, stderr=subprocess.PIPE) as child:
        while not (mine := containers_of_tests() - before):
            assert child.poll() is None
            time.sleep(0.2)
        os.kill(child.pid, signal.SIGINT)
        assert child.wait(timeout=60) == ExitCode.INTERRUPTED
        assert child.stderr is not None
        assert "Traceback" not in child.stderr.read().decode()
    assert not mine & containers_of_tests()


def containers_of_tests() -> set[str]:
    """Return the ids of all test containers."""
    words = ["docker", "ps", "--all", "--quiet", "--filter", "label=platform-images.role=test"]
    return set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


def test_the_verb_prints_json(
    checkout: Path, project: Path, built_image: str, tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    file = write_notebook(tmp_path / "work" / "fails.ipynb", *NASTY["fails.ipynb"])
    (checkout / "tasks.py").write_text((project / "tasks.py").read_text())
    words = [
        "test",
        "--mission",
        "small",
        "--kernel",
        "new",
        "--image",
        built_image,
        "--notebooks",
        str(file),
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "invoke", *words], cwd=checkout, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == ExitCode.FAILED
    value = json.loads(done.stdout)
    assert [result["status"] for result in value["results"]] == ["failed"]
