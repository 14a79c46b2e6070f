"""A test report as a table, as JSON and as JUnit XML: three views of one value."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from platform_images.run.results import Kind, Status, TestReport, TestResult

if TYPE_CHECKING:
    from rich.table import Table

JUNIT = "junit.xml"
_STYLES = {Status.PASSED: "green", Status.FAILED: "bold red", Status.TIMEOUT: "bold red", Status.SKIPPED: "yellow"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def table(report: TestReport) -> Table:
    """Return the summary: a row for each notebook and script, and one for the imports of a kernel that all passed."""
    from rich.table import Table

    shown = Table(title=f"{report.mission} ({report.image})", title_justify="left")
    for name in ("kernel", "test", "result", "seconds", "why"):
        shown.add_column(name, justify="right" if name == "seconds" else "left", overflow="fold")
    for kernel, results in _by_kernel(report):
        for row in _rows(kernel, results):
            shown.add_row(*row)
    return shown


def _by_kernel(report: TestReport) -> list[tuple[str, list[TestResult]]]:
    return [(kernel, list(results)) for kernel, results in groupby(report.results, key=lambda result: result.kernel)]


def _rows(kernel: str, results: list[TestResult]) -> list[tuple[Any, ...]]:
    """Return the cells of each row; imports that passed share one."""
    from rich.text import Text

    passed = [result for result in results if result.kind is Kind.IMPORT and result.status is Status.PASSED]
    rows: list[tuple[Any, ...]] = []
    if passed:
        seconds = sum(result.seconds for result in passed)
        count = f"{len(passed)} import{'s' * (len(passed) > 1)}"
        rows.append((kernel, Text(count), Text("passed", _STYLES[Status.PASSED]), f"{seconds:.1f}", ""))
    for result in results:
        if result not in passed:
            status = Text(result.status.value, _STYLES[result.status])
            title = Text(f"{result.kind.value} {result.name}")
            rows.append((kernel, title, status, f"{result.seconds:.1f}", Text(_remarks(result))))
    return rows


def _remarks(result: TestResult) -> str:
    left = f"left running, ended: {', '.join(result.left)}" if result.left else ""
    return "; ".join(text for text in (result.message, left) if text)


def totals(report: TestReport) -> str:
    """Return the run in one line."""
    counts = ", ".join(f"{report.count(status)} {status.value}" for status in Status if report.count(status))
    return f"{report.mission}: {counts or 'nothing was tested'}"


def as_json(report: TestReport) -> dict[str, Any]:
    """Return the report for machines."""
    return {
        "mission": report.mission,
        "image": report.image,
        "passed": not report.exit_code,
        "results": [
            {
                "kernel": result.kernel,
                "kind": result.kind.value,
                "name": result.name,
                "status": result.status.value,
                "seconds": result.seconds,
                "message": result.message,
                "detail": result.detail,
                "left": list(result.left),
                "notebook": str(result.notebook) if result.notebook else None,
            }
            for result in report.results
        ],
    }


def junit_xml(report: TestReport) -> str:
    """Return the report as JUnit XML: a suite for each kernel, a case for each import, notebook and script."""
    root = ET.Element("testsuites", _counts(report.results), name=report.mission)
    for kernel, results in _by_kernel(report):
        suite = ET.SubElement(root, "testsuite", _counts(results), name=f"{report.mission}.{kernel}")
        for result in results:
            _case(suite, report.mission, result)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(results: tuple[TestResult, ...] | list[TestResult]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(result.status.is_failure for result in results)),
        "errors": "0",
        "skipped": str(sum(result.status is Status.SKIPPED for result in results)),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _case(suite: ET.Element, mission: str, result: TestResult) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{mission}.{result.kernel}.{result.kind.value}",
        name=_xml(result.name),
        time=f"{result.seconds:.3f}",
    )
    if result.status is Status.SKIPPED:
        ET.SubElement(case, "skipped", message=_xml(result.message))
    elif result.status.is_failure:
        failure = ET.SubElement(case, "failure", type=result.status.value, message=_xml(result.message))
        failure.text = _xml(result.detail)
    if result.left:
        ET.SubElement(case, "system-out").text = _xml(_remarks(result))


def _xml(text: str) -> str:
    """Return text without the characters that XML cannot hold, such as what a locale could not read of a name."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def write_junit(report: TestReport, folder: Path) -> Path:
    """Write the JUnit file into the report folder and return its path."""
    from platform_images.files import write_text

    file = folder / JUNIT
    write_text(file, junit_xml(report))
    return file
