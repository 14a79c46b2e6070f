from __future__ import annotations

from pathlib import Path

import pytest

from platform_images.errors import UsageError
from platform_images.locks.requests import entries, refuse_unlockable, request_closure


def written(folder: Path, text: str | bytes, *, name: str = "requirements.in") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def refused(folder: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        refuse_unlockable([written(folder, text)], folder=folder)
    return caught.value


def test_lines_that_go_on_are_one_and_comments_are_none() -> None:
    text = "# a\\\nalpha>=1 \\\n  ,<3  # why\n\nbeta#not-a-comment\n  gamma \\"
    assert list(entries(text)) == [(2, "alpha>=1   ,<3"), (5, "beta#not-a-comment"), (6, "gamma")]


def test_requests_and_included_files_are_allowed(tmp_path: Path) -> None:
    written(tmp_path, "beta[extra]>=1,<3 ; python_version > '3.8'\n", name="more.in")
    written(tmp_path, "gamma==1.*  # why\n", name="bounds.txt")
    text = "# stars\n\n-r more.in\n--constraint=bounds.txt  # why\n-r \\\n  more.in\nalpha (>=1)\n"
    path = written(tmp_path, text)
    refuse_unlockable([path], folder=tmp_path)
    assert [each.name for each in request_closure([path], folder=tmp_path)] == [path.name, "more.in", "bounds.txt"]


@pytest.mark.parametrize(
    ("line", "option", "cure"),
    [
        ("--extra-index-url https://me:secret@example.org/simple", "--extra-index-url", "PIP_EXTRA_INDEX_URL"),
        ("--index-url=https://me:secret@example.org/simple", "--index-url", "doctor --network"),
        ("-i https://me:secret@example.org/simple", "-i", "doctor --network"),
        ("--find-links ./wheels", "--find-links", "doctor --network"),
        ("-f ./wheels", "-f", "doctor --network"),
        ("  --pre", "--pre", "take --pre out"),
        ("--no-binary alpha", "--no-binary", "[sdist.NAME] in kernel.toml"),
        ("-r more.in --extra-index-url https://me:secret@example.org", "-r", "take -r out"),
        ("alpha==1.0 --hash=sha256:00", "--hash", "the lock gets the hash"),
        ("alpha==1.0 \\\n    --hash=sha256:00", "--hash", "the lock gets the hash"),
        ("alpha --config-settings=a=b", "--config-settings", "take --config-settings out"),
    ],
)
def test_options_are_refused_with_their_line(tmp_path: Path, line: str, option: str, cure: str) -> None:
    error = refused(tmp_path, f"beta\n{line}\n")
    assert error.what == f"requirements.in, line 2: the option {option} cannot be used here."
    assert cure in str(error.fix)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    "line",
    ["foo/bar", "six-1.16.0-py2.py3-none-any.whl", "six-1.16.0.tar.gz", ".", "..", "C:\\\\six", "alpha@file:///srv/a"],
)
def test_paths_are_refused_with_their_line(tmp_path: Path, line: str) -> None:
    error = refused(tmp_path, f"beta\n{line}\n")
    assert error.what == f"requirements.in, line 2: {line!r} is not a release of a package index."


def test_what_is_no_request_is_refused_with_its_line(tmp_path: Path) -> None:
    error = refused(tmp_path, "beta\nnot a req!!\n")
    assert error.what == "requirements.in, line 2: 'not a req!!' is not a request."


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    error = refused(tmp_path, "beta @ https://me:secret@example.org/beta.whl\n")
    assert "secret" not in str(error) and "line 1" in error.what


@pytest.mark.parametrize("option", ["-r", "-c"])
def test_an_included_file_is_looked_at_too(tmp_path: Path, option: str) -> None:
    written(tmp_path, "\n--index-url https://example.org\n", name="more.in")
    error = refused(tmp_path, f"{option} more.in\n")
    assert error.what.startswith("more.in, line 2: the option --index-url ")


def test_a_byte_order_mark_hides_nothing(tmp_path: Path) -> None:
    written(tmp_path, "\ufeff-e .\n", name="more.in")
    error = refused(tmp_path, "\ufeff-r more.in\n")
    assert error.what == "more.in, line 1: '-e .' is not a release of a package index."


def test_what_is_not_utf_8_is_named(tmp_path: Path) -> None:
    written(tmp_path, b"alpha  # \xff\n", name="more.in")
    with pytest.raises(UsageError, match=r"more\.in cannot be read") as caught:
        request_closure([written(tmp_path, "-r more.in\n")], folder=tmp_path)
    assert "save more.in as UTF-8" in str(caught.value.fix)
