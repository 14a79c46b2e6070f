from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rich.console import Console

from platform_images.compose.values import Drift
from platform_images.errors import ExitCode
from platform_images.locks.patches import Patch, PatchedPackage
from platform_images.locks.values import Unit
from platform_images.verify.causes import UNKNOWN, Kind
from platform_images.verify.comparison import Comparison, Difference, Facts, LayerRow
from platform_images.verify.patched import Patched
from platform_images.verify.report import SHOWN, Report, as_json, show, tables, verdict
from platform_images.verify.values import Check, ContentResult, Finding, LabelsResult, PartRow, What

ROWS = (
    PartRow(part="root", packages=2, files=5, findings=0),
    PartRow(part="files", packages=None, files=1, findings=0),
)
EXACT = Report(
    mission="small",
    image="small:latest",
    digest="sha256:abc",
    labels=LabelsResult(compared={"platform-images.mission": "small"}),
    content=ContentResult(rows=ROWS, findings=()),
)
FINDING = Finding(
    part="root", name="/etc/[red]x", what=What.CONTENT, expected="a" * 64, found="b" * 64, owner="deb x 1"
)
LABELS = LabelsResult(findings=(replace(FINDING, part="labels", name="platform-images.mission"),))
DRIFTED = LabelsResult(drift=(Drift(unit=Unit(scope="common", part="os"), name="git", locked="1", installed="2"),))
FACTS = Facts(name="x", image="sha256:x", layers=("1",), config={}, steps=(), history=())
DIFFERENCE = Difference(layer=1, name="/x", kinds=(Kind.TIME,), here="time 1", there="time 2", cause=UNKNOWN)


def other(check: Check) -> Comparison:
    row = LayerRow(number=1, step="RUN x", here="1", there="2", differences=1)
    return Comparison(check=check, here=FACTS, there=FACTS, rows=(row,), differences=(DIFFERENCE,))


def bad(count: int = 1) -> ContentResult:
    return ContentResult(rows=ROWS, findings=(FINDING,) * count)


def shown(report: Report) -> str:
    console = Console(width=250, file=None)
    with console.capture() as captured:
        for table in tables(report):
            console.print(table)
    return captured.get()


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (EXACT, ExitCode.OK),
        (replace(EXACT, comparisons=(other(Check.PUBLISHED),)), ExitCode.PUBLISHED_DIFFERS),
        (replace(EXACT, comparisons=(other(Check.REBUILD), other(Check.PUBLISHED))), ExitCode.REBUILD_DIFFERS),
        (replace(EXACT, content=bad(), comparisons=(other(Check.REBUILD),)), ExitCode.CONTENT_DIFFERS),
        (replace(EXACT, content=bad(), labels=LABELS), ExitCode.LABELS_DIFFER),
        (replace(EXACT, content=bad(), labels=DRIFTED), ExitCode.DRIFTED),
    ],
)
def test_the_first_check_that_fails_decides(report: Report, code: ExitCode) -> None:
    assert report.exit_code is code
    assert as_json(report)["exit_code"] == int(code)
    assert verdict(report).startswith("exact: ") is (code is ExitCode.OK)


def test_an_exact_image_is_told_in_one_line() -> None:
    assert verdict(EXACT) == "exact: sha256:abc, 2 packages, 6 files"


def test_tables_show_the_first_findings_as_they_are() -> None:
    text = shown(replace(EXACT, content=bad(SHOWN + 5)))
    assert text.count("/etc/[red]x") == SHOWN
    assert f"the first {SHOWN} of {SHOWN + 5}" in text
    assert "aaaaaaaaaaaa " in text
    assert "deb x 1" in text


def test_tables_show_drift_layers_and_causes() -> None:
    text = shown(replace(EXACT, labels=DRIFTED, comparisons=(other(Check.REBUILD),)))
    assert "git" in text
    assert "RUN x" in text
    assert UNKNOWN.cure in text


def test_a_patched_image_is_told_before_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    requests = PatchedPackage(unit="tike/[red]", kind="pip", name="requests", before="1", after="2")
    patch = Patch(
        released=f"sha256:{'a' * 64}", locks_before="b" * 64, locks_after="c" * 64, asked=(), packages=(requests,)
    )
    report = replace(EXACT, patched=Patched(patches=(patch,)))
    show(report, json=False)
    last = capsys.readouterr().out.rstrip().rpartition("patched: ")[2]
    assert " ".join(last.split()) == f"1 patch on aaaaaaaaaaaa: tike/[red] requests 1 -> 2 {verdict(report)}"
    assert as_json(report)["patched"]["packages"][0]["name"] == "requests"
    assert as_json(EXACT)["patched"] is None


def test_json_has_all() -> None:
    value = as_json(replace(EXACT, content=bad(SHOWN + 5), labels=DRIFTED, comparisons=(other(Check.REBUILD),)))
    assert len(value["content"]["findings"]) == SHOWN + 5
    assert value["checks"] == {"labels": 10, "content": 11, "rebuild": 13}
    assert value["comparisons"][0]["differences"][0]["kinds"] == ("time",)
    json.dumps(value)
