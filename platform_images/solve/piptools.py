"""pip-tools as the solver of the pip part: the real ``pip-compile``, in the environment's own Python."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from platform_images.files import write_text
from platform_images.locks.values import BUILD_REQUIREMENTS, REQUIREMENTS
from platform_images.process import Completed
from platform_images.solve.piplayout import STUBS, PipLayout
from platform_images.solve.runner import EnvironmentRunner

TOOLS = "tools"
_BLOCK = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==")


def compile_requirements(
    layout: PipLayout,
    *,
    upgrade_packages: tuple[str, ...],
    conda_lock: str,
    runner: EnvironmentRunner,
) -> Completed:
    """Solve into ``requirements.txt`` of the layout's folder; pins that are there already are kept where possible."""
    put_tools(layout.folder / TOOLS)
    target = layout.folder / REQUIREMENTS
    if not target.exists():
        write_text(target, "")
    done = runner.run(_words(layout, upgrade_packages), conda_lock=conda_lock, folder=layout.folder)
    if done.returncode == 0:
        write_text(target, _result(target.read_text(encoding="utf-8"), layout))
    return done


def _words(layout: PipLayout, upgrade_packages: tuple[str, ...]) -> list[str]:
    """Return the command line after ``python``."""
    no_binary = f" --no-binary={','.join(layout.sdists)}" if layout.sdists else ""
    build = f" --build-constraint={BUILD_REQUIREMENTS}" if layout.sdists else ""
    words = ["-m", "piptools", "compile", "--no-config", "--quiet", "--no-header", "--generate-hashes"]
    words += ["--strip-extras", "--allow-unsafe", "--no-emit-index-url", "--no-emit-find-links"]
    words += ["--no-emit-trusted-host", "--no-emit-options", "--annotation-style", "split", "--newline", "lf"]
    words += ["--pip-args", f"--only-binary=:all:{no_binary}{build}", "--output-file", REQUIREMENTS]
    words += [word for name in layout.constraints for word in ("--constraint", name)]
    words += [word for name in upgrade_packages for word in ("--upgrade-package", name)]
    words += ["--find-links", STUBS] if layout.provided else []
    return [*words, *layout.requests]


def _result(text: str, layout: PipLayout) -> str:
    """Return pip-compile's output with the kinds of distribution that it was solved for, as uv writes them."""
    options = ["--only-binary :all:", *(f"--no-binary {name}" for name in layout.sdists)]
    kept = sorted((block for block in _blocks(text) if _name(block) not in layout.provided), key=_name)
    return "\n".join([*options, "", *(line for block in kept for line in block)]) + "\n"


def _blocks(text: str) -> Iterator[list[str]]:
    """Return each pin with its hashes and annotation; pip-tools' own remarks are left out."""
    block: list[str] = []
    for line in text.splitlines():
        if _BLOCK.match(line):
            if block:
                yield block
            block = [line]
        elif block and line.startswith(" "):
            block.append(line)
    if block:
        yield block


def _name(block: list[str]) -> str:
    """Return the normalised name of a pin."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(block[0].split("==", 1)[0])


def put_tools(folder: Path) -> None:
    """Copy pip-tools and what it needs, all of it plain Python, from this project's own environment."""
    for part in _closure("pip-tools"):
        for path in part.files or ():
            if ".." not in path.parts and "__pycache__" not in path.parts:
                target = folder / str(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(part.locate_file(path)), target)


def _closure(name: str) -> tuple[Distribution, ...]:
    """Return a distribution and all that it depends on."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, Distribution] = {}
    todo = [name]
    while todo:
        wanted = canonicalize_name(todo.pop())
        if wanted not in found:
            found[wanted] = distribution(wanted)
            needs = [Requirement(line) for line in found[wanted].requires or ()]
            todo += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return tuple(found[key] for key in sorted(found))
