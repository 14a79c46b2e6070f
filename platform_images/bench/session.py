"""``nox -s bench``: the cases one after the other, their table, and what is left in the engine taken away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from platform_images import console
from platform_images.bench import buildcases, changecases, sizecases, solvecases
from platform_images.bench.cases import select
from platform_images.bench.hardware import machine
from platform_images.bench.judging import judged, not_measured, verdict
from platform_images.bench.options import Options, options
from platform_images.bench.plot import svg
from platform_images.bench.table import PLOT, found, mark, page, wanted
from platform_images.bench.timing import reason
from platform_images.bench.values import Case, Measured, Report, Result, report_text
from platform_images.bench.workshop import Workshop
from platform_images.errors import PlatformError, ToolError
from platform_images.files import write_text

PUBLISHED = Path("docs") / "benchmarks"
SCRATCH = Path("reports") / "benchmarks"
Runner = Callable[[Workshop, int], Measured]
WITHOUT_ENGINE: dict[str, Runner] = {
    "start-tasks": solvecases.start_tasks,
    "start-list": solvecases.start_list,
    "lock-unchanged": solvecases.lock_unchanged,
    "lock-cold": solvecases.lock_cold,
    "lock-pip-tools": solvecases.lock_pip_tools,
}
WITH_ENGINE: dict[str, Runner] = {
    "build-cold-limit": buildcases.cold_limit,
    "build-cold-usual": buildcases.cold_usual,
    "build-exact": buildcases.exact,
    "build-memory": buildcases.memory,
    "build-unchanged": buildcases.unchanged,
    "change-usual": changecases.change_usual,
    "change-seconds": changecases.change_seconds,
    "change-bytes": changecases.change_bytes,
    "size-jwebbinar": sizecases.size_jwebbinar,
    "size-roman": sizecases.size_roman,
}


def run(project: Path, words: Sequence[str]) -> None:
    """Measure what is asked for, write it down, and show it.

    Raises:
        PlatformError: A target was missed, or a case could not be measured; everything else was, and is written.
        UsageError: A word is not known.
    """
    asked = options(words)
    cases = select(asked.cases, small=asked.small)
    if asked.listed:
        show_cases(cases)
        return
    report = measure(project, cases, asked)
    folder = project / (PUBLISHED if asked.whole else SCRATCH)
    write(report, folder)
    show(report)
    console.say(f"written to {folder.relative_to(project)}")
    wrong = verdict(report)
    if wrong:
        raise PlatformError(f"Not every case is as it should be: {wrong}.", why=_problems(report))


def measure(project: Path, cases: Sequence[Case], asked: Options) -> Report:
    """Run the cases, each to its end or to the reason why it cannot run; nothing is left in the engine."""
    uses_engine = any(case.name in WITH_ENGINE for case in cases)
    with tempfile.TemporaryDirectory(prefix="platform-images-bench-", ignore_cleanup_errors=True) as name:
        workshop = Workshop(project, asked, Path(name), say=_say)
        try:
            if uses_engine:
                _clean()
            results = tuple(_result(case, workshop) for case in cases)
            return Report(small=asked.small, machine=machine(engine=uses_engine), results=results)
        finally:
            workshop.ends.close()
            if uses_engine:
                _clean()


def _result(case: Case, workshop: Workshop) -> Result:
    """Run one case."""
    small = workshop.options.small
    runs = workshop.options.runs or case.runs
    try:
        with console.step(f"{case.name}: {case.subject}"):
            measured = {**WITHOUT_ENGINE, **WITH_ENGINE}[case.name](workshop, runs)
            result = judged(case, measured, small=small)
            _say(f"{found(result)}; target {wanted(result)}: {mark(result).strip('*')}")
            return result
    except (PlatformError, OSError) as error:  # OSError: the engine's answers among others
        problem = error if isinstance(error, PlatformError) else ToolError(f"{type(error).__name__}:", why=str(error))
        console.show_error(problem)
        return not_measured(case, reason(problem, places=workshop.places()), small=small)


def _clean() -> None:
    """Take from the engine what benchmarks put there; where none answers, there is nothing to take."""
    from platform_images.bench.leftovers import remove

    try:
        remove(say=_say)
    except PlatformError as error:
        console.say(f"  what is left in the engine was not removed: {error.what}", style="yellow")


def write(report: Report, folder: Path) -> None:
    """Write the table, the picture and the figures."""
    write_text(folder / "results.json", report_text(report))
    write_text(folder / PLOT, svg(report))
    write_text(folder / "README.md", page(report))


def show(report: Report) -> None:
    """Print the numbers."""
    from rich.table import Table
    from rich.text import Text

    table = Table("case", "result", "target", "", box=None, pad_edge=False, header_style="bold")
    for result in report.results:
        style = "green" if result.met else "red"
        table.add_row(result.case, found(result), wanted(result), Text(mark(result).strip("*"), style=style))
    console.stdout().print(table)


def show_cases(cases: Sequence[Case]) -> None:
    """Print what there is to measure."""
    from rich.table import Table

    table = Table("case", "measured", "against", "target", box=None, pad_edge=False, header_style="bold")
    for case in cases:
        empty = not_measured(case, "", small=False)
        table.add_row(case.name, case.subject, case.peer, wanted(empty))
    console.stdout().print(table)


def _problems(report: Report) -> str | None:
    """Return a line for each case that could not be measured."""
    return "\n".join(f"{each.case}: {each.problem}" for each in report.results if each.problem) or None


def _say(text: str) -> None:
    """Print one line of progress."""
    console.say(f"  {text}")
