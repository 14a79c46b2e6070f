from __future__ import annotations

import json
import tomllib

import pytest
import yaml

from platform_images.errors import UsageError
from platform_images.keep import template

TITLES = ["Survey", 'Sky "deep" & {{ wide }} \\ survey', "Étoiles · 星", "# no comment <b>"]


@pytest.mark.parametrize("title", TITLES)
def test_a_title_is_in_every_file_as_it_was_given(title: str) -> None:
    files = template.mission_files(kernel="stars", title=title, display_name=title, python="3.13")
    assert tomllib.loads(files["mission.toml"])["title"] == title
    assert tomllib.loads(files["kernels/stars/kernel.toml"])["display_name"] == title
    assert files["home/WELCOME.md"].startswith(f"# Welcome to {title}\n")
    notebook = json.loads(files["kernels/stars/tests/notebooks/colour-of-a-star.ipynb"])
    assert notebook["metadata"]["kernelspec"] == {"display_name": title, "language": "python", "name": "stars"}


def test_a_mission_has_its_kernel_and_the_python_of_the_base() -> None:
    files = template.mission_files(kernel="stars", title="Survey", display_name="Stars", python="3.12")
    assert tomllib.loads(files["mission.toml"])["kernels"] == ["stars"]
    assert yaml.safe_load(files["kernels/stars/environment.yml"]) == {"dependencies": ["python=3.12"]}
    kernel = template.kernel_files(kernel="stars", display_name="Stars", python="3.12")
    assert {f"kernels/stars/{name}": text for name, text in kernel.items()}.items() <= files.items()


def test_every_file_ends_as_files_do_and_has_nothing_left_to_fill_in() -> None:
    files = template.mission_files(kernel="stars", title="Survey", display_name="Stars", python="3.13")
    for name, text in files.items():
        assert text.endswith("\n") and not text.endswith("\n\n"), name
        assert "{{" not in text and "{%" not in text and not name.endswith(".j2"), name


MISSION = '# Ours.\ntitle = "Sky"  # a title\nversion = "1"\n{kernels}\n\n[environment]\n# Data\nSKY = "$HOME/sky"\n'


LISTS = [
    ('kernels = ["sky"]  # in this order', 'kernels = ["sky", "stars"]  # in this order'),
    ("kernels = ['sky',]", "kernels = ['sky', \"stars\"]"),
    (
        'kernels = [\n    "sky",  # the first\n    "sea",\n]',
        'kernels = [\n    "sky",  # the first\n    "sea",\n    "stars",\n]',
    ),
    ('kernels = [\n  "sky",\n  "sea"  # last\n]', None),
    ('kernels = [\n  "sky", "sea",\n  # nothing more\n]', None),
    ('kernels = [\n  "sky", # "sea"\n  "sea"\n  # "stars" is to come\n]', None),
    ("kernels = [\n  'sea'\n\n  # \"sea\"\n\n]", None),
    ('kernels = [ # one\n"sea"]', None),
]


@pytest.mark.parametrize(("before", "after"), LISTS)
def test_a_kernel_is_added_to_the_list_and_the_rest_stays(before: str, after: str | None) -> None:
    text = template.with_kernel(MISSION.format(kernels=before), "stars", shown="mission.toml")
    old, new = tomllib.loads(MISSION.format(kernels=before)), tomllib.loads(text)
    assert new == {**old, "kernels": [*old["kernels"], "stars"]}
    assert all(line in text for line in before.splitlines() if "#" in line and '"' not in line)
    if after is not None:
        assert text == MISSION.format(kernels=after)


@pytest.mark.parametrize("kernels", [each for each, _ in LISTS])
def test_line_ends_and_the_mark_at_the_beginning_stay(kernels: str) -> None:
    lf = MISSION.format(kernels=kernels)
    crlf = lf.replace("\n", "\r\n")
    added = template.with_kernel(lf, "stars", shown="mission.toml")
    assert template.with_kernel(crlf, "stars", shown="mission.toml") == added.replace("\n", "\r\n")
    assert template.with_kernel(f"\ufeff{crlf}", "stars", shown="mission.toml").startswith("\ufeff# Ours.\r\n")
    mixed = crlf.replace("# Ours.\r\n", "# Ours.\n")
    assert template.with_kernel(mixed, "stars", shown="mission.toml").startswith(
        '# Ours.\ntitle = "Sky"  # a title\r\n'
    )


def test_line_ends_that_toml_does_not_have_are_told() -> None:
    text = MISSION.format(kernels='kernels = ["sky"]').replace("\n", "\r")
    with pytest.raises(UsageError, match=r"mission\.toml is not valid TOML"):
        template.with_kernel(text, "stars", shown="mission.toml")


def test_what_the_model_does_not_take_is_not_written() -> None:
    with pytest.raises(UsageError, match=r"mission\.toml has a mistake"):
        template.with_kernel(MISSION.format(kernels='kernels = ["sky"]'), "sky", shown="mission.toml")
