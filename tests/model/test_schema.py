from __future__ import annotations

import json
from pathlib import Path

from platform_images.model.schema import schema_texts, write_schemas


def test_the_committed_schemas_are_those_of_the_models(project: Path) -> None:
    folder = project / "docs" / "schemas"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")} == schema_texts()


def test_every_key_of_a_mission_can_be_completed() -> None:
    properties = json.loads(schema_texts()["mission.json"])["properties"]
    assert {"title", "version", "kernels", "environment", "files"} <= set(properties)


def test_an_unknown_key_is_refused_by_the_schema_too() -> None:
    assert all(json.loads(text)["additionalProperties"] is False for text in schema_texts().values())


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    assert write_schemas(tmp_path) == ("kernel.json", "mission.json", "platform.json")
    assert write_schemas(tmp_path) == ()
