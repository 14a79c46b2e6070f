from __future__ import annotations

from xml.etree import ElementTree as ET

from rich.console import Console

from platform_images.errors import ExitCode
from platform_images.run.report import as_json, junit_xml, table, totals
from platform_images.run.results import Kind, Status, TestReport, TestResult

PASSED = TestResult(kernel="new", kind=Kind.IMPORT, name="numpy", status=Status.PASSED, seconds=1.5)
SKIPPED = TestResult(kernel="new", kind=Kind.NOTEBOOK, name="n.ipynb", status=Status.SKIPPED, message="no network")
FAILED = TestResult(
    kernel="old",
    kind=Kind.NOTEBOOK,
    name="f.ipynb",
    status=Status.FAILED,
    seconds=2.25,
    message="cell 2: ValueError: <[red]&\x1b",
    detail="Traceback\x00 ...",
    left=("sleep 100",),
)


def report(*results: TestResult) -> TestReport:
    return TestReport(mission="small", image="small:latest", results=results)


def test_a_run_passes_where_something_passed_and_nothing_failed() -> None:
    assert report(PASSED, SKIPPED).exit_code == ExitCode.OK


def test_one_failure_fails_the_run() -> None:
    assert report(PASSED, FAILED).exit_code == ExitCode.FAILED


def test_a_run_that_tries_nothing_fails() -> None:
    assert report().exit_code == ExitCode.FAILED
    assert report(SKIPPED).exit_code == ExitCode.FAILED


def test_junit_has_a_suite_for_each_kernel_and_survives_any_character() -> None:
    root = ET.fromstring(junit_xml(report(PASSED, SKIPPED, FAILED)))
    assert root.attrib == {
        "name": "small", "tests": "3", "failures": "1", "errors": "0", "skipped": "1", "time": "3.750"
    }  # fmt: skip
    assert [suite.get("name") for suite in root] == ["small.new", "small.old"]
    failure = root.find("./testsuite/testcase[@name='f.ipynb']/failure")
    assert failure is not None
    assert failure.get("message") == "cell 2: ValueError: <[red]&\N{REPLACEMENT CHARACTER}"
    skipped = root.find("./testsuite/testcase[@name='n.ipynb']/skipped")
    assert skipped is not None
    assert skipped.get("message") == "no network"


def test_a_file_name_that_this_machine_s_locale_cannot_read_is_shown_as_far_as_it_can_be() -> None:
    named = TestResult(kernel="new", kind=Kind.NOTEBOOK, name="\udcc3\udcbcn.ipynb", status=Status.PASSED)
    root = ET.fromstring(junit_xml(report(named)).encode())
    assert (
        root.find("./testsuite/testcase[@name='\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}n.ipynb']") is not None
    )


def test_the_table_says_why_and_shows_text_as_it_is() -> None:
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(table(report(PASSED, SKIPPED, FAILED)))
    text = captured.get()
    assert "1 import" in text
    assert "<[red]&" in text
    assert "no network" in text
    assert "left running, ended: sleep 100" in text


def test_totals_and_json_agree() -> None:
    value = as_json(report(PASSED, SKIPPED, FAILED))
    assert totals(report(PASSED, SKIPPED, FAILED)) == "small: 1 passed, 1 failed, 1 skipped"
    assert value["passed"] is False
    assert [result["status"] for result in value["results"]] == ["passed", "skipped", "failed"]
