"""What mission.toml, kernel.toml and the folder of hooks may say about the start of a user's server."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_images.errors import UsageError
from platform_images.model import Mission, load_mission, load_platform

NOTEBOOKS = """
[[notebooks]]
url = "https://example.org/sky/notebooks.git"
ref = "main"
folder = "notebooks/sky"
"""
DATA = """
[[data]]
variable = "STARS"
path = "/data/stars"
"""


def survey(checkout: Path) -> Mission:
    return load_mission(load_platform(checkout), "survey")


def add(checkout: Path, file: str, text: str | bytes) -> None:
    place = checkout / "deployments" / "survey" / file
    place.parent.mkdir(parents=True, exist_ok=True)
    before = place.read_bytes() if place.exists() and file.endswith(".toml") else b""
    place.write_bytes(before + (text.encode() if isinstance(text, str) else text))


def mistake(checkout: Path) -> str:
    with pytest.raises(UsageError) as caught:
        survey(checkout)
    return str(caught.value)


def test_notebooks_are_locked_and_the_user_s_own_unless_said_otherwise(checkout: Path) -> None:
    add(checkout, "mission.toml", NOTEBOOKS)
    (found,) = survey(checkout).settings.notebooks
    assert (found.mode, found.follow, found.subfolder) == ("sync", False, None)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("https://example.org/", "https://me:secret@example.org/", "has no password in it"),
        ("https://example.org/", "https://token@example.org/", "has no password in it"),
        ("https://", "ftp://", "https://"),
        ("https://example.org/", "ext::sh -c ", "https://"),
        ('"main"', '"--upload-pack=x"', "a branch, a tag"),
        ('"main"', '""', "a branch, a tag"),
        ('"notebooks/sky"', '"/notebooks"', "a path below the home"),
        ('"notebooks/sky"', '"notebooks/../../x"', "a path below the home"),
        ('"notebooks/sky"', '".local/share"', "another folder"),
        ('folder = "notebooks/sky"', 'folder = "sky"\nmode = "mirror"', "sync, reference"),
        ("ref =", "branch =", "key 'notebooks.0.branch' is not known"),
    ],
)
def test_a_mistake_in_notebooks_is_said(checkout: Path, old: str, new: str, said: str) -> None:
    assert old in NOTEBOOKS
    add(checkout, "mission.toml", NOTEBOOKS.replace(old, new))
    found = mistake(checkout)
    assert "deployments/survey/mission.toml" in found
    assert said in found


@pytest.mark.parametrize("folder", ["notebooks/sky", "notebooks", "notebooks/sky/more", "notebooks/sky-edits"])
def test_no_folder_of_notebooks_holds_another(checkout: Path, folder: str) -> None:
    add(checkout, "mission.toml", NOTEBOOKS + NOTEBOOKS.replace("notebooks/sky", folder))
    assert "one holds the other" in mistake(checkout)


def test_a_variable_has_one_value(checkout: Path) -> None:
    add(checkout, "mission.toml", DATA + DATA)
    assert "'STARS' is set twice" in mistake(checkout)


def test_a_kernel_s_variable_has_one_value_too(checkout: Path) -> None:
    add(checkout, "kernels/sky/kernel.toml", DATA.replace("STARS", "DATA"))
    assert "'DATA' is set twice" in mistake(checkout)


@pytest.mark.parametrize("path", ["data", "/data/../etc", "/data/with space", "/"])
def test_data_are_mounted_at_a_path_from_the_top(checkout: Path, path: str) -> None:
    add(checkout, "mission.toml", DATA.replace("/data/stars", path))
    assert "a path from the top" in mistake(checkout)


def test_hooks_are_named_by_their_order_and_say_with_what_they_run(checkout: Path) -> None:
    add(checkout, "hooks/10-quota.on-hub", "#!/bin/bash\n")
    add(checkout, "hooks/README.md", "About hooks.\n")
    assert survey(checkout).name == "survey"
    add(checkout, "hooks/quota.sh", "#!/bin/bash\n")
    assert "hooks/quota.sh is not named as hooks are" in mistake(checkout)
    (checkout / "deployments/survey/hooks/quota.sh").unlink()
    add(checkout, "hooks/20-plain", "echo hello\n")
    assert "hooks/20-plain does not say with what it runs" in mistake(checkout)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("logo.png", b"\x89PNG\r\n\x1a\n", ""),
        ("logo.svg", b"<?xml version='1.0'?><svg/>", ""),
        ("logo.png", b"GIF89a", "is no PNG file"),
        ("logo.svg", b"hello", "is no SVG file"),
        ("logo.png", None, "is missing"),
        ("logo.gif", b"GIF89a", "logo"),
        ("../logo.png", b"\x89PNG\r\n\x1a\n", "logo"),
    ],
)
def test_a_logo_is_a_picture_in_the_kernel_s_folder(
    checkout: Path, name: str, content: bytes | None, said: str
) -> None:
    kernel = "deployments/survey/kernels/sky/kernel.toml"
    text = (checkout / kernel).read_text()
    (checkout / kernel).write_text(f'logo = "{name}"\n{text}')
    if content is not None:
        ((checkout / kernel).parent / name).write_bytes(content)
    if said:
        assert said in mistake(checkout)
    else:
        assert survey(checkout).kernels[0].settings.logo == name


def test_no_kernel_is_named_as_the_lock_of_notebooks_is(checkout: Path) -> None:
    mission = checkout / "deployments/survey/mission.toml"
    mission.write_text(mission.read_text().replace('"sky"', '"notebooks"'))
    assert "cannot be named 'notebooks'" in mistake(checkout)
