from __future__ import annotations

from pathlib import Path

import pytest

from platform_images.channel.recipe import load_recipe, recipe_text, save_recipe
from platform_images.errors import UsageError


@pytest.fixture
def channel(tmp_path: Path, project: Path) -> Path:
    """A folder with the real recipe."""
    (tmp_path / "recipe.toml").write_bytes((project / "common/channel/recipe.toml").read_bytes())
    return tmp_path


def test_reading_and_writing_the_recipe_changes_nothing(channel: Path) -> None:
    before = (channel / "recipe.toml").read_text(encoding="utf-8")
    recipe = load_recipe(channel)
    assert recipe_text(recipe) == before
    assert save_recipe(channel, recipe) is False


def test_the_recipe_names_no_host(channel: Path) -> None:
    assert "://" not in (channel / "recipe.toml").read_text(encoding="utf-8")


def test_the_channel_has_both_pythons(channel: Path) -> None:
    assert [package.series for package in load_recipe(channel).packages] == ["3.11", "3.13"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("build_number = 0", "buildnumber = 0", "did you mean 'build_number'"),
        ('suite = "trixie"', "", "packages.1.suite"),
        ('path = "pool/', 'path = "https://mirror.example/pool/', "packages.0.debs.0.path"),
        ('sha256 = "', 'sha256 = "zz', "packages.0.debs.0.sha256"),
        ("epoch = ", "epoch = 0 # ", "packages.0.epoch"),
    ],
)
def test_a_mistake_names_file_and_key(channel: Path, old: str, new: str, said: str) -> None:
    path = channel / "recipe.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_recipe(channel)
    assert "common/channel/recipe.toml" in caught.value.what
    assert said in (caught.value.why or "")
