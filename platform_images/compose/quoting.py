"""Writing values from data into a Dockerfile and into shell files, so that each arrives as it was meant.

A value may refer to variables as ``$NAME`` or ``${NAME}``; ``$$`` is one ``$``. Those are Jupyter's own rules for a
kernel's variables (Python's ``string.Template``), and what is written here follows them everywhere.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping

from platform_images.model.files import DataSet

_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)\})"
)
_DOCKER_SPECIAL = re.compile(r'[\\"$]')
_SHELL_SPECIAL = re.compile(r'[\\"$`]')


def has_reference(value: str) -> bool:
    """Whether a value refers to a variable, so that it is not known before a container starts."""
    return any(found["dollar"] is None for found in _REFERENCE.finditer(value))


def literal(value: str) -> str:
    """Return what a value without references stands for."""
    return _REFERENCE.sub(lambda found: "$" if found["dollar"] else found[0], value)


def docker_word(value: str) -> str:
    """Return a word for ENV or LABEL that BuildKit reads as exactly ``value``."""
    escaped = _DOCKER_SPECIAL.sub(lambda found: "\\" + found[0], value)
    return f'"{escaped}"'


def shell_value(value: str) -> str:
    """Return a value for the right side of an assignment in sh: references replaced, all else as it is.

    A variable that is not set stays as it was written, as Jupyter leaves it.
    """
    if not has_reference(value):
        return shlex.quote(literal(value))
    parts: list[str] = []
    end = 0
    for found in _REFERENCE.finditer(value):
        parts.append(_escaped(value[end : found.start()]))
        name = found["plain"] or found["braced"]
        as_written = _escaped(found[0]).replace("}", "\\}")
        parts.append(f"${{{name}-{as_written}}}" if name else "\\$")
        end = found.end()
    parts.append(_escaped(value[end:]))
    return f'"{"".join(parts)}"'


def export_lines(variables: Mapping[str, str], *, keep_present: bool) -> str:
    """Return sh lines that export variables in their order.

    Args:
        variables: Name to value.
        keep_present: Leave alone what is set already, so that ``docker run --env`` has the last word.
    """
    if keep_present:
        lines = [
            f'if [ -z "${{{name}+set}}" ]; then export {name}={shell_value(value)}; fi'
            for name, value in variables.items()
        ]
    else:
        lines = [f"export {name}={shell_value(value)}" for name, value in variables.items()]
    return "".join(f"{line}\n" for line in lines)


def data_lines(data: Iterable[DataSet], *, keep_present: bool) -> str:
    """Return sh lines that export where reference data is: what is mounted there, else the default, else nothing.

    Args:
        data: The data sets.
        keep_present: Leave alone what is set already.
    """
    lines = []
    for each in data:
        given = f"{each.variable}={shlex.quote(each.path)}"
        found = f"if [ -e {shlex.quote(each.path)} ]; then export {given};"
        other = f" else export {each.variable}={shell_value(each.default)};" if each.default is not None else ""
        line = f"{found}{other} fi"
        lines.append(f'if [ -z "${{{each.variable}+set}}" ]; then {line}; fi' if keep_present else line)
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str) -> str:
    """Return text for the inside of double quotes in sh."""
    return _SHELL_SPECIAL.sub(lambda found: "\\" + found[0], text)
