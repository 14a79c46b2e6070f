"""The files that a new mission and a new kernel begin with: ``keep/templates/``, filled in."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from platform_images.model import MissionFile
from platform_images.model.document import parse_toml

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).with_name("templates")
_SUFFIX = ".j2"
_MARK = "\ufeff"  # which some editors put at the beginning of a file
_STRING_OR_REMARK = re.compile(r"""#[^\n]*|"[^"\n]*"|'[^'\n]*'""")


def mission_files(*, kernel: str, title: str, display_name: str, python: str) -> dict[str, str]:
    """Return a new mission's files, with those of its one kernel, by their names in the mission's folder.

    Args:
        kernel: The kernel's name.
        title: The mission's title.
        display_name: The kernel's name in the launcher.
        python: The kernel's Python series.
    """
    own = _filled_in("mission", kernel=kernel, title=title)
    files = kernel_files(kernel=kernel, display_name=display_name, python=python)
    return own | {f"kernels/{kernel}/{name}": text for name, text in files.items()}


def kernel_files(*, kernel: str, display_name: str, python: str) -> dict[str, str]:
    """Return a new kernel's files by their names in its folder."""
    return _filled_in("kernel", kernel=kernel, display_name=display_name, python=python)


def with_kernel(text: str, kernel: str, *, shown: str) -> str:
    """Return the text of a ``mission.toml`` with one more kernel at the end of its list.

    All else stays as it is: remarks, order, line ends, a byte order mark.

    Raises:
        UsageError: The text, or what becomes of it, has a mistake.
    """
    import tomlkit
    from tomlkit.items import Array

    mark = _MARK if text.startswith(_MARK) else ""
    text = text.removeprefix(_MARK)
    parse_toml(text, MissionFile, shown=shown)
    document = tomlkit.parse(text)
    kernels = document["kernels"]
    assert isinstance(kernels, Array)  # the model has seen it
    before = kernels.as_string()
    kernels.append(kernel)
    result = tomlkit.dumps(document)
    if not _has_last(result, kernel):  # tomlkit writes no comma before a remark that ends a list
        result = text.replace(before, _after_last(before, kernel), 1)
    parse_toml(result, MissionFile, shown=shown)
    return mark + result


def _has_last(text: str, kernel: str) -> bool:
    """Whether a ``mission.toml`` can be read, and its last kernel is this one."""
    try:
        return bool(tomllib.loads(text)["kernels"][-1] == kernel)
    except tomllib.TOMLDecodeError:
        return False


def _after_last(array: str, kernel: str) -> str:
    """Return a TOML list of strings with one more right behind the last one."""
    end = [match.end() for match in _STRING_OR_REMARK.finditer(array) if not match[0].startswith("#")][-1]
    return f'{array[:end]}, "{kernel}"{array[end:]}'


def _filled_in(kind: str, **values: str) -> dict[str, str]:
    """Return every template of a kind, filled in, by its name without the suffix."""
    places = sorted(path.relative_to(_FOLDER / kind) for path in (_FOLDER / kind).rglob(f"*{_SUFFIX}"))
    return {
        place.as_posix().removesuffix(_SUFFIX): _engine().get_template(f"{kind}/{place.as_posix()}").render(**values)
        for place in places
    }


@cache
def _engine() -> Environment:
    """Return what fills templates in: a value that is missing is a mistake; ``toml`` and ``json`` quote."""
    import tomlkit
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    engine = Environment(  # noqa: S701 - none of these files is HTML
        loader=FileSystemLoader(_FOLDER), undefined=StrictUndefined, keep_trailing_newline=True
    )
    engine.filters["toml"] = lambda value: tomlkit.string(value).as_string()
    engine.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    return engine
