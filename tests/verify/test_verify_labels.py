from __future__ import annotations

import pytest

from platform_images.compose.values import Drift
from platform_images.errors import ExitCode
from platform_images.locks.values import Unit
from platform_images.verify.labels import DRIFT, labels_result
from platform_images.verify.values import What

EXPECTED = {"platform-images.lock-digest": "sha256:1", "platform-images.mission": "small"}
GIT = Drift(unit=Unit(scope="common", part="os"), name="git", locked="1", installed="2")


def test_labels_that_name_the_lock_pass() -> None:
    result = labels_result({**EXPECTED, DRIFT: "", "other": "x"}, EXPECTED)
    assert (result.exit_code, result.findings, result.drift) == (ExitCode.OK, (), ())


def test_each_label_that_names_something_else_is_a_finding() -> None:
    result = labels_result({"platform-images.mission": "other", DRIFT: ""}, EXPECTED)
    assert result.exit_code is ExitCode.LABELS_DIFFER
    assert [(each.name, each.what) for each in result.findings] == [
        ("platform-images.lock-digest", What.MISSING),
        ("platform-images.mission", What.CONTENT),
    ]


def test_drift_of_the_label_and_of_the_records_is_told_once_and_decides() -> None:
    found = {**EXPECTED, "platform-images.mission": "other", DRIFT: '[["common/os","git","1","2"]]'}
    vim = Drift(unit=Unit(scope="small", part="os"), name="vim", locked="1", installed="-")
    result = labels_result(found, EXPECTED, recorded=(GIT, vim))
    assert result.drift == (GIT, vim)
    assert result.exit_code is ExitCode.DRIFTED


@pytest.mark.parametrize("text", [None, "no json", "[1]", '{"a": 1}', '[["common/os"]]'])
def test_a_drift_label_that_is_missing_or_unreadable_is_a_finding(text: str | None) -> None:
    found = EXPECTED | ({DRIFT: text} if text is not None else {})
    assert labels_result(found, EXPECTED).exit_code is ExitCode.LABELS_DIFFER
