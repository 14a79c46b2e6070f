"""Whose Python a virtual environment is made on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from usertools import environments, image
from usertools.errors import ToolError, usage
from usertools.kernelrecord import Record
from usertools.names import is_python


@dataclass(frozen=True)
class Interpreter:
    """An environment whose Python is used.

    Attributes:
        word: What ``activated`` calls it: a name of the image's, or a prefix.
        prefix: Where it is.
        python: Version of its Python, such as ``3.11``.
    """

    word: str
    prefix: Path
    python: str


def chosen(word: str) -> Interpreter:
    """Return the environment that is meant: by its name, by a version of Python, or the base.

    Raises:
        ToolError: There is none.
    """
    offered = image.environments()
    if not word:
        word = "base"
    if is_python(word):
        minor = ".".join(word.split(".")[:2])
        found = _of_version(minor)
        if found is None:
            raise usage(
                f"No environment of the image has Python {minor}.",
                why="there are: " + ", ".join(f"{each.name} (Python {each.python})" for each in offered),
                fix=f"make an environment with a Python of its own: kernel-create NAME {minor}",
            )
        return found
    place = environments.existing(word)
    python = next((each.python for each in offered if each.prefix == place.prefix), "") or _version(place.prefix)
    return Interpreter(place.word, place.prefix, ".".join(python.split(".")[:2]))


def _of_version(minor: str) -> Interpreter | None:
    """Return the image's first environment with this Python; kernels come before the base."""
    offered = sorted(image.environments(), key=lambda each: each.name == "base")
    found = [each for each in offered if ".".join(each.python.split(".")[:2]) == minor]
    return Interpreter(found[0].name, found[0].prefix, minor) if found else None


def _version(prefix: Path) -> str:
    """Return the version of an environment's Python, from its files."""
    found = sorted(prefix.glob("bin/python3.[0-9]*"))
    names = [path.name.removeprefix("python") for path in found if is_python(path.name.removeprefix("python"))]
    if not names:
        raise ToolError(f"{prefix} has no Python.", fix="choose another environment, or a version of Python", code=2)
    return names[0]


def again(record: Record) -> Interpreter | None:
    """Return what a virtual environment can be made anew on: its old environment, or one of the same Python."""
    prefix = Path(record.interpreter) if "/" in record.interpreter else None
    if record.interpreter in [each.name for each in image.environments()]:
        return chosen(record.interpreter)
    if prefix is not None and environments.is_environment(prefix) and any(prefix.glob("bin/python3.[0-9]*")):
        return chosen(record.interpreter)
    return _of_version(record.python)


def rebuild_command(record: Record) -> str:
    """Return the command that makes a virtual environment anew in this image."""
    command = f"kernel-create-venv --rebuild {record.name}"
    if again(record) is not None:
        return command
    names = [each.name for each in image.environments()]
    return f"{command} {next((name for name in names if name != 'base'), 'base')}"
