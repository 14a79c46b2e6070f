from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from platform_images.errors import ToolError
from platform_images.fetch import GoneError, Item
from platform_images.keep import diffdetails
from platform_images.keep.diff import compare
from platform_images.keep.diffdetails import Answer, Question, ask, ask_all, best, licence, with_details
from platform_images.keep.diffsides import Side, revision
from platform_images.model import load_platform
from tests.keep.diff.locked import Write, pin, pip_lock

NUMPY = Question(name="numpy", text="numpy==2", python="3.11.2", tag="x86_64-manylinux_2_40")


def wheel(name: str, size: int | None = 7) -> Item:
    return Item(path=f"pypi/{name}", sha256="0" * 64, addresses=(f"https://index.test/{name}",), size=size)


def gone(address: str) -> bytes:
    raise GoneError(address)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("License-Expression: MIT\nLicense: other\n", "MIT"),
        ("License: BSD\n", "BSD"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        (f"License: {'long ' * 30}\nClassifier: License :: OSI Approved\n", None),
        ("", None),
    ],
)
def test_licences(metadata: str, expected: str | None) -> None:
    assert licence(f"Metadata-Version: 2.4\nName: x\nVersion: 1\n{metadata}\nText: 1\n".encode()) == expected


def test_one_wheel_of_several() -> None:
    pure, abi = wheel("x-1-py3-none-any.whl"), wheel("x-1-cp310-abi3-manylinux_2_17_x86_64.whl")
    own = wheel("x-1-cp311-cp311-manylinux_2_17_x86_64.whl")
    assert best([pure, abi, own], "3.11.2") == own
    assert best([pure, abi], "3.11.2") == abi
    assert best([wheel("x-1.tar.gz")], "3.11.2") is None


def test_what_cannot_be_found_is_not_known() -> None:
    def unreachable(_: Question) -> Sequence[Item]:
        raise ToolError("no answer")

    assert ask(NUMPY, unreachable, gone) == Answer()
    assert ask(NUMPY, lambda _: (), gone) == Answer()
    assert ask(NUMPY, lambda _: [wheel("x-1-py3-none-any.whl")], gone) == Answer(size=7)


def test_the_metadata_lies_beside_the_wheel() -> None:
    asked: list[str] = []

    def read(address: str) -> bytes:
        asked.append(address)
        return b"Metadata-Version: 2.4\nLicense-Expression: BSD-3-Clause\n"

    found = ask_all([NUMPY], lambda _: [wheel("x-1-py3-none-any.whl", None)], read)
    assert found == {NUMPY: Answer(licence="BSD-3-Clause")}
    assert asked == ["https://index.test/x-1-py3-none-any.whl.metadata"]
    assert ask_all([], lambda _: (), read) == {}


def test_both_sides_of_a_change_are_asked_about(
    repository: Path, write_lock: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock("survey", "sea", **{"requirements.txt": pip_lock(pin("xarray", "2026.5.0"), pin("new", "1"))})
    questions: list[Question] = []

    def found(question: Question, *, env: dict[str, str]) -> Sequence[Item]:
        questions.append(question)
        if question.name == "new":
            raise ToolError("no answer")
        return [wheel("xarray-1-py3-none-any.whl", len(questions))]

    monkeypatch.setattr(diffdetails, "_found", found)
    monkeypatch.setattr(diffdetails, "AT_ONCE", 1)
    monkeypatch.setattr("platform_images.fetch.Downloader.read", lambda *_: gone(""))
    here = Side(name="here", folder=repository)
    with revision(repository, "HEAD", ["survey"]) as there:
        plain = compare(there, here, missions=["survey"])
        [unit] = with_details(plain, load_platform(repository), there, here).units
    assert [question.name for question in questions] == ["new", "xarray", "xarray"]
    assert {(question.python, question.tag) for question in questions} == {("3.11.2", "x86_64-manylinux_2_40")}
    new, xarray = unit.changes
    assert new.new is not None and (new.new.size, new.new.licence) == (None, None)
    assert xarray.old is not None and xarray.new is not None and (xarray.old.size, xarray.new.size) == (2, 3)
    assert "Of 1 of 3 releases the package index does not say more." in capsys.readouterr().err
