"""What a user's kernel was made from, kept in its environment: it is read again after an upgrade of the image."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from usertools import image, installed
from usertools.files import write_text

FILE = "kernel-record.json"
CONDA, VENV = "conda", "venv"


@dataclass(frozen=True)
class Record:
    """A kernel's record.

    Attributes:
        name: Name of the kernel.
        kind: ``conda``, or ``venv`` for a virtual environment on another one's Python.
        display_name: What the lab calls it.
        python: Version of its Python, such as ``3.11``.
        interpreter: Of a virtual environment: the name of the environment whose Python it uses, or its prefix.
        system_site_packages: Whether it sees that environment's packages.
        requirements: What pip installed, pinned.
        image: The image that it was made in.
    """

    name: str
    kind: str
    display_name: str
    python: str
    interpreter: str = ""
    system_site_packages: bool = False
    requirements: tuple[str, ...] = ()
    image: dict[str, Any] = field(default_factory=dict)


def this_image() -> dict[str, Any]:
    """Return what tells one image from another."""
    found = image.record()
    return {key: found.get(key) for key in ("mission", "version", "lock_digest")}


def read(prefix: Path) -> Record | None:
    """Return the record of an environment, or None where it has none that can be read."""
    try:
        found = json.loads((prefix / FILE).read_text(encoding="utf-8"))
        return Record(**{**found, "requirements": tuple(found["requirements"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(prefix: Path, record: Record) -> None:
    """Write the record of an environment."""
    content = {**vars(record), "requirements": list(record.requirements)}
    write_text(prefix / FILE, json.dumps(content, indent=2, sort_keys=True) + "\n")


def requirements(prefix: Path) -> tuple[str, ...]:
    """Return what pip has installed in an environment, pinned; pip itself is the image's."""
    return tuple(each.requirement for each in installed.pip_distributions(prefix) if each.name != "pip")


def refresh(prefix: Path, record: Record) -> Record:
    """Bring the recorded requirements to what is installed now, and return the record."""
    found = requirements(prefix)
    if not found or found == record.requirements:
        return record
    record = replace(record, requirements=found)
    try:
        write(prefix, record)
    except OSError:
        return record  # a home that is read-only is looked at all the same
    return record
