from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from platform_images import venv
from platform_images.errors import PrerequisiteError

STAMP = venv.Stamp(lock="a" * 64, python="3 11 cpython linux x86_64", location="/there/.venv")


def test_equal_stamps_differ_in_nothing() -> None:
    assert venv.difference(STAMP, replace(STAMP)) is None


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(STAMP, lock="b" * 64), "requirements.txt has changed"),
        (replace(STAMP, python="3 13 cpython linux x86_64"), "its Python has changed"),
        (replace(STAMP, location="/elsewhere/.venv"), "moved or copied"),
    ],
)
def test_what_differs_is_said_in_words(other: venv.Stamp, words: str) -> None:
    assert words in str(venv.difference(STAMP, other))


def test_an_unfinished_environment_is_stale(tmp_path: Path) -> None:
    assert venv.staleness(tmp_path) == "there is none yet"
    venv.folder(tmp_path).mkdir()
    assert venv.staleness(tmp_path) == "it was not finished"
    (venv.folder(tmp_path) / venv.STAMP).write_text('{"lock": ')
    assert venv.staleness(tmp_path) == "it was not finished"


def test_a_checkout_without_a_lock_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="is missing"):
        venv.stamp_for(tmp_path, "3 11 cpython linux x86_64")


def test_a_python_is_described_the_same_from_inside_and_outside(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    assert venv.describe_python(link) == venv.describe_python(Path(sys.executable))
    assert venv.describe_python(tmp_path / "nothing") == ""


def test_pip_trusts_what_this_machine_trusts(tmp_path: Path) -> None:
    bundle = tmp_path / "site.pem"
    bundle.touch()
    env = venv.pip_environment(
        {"SSL_CERT_FILE": str(bundle), "PIP_INDEX_URL": "https://i.example.org", "PIP_TARGET": "/x"}
    )
    assert env == {
        "SSL_CERT_FILE": str(bundle),
        "PIP_CERT": str(bundle),
        "PIP_INDEX_URL": "https://i.example.org",
        "PIP_USER": "0",
    }
