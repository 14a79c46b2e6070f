"""JSON Schemas of the TOML files, generated from the models, so that editors complete and check them."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from platform_images import console
from platform_images.errors import LockError
from platform_images.files import json_text, write_text
from platform_images.model.files import KernelFile, MissionFile, PlatformFile

SCHEMAS: dict[str, type[BaseModel]] = {"kernel": KernelFile, "mission": MissionFile, "platform": PlatformFile}


def schema_texts() -> dict[str, str]:
    """Return the file name and text of each schema."""
    return {f"{name}.json": json_text(_schema(name, model)) for name, model in SCHEMAS.items()}


def write_schemas(folder: Path) -> tuple[str, ...]:
    """Write the schemas into ``folder`` and return the names of those that changed."""
    return tuple(name for name, text in schema_texts().items() if write_text(folder / name, text))


def _schema(name: str, model: type[BaseModel]) -> dict[str, object]:
    """Return one model's schema; editors find it by the ``#:schema`` line of each file."""
    schema = model.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": f"{name}.toml"}


def show(folder: Path, *, check: bool) -> int:
    """Write the schemas, or with ``check`` only compare.

    Raises:
        LockError: With ``check``, where a committed schema is not that of the models.
    """
    if not check:
        changed = write_schemas(folder)
        console.say(f"written: {', '.join(changed)}" if changed else "every schema is up to date")
        return 0
    stale = [name for name, text in schema_texts().items() if not _same(folder / name, text)]
    if stale:
        raise LockError(f"docs/schemas is out of date: {', '.join(stale)}.", fix="invoke schemas")
    return 0


def _same(path: Path, text: str) -> bool:
    """Whether the file holds exactly this text."""
    return path.is_file() and path.read_text(encoding="utf-8") == text
