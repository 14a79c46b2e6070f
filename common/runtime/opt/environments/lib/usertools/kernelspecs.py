"""Kernel specifications: what Jupyter reads, the user's and the image's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usertools import files, health, image, kernelrecord, places
from usertools.errors import usage
from usertools.names import nearest

IMAGE, OTHER = "image", "other"


@dataclass(frozen=True)
class Kernel:
    """A kernel.

    Attributes:
        name: Its name.
        display_name: What the lab calls it.
        kind: ``conda`` or ``venv``, ``image`` for the image's own, ``other`` for what other programs made.
        prefix: Its environment.
        python: Version of its Python, where it is known.
        broken: Why it cannot be started, or an empty text.
        cure: The command that mends it.
    """

    name: str
    display_name: str
    kind: str
    prefix: Path
    python: str = ""
    broken: str = ""
    cure: str = ""

    @property
    def own(self) -> bool:
        """Whether these tools made it."""
        return self.kind in (kernelrecord.CONDA, kernelrecord.VENV)


def folder(name: str) -> Path:
    """Return the folder of a user's specification."""
    return places.kernels() / name


def text(prefix: Path, display_name: str) -> str:
    """Return the ``kernel.json`` of an environment; it starts through the image's check of it."""
    return (
        json.dumps(
            {
                "argv": [image.START_KERNEL, str(prefix), "-f", "{connection_file}"],
                "display_name": display_name,
                "language": "python",
                "metadata": {"debugger": True},
            },
            indent=2,
        )
        + "\n"
    )


def write(name: str, prefix: Path, display_name: str) -> None:
    """Register an environment as a kernel."""
    files.write_text(folder(name) / "kernel.json", text(prefix, display_name))


def listed() -> list[Kernel]:
    """Return all kernels: the image's, then the user's, each sorted by name."""
    return [*of_the_image(), *own()]


def of_the_image() -> list[Kernel]:
    """Return the image's kernels."""
    return [
        Kernel(each.name, each.display_name, IMAGE, each.prefix, each.python)
        for each in image.environments()
        if each.name != "base"
    ]


def own() -> list[Kernel]:
    """Return the user's kernels, sorted by name."""
    if not places.kernels().is_dir():
        return []
    return [_read(path.parent) for path in sorted(places.kernels().glob("*/kernel.json"))]


def named(name: str) -> Kernel:
    """Return a user's kernel.

    Raises:
        ToolError: There is none of this name.
    """
    if (folder(name) / "kernel.json").is_file():
        return _read(folder(name))
    if name in [kernel.name for kernel in of_the_image()]:
        fix = f"its packages: conda env export -n {name}"
        raise usage(f"{name} is a kernel of the image, not one of yours.", fix=fix)
    names = [kernel.name for kernel in own()]
    raise usage(
        f"You have no kernel {name!r}{nearest(name, names)}.",
        why=f"yours: {', '.join(names) or 'none'}",
        fix="kernel-list shows all; kernel-create makes one",
    )


def _read(place: Path) -> Kernel:
    """Return the kernel of one folder, with what is wrong with it."""
    name = place.name
    try:
        spec: dict[str, Any] = json.loads((place / "kernel.json").read_text(encoding="utf-8"))
        program, *words = (str(word) for word in spec["argv"])
        shown = str(spec.get("display_name") or name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Kernel(
            name, name, OTHER, place, broken=f"{place}/kernel.json cannot be read", cure=f"kernel-delete {name}"
        )
    if program != image.START_KERNEL or not words:
        return _other(name, shown, Path(program))
    prefix = Path(words[0])
    record = kernelrecord.read(prefix)
    found = health.problem(name, prefix)
    if record is not None:
        record = kernelrecord.refresh(prefix, record)
    kind = record.kind if record is not None else kernelrecord.CONDA
    python = record.python if record is not None else ""
    return Kernel(name, shown, kind, prefix, python, found.what if found else "", found.cure if found else "")


def _other(name: str, shown: str, program: Path) -> Kernel:
    """Return a kernel that another program has registered."""
    gone = program.is_absolute() and not program.exists()
    broken, cure = (f"{program} is gone", f"kernel-delete {name}") if gone else ("", "")
    return Kernel(name, shown, OTHER, program, broken=broken, cure=cure)
