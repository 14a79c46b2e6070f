"""``invoke test``: each kernel's imports, notebooks and script, in containers of the image, without a network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from platform_images import console
from platform_images.errors import UsageError
from platform_images.model import Environment, Mission, Platform, load_mission, load_platform
from platform_images.run import report as views
from platform_images.run.image import Image, find, require_kernels
from platform_images.run.plan import KernelPlan, given_plans, kernel_plan
from platform_images.run.results import Kind, Status, TestReport, TestResult

REPORTS = "reports"


def run(
    project: Path,
    mission_name: str,
    *,
    kernels: tuple[str, ...],
    jobs: int | None,
    notebooks: tuple[str, ...],
    image: str | None,
    json: bool,
) -> int:
    """Test a mission's image, show what was found, and return the exit code.

    Raises:
        PlatformError: No engine, no image, no such kernel, or a mistake in a list of tests.
    """
    platform = load_platform(project)
    mission = load_mission(platform, mission_name)
    report = test_mission(
        platform,
        mission,
        kernels=kernels,
        jobs=jobs,
        notebooks=notebooks,
        image=image,
        report_dir=project / REPORTS / mission.name,
        say=console.say,
    )
    _show(report, project / REPORTS / mission.name, json=json)
    return int(report.exit_code)


def test_mission(
    platform: Platform,  # noqa: ARG001 - every room's doors take it
    mission: Mission,
    *,
    kernels: tuple[str, ...],
    jobs: int | None,
    notebooks: tuple[str, ...],
    image: str | None,
    report_dir: Path,
    say: Callable[[str], None],
) -> TestReport:
    """Run the tests of some or all kernels, write ``junit.xml`` and the notebooks that failed, and return all results.

    Args:
        platform: The platform.
        mission: Whose tests.
        kernels: Only these; all without any.
        jobs: Imports and notebooks at a time; by default the cores of the engine's machine.
        notebooks: Notebooks or folders on this machine, run in the place of the kernels' own tests.
        image: The image's name; by default ``<mission>:latest``.
        report_dir: Where ``junit.xml`` and ``<kernel>/<notebook>`` go; other kernels' folders stay.
        say: Called with each line of progress.

    Raises:
        PlatformError: No engine, no image, no such kernel, or a mistake in a list of tests.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs {jobs} would run nothing.", fix="give 1 or more")
    chosen = mission.select(kernels)
    plans = _plans(mission, chosen, tuple(Path(name) for name in notebooks))
    found = find(mission, image)
    require_kernels(found, mission, [plan.kernel for plan in plans])
    results = tuple(
        result for plan in plans for result in _kernel(found, plan, jobs=jobs, report_dir=report_dir, say=say)
    )
    report = TestReport(mission=mission.name, image=found.name, results=results)
    views.write_junit(report, report_dir)
    return report


test_mission.__test__ = False  # type: ignore[attr-defined]  # a door with the verb's name, not a test of pytest's


def _plans(mission: Mission, kernels: Sequence[Environment], notebooks: Sequence[Path]) -> tuple[KernelPlan, ...]:
    if notebooks:
        return given_plans(mission, kernels, notebooks)
    return tuple(kernel_plan(kernel) for kernel in kernels)


def _kernel(
    image: Image, plan: KernelPlan, *, jobs: int | None, report_dir: Path, say: Callable[[str], None]
) -> tuple[TestResult, ...]:
    """Run one kernel's plan; one that tries nothing is a failure of the kernel."""
    from platform_images.run.group import Group

    keep = report_dir / plan.kernel
    shutil.rmtree(keep, ignore_errors=True)
    say(f"{plan.kernel}: {len(plan.items)} tests")
    results = Group(image.digest, plan, jobs=jobs, keep=keep, say=say).run()
    if any(result.status is not Status.SKIPPED for result in results):
        return results
    message = "nothing is tested: write tests/imports.txt or put a notebook into tests/notebooks/"
    say(f"  {plan.kernel}: {message}")
    return (
        *results,
        TestResult(kernel=plan.kernel, kind=Kind.KERNEL, name=plan.kernel, status=Status.FAILED, message=message),
    )


def _show(report: TestReport, folder: Path, *, json: bool) -> None:
    """Print the report on standard output; where to read more on standard error."""
    if json:
        from platform_images.cli import print_json

        print_json(views.as_json(report))
        return
    for result in report.failures:
        if result.detail:
            console.say(f"\n{result.kernel}: {result.kind.value} {result.name}: {result.message}", style="bold red")
            console.say(result.detail)
    console.stdout().print(views.table(report))
    console.stdout().print(views.totals(report))
    console.say(f"JUnit: {folder / views.JUNIT}")
    for result in report.failures:
        if result.notebook is not None:
            console.say(f"executed notebook: {result.notebook}")
