"""Users' kernels without an image: their names, their records, and what is said where one cannot be started."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from usertools import health, interpreters, kernelmaking, kernelrecord, kernelspecs, names
from usertools.errors import ToolError
from usertools.kernelrecord import Record

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def kernel(home: Path, name: str, *, python: str | None, kind: str = "venv", **record: Any) -> Path:
    """A kernel as an older image has left it; its Python is a link to ``python``."""
    prefix = home / ".venvs" / name
    (prefix / "bin").mkdir(parents=True)
    (prefix / "pyvenv.cfg").touch()
    if python:
        (prefix / "bin" / "python").symlink_to(python)
    found = {"name": name, "kind": kind, "display_name": name, "python": VERSION, "interpreter": "tess", **record}
    kernelrecord.write(prefix, Record(**found))
    kernelspecs.write(name, prefix, name)
    return prefix


def test_a_record_is_read_as_it_was_written_and_a_damaged_one_is_none(here: Any) -> None:
    prefix = kernel(here.home, "notes", python=sys.executable)
    found = kernelrecord.read(prefix)
    assert found == Record(name="notes", kind="venv", display_name="notes", python=VERSION, interpreter="tess")
    for text in ("", "[]", '{"name": "notes"}', '{"requirements": []}'):
        (prefix / kernelrecord.FILE).write_text(text)
        assert kernelrecord.read(prefix) is None


@pytest.mark.parametrize("name", ["", "Stars", ".stars", "a b", "../x", "x" * 65, "tess", "base", "python3"])
def test_a_name_that_jupyter_or_the_image_would_not_have_is_refused(name: str) -> None:
    with pytest.raises(ToolError) as caught:
        names.check_kernel(name, taken=["tess"])
    assert caught.value.fix


def test_a_name_that_is_taken_is_refused_with_the_command_that_frees_it(here: Any) -> None:
    prefix = kernel(here.home, "notes", python=None)
    with pytest.raises(ToolError, match="You have a kernel notes already") as caught:
        kernelmaking.check_free("notes", prefix)
    assert caught.value.fix == "choose another name, or first: kernel-delete notes"


def test_an_environment_without_a_kernel_is_not_taken_over(here: Any) -> None:
    prefix = here.home / ".conda" / "envs" / "stars"
    (prefix / "conda-meta").mkdir(parents=True)
    with pytest.raises(ToolError, match="is an environment of yours already") as caught:
        kernelmaking.check_free("stars", prefix)
    assert "-m ipykernel install --user --name stars" in caught.value.fix


def test_a_python_that_the_image_has_no_more_is_named_with_the_command_that_mends(here: Any) -> None:
    gone = here.root / "conda" / "envs" / "gone" / "bin" / "python3.9"
    prefix = kernel(here.home, "notes", python=str(gone))
    kernelrecord.write(prefix, Record("notes", "venv", "notes", "3.9", "gone"))
    found = health.problem("notes", prefix)
    assert found is not None
    assert found.what == f"{gone}, the Python 3.9 of gone, is not in this image"
    assert found.cure == "kernel-create-venv --rebuild notes tess", "no environment of the image has this Python"
    assert found.text("notes").splitlines()[1] == f"To mend it, run in a terminal:  {found.cure}"


def test_another_environment_of_the_same_python_is_taken_of_itself(here: Any) -> None:
    record = Record("notes", "venv", "notes", "3.11", "gone")
    assert interpreters.rebuild_command(record) == "kernel-create-venv --rebuild notes"
    found = interpreters.again(record)
    assert found is not None
    assert (found.word, found.python) == ("tess", "3.11")


def test_a_python_that_has_become_another_is_named(here: Any) -> None:
    prefix = kernel(here.home, "notes", python=sys.executable)
    kernelrecord.write(prefix, Record("notes", "venv", "notes", "3.9", "tess"))
    found = health.problem("notes", prefix)
    assert found is not None
    assert found.what == f"it was made on Python 3.9, and tess has Python {VERSION} in this image"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("#!/bin/sh\necho 'needs GLIBC_3' >&2; exit 1\n", "does not work in this image (needs GLIBC_3)"),
        ("#!/no/such/program\n", "cannot be started (No such file or directory)"),
        ("#!/bin/sh\necho 3.11 False\n", "has no ipykernel"),
    ],
)
def test_a_python_that_does_not_work_is_named(here: Any, text: str, what: str) -> None:
    prefix = kernel(here.home, "stars", python=None, kind="conda")
    (prefix / "bin" / "python").write_text(text)
    (prefix / "bin" / "python").chmod(0o755)
    found = health.problem("stars", prefix)
    assert found is not None
    assert found.what == f"{prefix}/bin/python {what}"


def test_an_own_python_is_made_anew_from_its_export_under_its_name() -> None:
    record = Record("stars", "conda", "My stars", "3.11")
    again = "kernel-export stars stars.yml && kernel-delete -y stars && kernel-create stars stars.yml"
    assert health.cure("stars", record) == f"{again} 'My stars'"
    assert health.cure("stars", None) == "kernel-delete stars"


def test_the_list_tells_every_state_and_how_to_mend_it(room: Any, here: Any) -> None:
    kernel(here.home, "gone", python="/no/python")
    spec = here.home / ".local" / "share" / "jupyter" / "kernels"
    texts = {
        "broken": "{",
        "empty": '{"argv": []}',
        "list": "[]",
        "foreign": json.dumps({"argv": ["/no/such/python", "-m", "x"]}),
        "other": json.dumps({"argv": ["python", "-m", "bash_kernel"], "display_name": "Bash"}),
    }
    for name, text in texts.items():
        (spec / name).mkdir(parents=True)
        (spec / name / "kernel.json").write_text(text)
    done = room.run("kernelcommands", "list_kernels", "--json")
    assert done.returncode == 0, done.stderr
    states = {each["name"]: (each["kind"], bool(each["broken"])) for each in json.loads(done.stdout)}
    assert states == {
        "tess": ("image", False),
        "broken": ("other", True),
        "empty": ("other", True),
        "foreign": ("other", True),
        "gone": ("venv", True),
        "list": ("other", True),
        "other": ("other", False),
    }
    told = room.run("kernelcommands", "list_kernels").stderr.splitlines()
    assert any(line.startswith("To mend gone: kernel-create-venv --rebuild gone") for line in told)
    assert "To mend foreign: kernel-delete foreign" in told


@pytest.mark.parametrize(
    ("function", "words", "what"),
    [
        ("create", ["tess"], "tess is a kernel of the image."),
        ("create", ["Stars"], "'Stars' is no name for a kernel."),
        ("create", ["stars", "newest"], "'newest' is neither a version of Python nor a file."),
        ("create", ["stars", "no.yml"], "no.yml cannot be read: No such file or directory."),
        ("create", ["stars", "3.9"], "No set of packages fulfils what was asked."),
        ("create", ["stars", "few.yml"], "No set of packages fulfils what was asked."),
        ("create_venv", ["notes", "3.9"], "No environment of the image has Python 3.9."),
        ("create_venv", ["notes", "tes"], "There is no environment 'tes' (do you mean 'tess'?)."),
        ("create_venv", ["--rebuild", "notes"], "You have no kernel 'notes'."),
        ("create_venv", ["--rebuild", "tess"], "tess is a kernel of the image, not one of yours."),
        ("export", ["notes"], "You have no kernel 'notes'."),
        ("delete", ["-y", "tess"], "tess is a kernel of the image, not one of yours."),
    ],
)
def test_a_mistake_is_told_in_words_and_leaves_nothing(room: Any, function: str, words: list[str], what: str) -> None:
    (room.home / "few.yml").write_text("dependencies: [lonely]\n")
    done = room.run("kernelcommands", function, *words)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Solving")]
    assert (done.returncode, lines[0]) == (1 if what.startswith("No set") else 2, what)
    assert room.files() == {"few.yml"}


def test_deleting_takes_what_these_tools_made_and_nothing_else(room: Any, here: Any) -> None:
    prefix = kernel(here.home, "notes", python="/no/python")
    foreign = kernel(here.home, "foreign", python="/no/python")
    (foreign / kernelrecord.FILE).unlink()
    dry = room.run("kernelcommands", "delete", "--dry-run", "notes")
    assert dry.stderr.splitlines()[1] == f"Would delete {prefix}"
    assert room.run("kernelcommands", "delete", "notes").returncode == 2
    assert prefix.is_dir()
    for name in ("notes", "foreign"):
        assert room.run("kernelcommands", "delete", "-y", name).returncode == 0
    assert not prefix.exists()
    assert foreign.is_dir()
    assert list((here.home / ".local" / "share" / "jupyter" / "kernels").iterdir()) == []
