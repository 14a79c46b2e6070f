"""conda-meta/history, in conda's format: what a user asked of an environment."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

_SPECS = re.compile(r"#\s*(update|install|remove) specs:\s*(.*)")
_NAME = re.compile(r"(?:.*::)?\s*([A-Za-z0-9_.-]+)")


def name_of(spec: str) -> str:
    """Return the package name of a spec."""
    found = _NAME.match(spec)
    return found[1].lower() if found else spec


def requested(prefix: Path) -> tuple[str, ...]:
    """Return the specs that were asked for and not removed since, the first one first."""
    try:
        text = (prefix / "conda-meta" / "history").read_text(encoding="utf-8")
    except OSError:
        return ()
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _SPECS.match(line)
        for spec in _listed(match[2]) if match else ():
            if match and match[1] == "remove":
                found.pop(name_of(spec), None)
            else:
                found[name_of(spec)] = spec
    return tuple(found.values())


def _listed(text: str) -> list[str]:
    """Return the specs of one line: conda writes a Python list, older ones words."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return [word.strip() for word in text.split(",") if word.strip()]
    return [str(spec) for spec in value]


def add(
    prefix: Path,
    *,
    command: Sequence[str],
    version: str,
    added: Iterable[str] = (),
    gone: Iterable[str] = (),
    specs: Sequence[str] = (),
    removed: Sequence[str] = (),
) -> None:
    """Append one change: the packages that came and went, and the specs that were asked for."""
    now = datetime.now().astimezone()
    lines = [f"==> {now:%Y-%m-%d %H:%M:%S} <==", f"# cmd: {shlex.join(command)}", f"# conda version: {version}"]
    lines += [f"-{name}" for name in sorted(gone)] + [f"+{name}" for name in sorted(added)]
    if specs:
        lines.append(f"# update specs: {list(specs)!r}")
    if removed:
        lines.append(f"# remove specs: {list(removed)!r}")
    path = prefix / "conda-meta" / "history"
    with path.open("a", encoding="utf-8") as stream:
        stream.write("".join(f"{line}\n" for line in lines))
