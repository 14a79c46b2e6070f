from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeVar

import pytest

from platform_images.errors import UsageError
from platform_images.model import load_mission, load_missions, load_platform, mission_names

T = TypeVar("T")
MISSION = "deployments/survey"
KERNEL = "deployments/survey/kernels/sky"


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def mistake(folder: Path) -> str:
    """What a user is told about the first mistake in the project."""
    with pytest.raises(UsageError) as caught:
        load_missions(load_platform(folder))
    return str(caught.value)


def test_a_mission_is_its_folder(checkout: Path) -> None:
    mission = load_mission(load_platform(checkout), "survey")
    assert mission.settings.title == "Sky survey"
    assert [kernel.name for kernel in mission.kernels] == ["sky"]
    kernel = mission.kernel("sky")
    assert kernel.conda.python == "3.11"
    assert kernel.settings.environment == {"DATA": "$HOME/data"}
    assert kernel.prefix == PurePosixPath("/opt/conda/envs/sky")


def test_every_kernel_gets_the_common_requests_before_its_own(checkout: Path) -> None:
    kernel = load_mission(load_platform(checkout), "survey").kernel("sky")
    assert [path.relative_to(checkout).as_posix() for path in kernel.request_files] == [
        "common/kernel/requirements.in",
        f"{KERNEL}/requirements.in",
    ]


def test_the_base_is_an_environment_at_the_conda_root(checkout: Path) -> None:
    base = load_platform(checkout).base
    assert base.is_base
    assert base.prefix == PurePosixPath("/opt/conda")
    assert [path.name for path in base.request_files] == ["requirements.in"]


def test_package_lists_are_sorted_and_may_have_comments(checkout: Path) -> None:
    assert load_platform(checkout).os_packages == ("curl", "git")


def test_channels_default_to_those_of_the_platform(checkout: Path) -> None:
    assert load_platform(checkout).base.conda.channels == ("embedded",)


def test_a_misspelt_key_names_file_key_and_the_nearest_right_one(checkout: Path) -> None:
    change(checkout, "deployments/survey/mission.toml", "version =", "verison =")
    said = mistake(checkout)
    assert "deployments/survey/mission.toml: key 'verison' is not known (did you mean 'version'?)" in said
    assert "allowed: data, description, environment, files, kernels, notebooks, title, version" in said
    assert "deployments/survey/mission.toml: key 'version' is missing" in said


def test_a_misspelt_choice_names_what_was_found_and_what_is_allowed(checkout: Path) -> None:
    change(checkout, f"{KERNEL}/kernel.toml", '"Sky"', '"Sky"\nsolver = "piptools"')
    assert "key 'solver': found 'piptools' (did you mean 'pip-tools'?); allowed: uv, pip-tools" in mistake(checkout)


def test_a_misspelt_key_of_a_list_of_tables_is_found_too(checkout: Path) -> None:
    change(checkout, "platform.toml", "path =", "pth =")
    said = mistake(checkout)
    assert "platform.toml: key 'channels.0.pth' is not known (did you mean 'path'?)" in said


def test_a_wrong_type_says_what_was_found(checkout: Path) -> None:
    change(checkout, f"{KERNEL}/kernel.toml", '"$HOME/data"', "3")
    assert "key 'environment.DATA': found 3; Input should be a valid string" in mistake(checkout)


def test_toml_that_cannot_be_parsed_names_the_line(checkout: Path) -> None:
    change(checkout, "deployments/survey/mission.toml", 'title = "Sky survey"', "title = Sky survey")
    said = mistake(checkout)
    assert "deployments/survey/mission.toml is not valid TOML" in said
    assert "line 2" in said


def test_a_listed_kernel_without_a_folder_names_the_nearest_folder(checkout: Path) -> None:
    change(checkout, "deployments/survey/mission.toml", '["sky"]', '["skye"]')
    assert "'skye', which has no folder with a kernel.toml" in mistake(checkout)
    assert "did you mean 'sky'?" in mistake(checkout)


def test_a_kernel_folder_that_no_one_lists_is_a_mistake(checkout: Path) -> None:
    (checkout / "deployments/survey/kernels/extra").mkdir()
    (checkout / "deployments/survey/kernels/extra/kernel.toml").write_text('display_name = "x"\n', encoding="utf-8")
    assert "deployments/survey/kernels/extra is not listed" in mistake(checkout)


def test_reserved_kernel_names_are_refused(checkout: Path) -> None:
    change(checkout, "deployments/survey/mission.toml", '["sky"]', '["base"]')
    assert "a kernel cannot be named 'base'" in mistake(checkout)


def test_an_unknown_mission_names_the_nearest(checkout: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'survey'"):
        load_mission(load_platform(checkout), "servey")


def test_pip_packages_in_environment_yml_are_sent_to_requirements(checkout: Path) -> None:
    change(checkout, f"{KERNEL}/environment.yml", "[python=3.11]", "[python=3.11, {pip: [numpy]}]")
    assert f"move those lines to {KERNEL}/requirements.in" in mistake(checkout)


@pytest.mark.parametrize("spec", ["python", "python>=3.11", "numpy"])
def test_an_environment_names_its_python_series(checkout: Path, spec: str) -> None:
    change(checkout, f"{KERNEL}/environment.yml", "python=3.11", spec)
    assert "names no Python series" in mistake(checkout)


@pytest.mark.parametrize("spec", ["python=3.11", "python==3.11", "python 3.11.*", "python=3.11.*"])
def test_the_python_series_may_be_written_in_conda_s_ways(checkout: Path, spec: str) -> None:
    change(checkout, f"{KERNEL}/environment.yml", "[python=3.11]", f'["{spec}"]')
    assert load_mission(load_platform(checkout), "survey").kernel("sky").conda.python == "3.11"


def test_a_yaml_key_given_twice_is_a_mistake(checkout: Path) -> None:
    path = checkout / KERNEL / "environment.yml"
    path.write_text("dependencies: [python=3.11]\ndependencies: [python=3.13]\n", encoding="utf-8")
    assert "key 'dependencies' is given twice" in mistake(checkout)


def test_an_unknown_channel_says_how_to_add_it(checkout: Path) -> None:
    change(checkout, f"{KERNEL}/environment.yml", "dep", "channels: [conda-forge]\ndep")
    said = mistake(checkout)
    assert "names 'conda-forge', which platform.toml does not know" in said


def test_snapshots_of_the_archive_are_asked_in_the_order_archive_and_security(checkout: Path) -> None:
    change(
        checkout,
        "platform.toml",
        "[[channels]]",
        '[root]\nsnapshot_security = "http://s.example/2"\nsnapshot = "https://s.example/1/"\n[[channels]]',
    )
    assert load_platform(checkout).settings.root.snapshots == ("https://s.example/1", "http://s.example/2")


@pytest.mark.parametrize(
    "value", ["snapshot.example/debian", "ftp://s.example/1", "https://", "https://s.example/?a=1"]
)
def test_a_snapshot_is_the_address_of_an_archive(checkout: Path, value: str) -> None:
    change(checkout, "platform.toml", "[[channels]]", f'[root]\nsnapshot = "{value}"\n[[channels]]')
    assert f"key 'root.snapshot': found {value!r}" in mistake(checkout)


def test_a_snapshot_is_refused_where_the_root_is_an_image(checkout: Path) -> None:
    root = '[root]\nprovider = "image"\nimage = "debian:trixie-slim"\nsnapshot = "https://s.example/1"\n'
    change(checkout, "platform.toml", "[[channels]]", f"{root}[[channels]]")
    assert 'are only used with provider = "debootstrap"' in mistake(checkout)


def test_an_extra_file_outside_the_mission_is_refused(checkout: Path) -> None:
    change(
        checkout,
        "deployments/survey/mission.toml",
        'kernels = ["sky"]',
        'kernels = ["sky"]\n[[files]]\nsource = "../../platform.toml"\ntarget = "/etc/x"',
    )
    assert "is not a file of the mission" in mistake(checkout)


@pytest.mark.parametrize(
    "entry",
    [
        "pkg @ http://example.org/pkg.whl",
        "--extra-index-url http://example.org/simple",
        "-r /etc/passwd",
        "setuptools\\n-r /etc/passwd",
        "./pkg",
        "pkg-1.0-py3-none-any.whl",
        "not a req!!",
        "",
    ],
)
def test_what_an_sdist_s_build_requires_are_releases(checkout: Path, entry: str) -> None:
    table = f'[sdist.old-thing]\nbuild_requires = ["{entry}"]\nreason = "no wheel"\n[environment]'
    change(checkout, f"{KERNEL}/kernel.toml", "[environment]", table)
    said = mistake(checkout)
    assert f"{KERNEL}/kernel.toml: key 'sdist.old-thing.build_requires': found " in said
    assert "has a mistake" in said and "allowed: releases of a package index" in said


def test_an_sdist_is_named_in_normal_form(checkout: Path) -> None:
    change(
        checkout,
        f"{KERNEL}/kernel.toml",
        "[environment]",
        '[sdist.Old_Thing]\nbuild_requires = ["setuptools"]\nreason = "no wheel"\n[environment]',
    )
    assert "write [sdist.old-thing]" in mistake(checkout)


def test_the_project_s_own_files_load(project: Path) -> None:
    platform = load_platform(project)
    assert {"jwebbinar", "jwst", "roman", "tike"} <= set(mission_names(platform))
    assert tuple(mission.name for mission in load_missions(platform)) == mission_names(platform)


def test_a_folder_that_cannot_be_an_image_s_name_is_no_mission(checkout: Path) -> None:
    (checkout / "deployments/survey").rename(checkout / "deployments/Big Survey")
    assert "A mission cannot be named 'Big Survey'" in mistake(checkout)


def test_a_mission_is_not_named_like_a_folder_of_locks(checkout: Path) -> None:
    (checkout / "deployments/survey").rename(checkout / "deployments/common")
    assert "A mission cannot be named 'common'" in mistake(checkout)


def test_two_pythons_in_one_environment_are_a_mistake(checkout: Path) -> None:
    change(checkout, f"{KERNEL}/environment.yml", "[python=3.11]", "[python=3.11, python=3.13]")
    assert "names Python 2 times" in mistake(checkout)


def test_a_byte_order_mark_is_no_mistake(checkout: Path) -> None:
    path = checkout / "platform.toml"
    path.write_text("\ufeff" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_platform(checkout).settings.title == "Test platform"


@pytest.mark.parametrize("source", ["\\u0000", "x" * 300])
def test_a_name_that_no_file_can_have_is_a_mistake_of_the_mission(checkout: Path, source: str) -> None:
    entry = f'["sky"]\n[[files]]\nsource = "{source}"\ntarget = "/etc/x"'
    change(checkout, "deployments/survey/mission.toml", '["sky"]', entry)
    assert "is not a file of the mission" in mistake(checkout)


@pytest.mark.parametrize("place", ['url = "not a url"', 'path = "../outside"', 'path = "/etc"'])
def test_a_channel_is_an_address_or_a_folder_of_the_repository(checkout: Path, place: str) -> None:
    change(checkout, "platform.toml", 'path = "common/channel"', place)
    assert "platform.toml: key 'channels.0'" in mistake(checkout)


def test_a_display_name_is_one_line(checkout: Path) -> None:
    change(checkout, f"{KERNEL}/kernel.toml", '"Sky"', '"Sky\\nblue"')
    assert "key 'display_name': must be one line of text" in mistake(checkout)


@pytest.mark.parametrize("spec", ["foo bar baz ][", "[]", "=3", "numpy >=>= 2"])
def test_what_conda_cannot_read_is_a_mistake_of_the_file(checkout: Path, spec: str) -> None:
    change(checkout, f"{KERNEL}/environment.yml", "[python=3.11]", f'[python=3.11, "{spec}"]')
    assert f"{KERNEL}/environment.yml: key 'dependencies' has an entry that is not a conda match spec" in mistake(
        checkout
    )


@pytest.mark.parametrize("spec", ["gdal", "gdal >=3.9,<4", "gdal=3.9=py311*", "gdal[version='>=3']"])
def test_match_specs_of_every_form_are_read(checkout: Path, spec: str) -> None:
    change(checkout, f"{KERNEL}/environment.yml", "[python=3.11]", f'[python=3.11, "{spec}"]')
    assert load_mission(load_platform(checkout), "survey").kernel("sky").conda.dependencies[1] == spec


@pytest.mark.parametrize(
    "name",
    [
        "common/apt.txt",
        f"{MISSION}/apt.txt",
        f"{MISSION}/npm.txt",
        f"{MISSION}/Dockerfile",
        f"{MISSION}/mission.toml",
        f"{KERNEL}/kernel.toml",
        f"{KERNEL}/constraints.txt",
    ],
)
def test_a_link_to_nowhere_is_never_taken_for_no_file(checkout: Path, name: str) -> None:
    (checkout / name).unlink(missing_ok=True)
    (checkout / name).symlink_to("nowhere.txt")
    assert f"{name} is a link to nowhere.txt, where nothing is." in mistake(checkout)


@pytest.mark.parametrize("name", [f"{MISSION}/apt.txt", f"{MISSION}/mission.toml", f"{KERNEL}/constraints.txt"])
def test_a_link_to_itself_cannot_be_read(checkout: Path, name: str) -> None:
    (checkout / name).unlink(missing_ok=True)
    (checkout / name).symlink_to(Path(name).name)
    assert f"{name} cannot be read" in mistake(checkout)


@pytest.mark.parametrize("name", [f"{MISSION}/apt.txt", f"{MISSION}/Dockerfile", f"{KERNEL}/constraints.txt"])
def test_a_folder_or_a_pipe_is_no_file(checkout: Path, name: str) -> None:
    (checkout / name).mkdir()
    assert f"{name} is a folder, not a file." in mistake(checkout)
    (checkout / name).rmdir()
    os.mkfifo(checkout / name)  # opening it would wait for ever
    assert f"{name} is a pipe, socket or device, not a file." in mistake(checkout)


@pytest.mark.parametrize("name", [f"{MISSION}/hooks", "deployments", f"{MISSION}/kernels"])
def test_a_file_is_no_folder(checkout: Path, name: str) -> None:
    shutil.rmtree(checkout / name, ignore_errors=True)
    (checkout / name).write_text("")
    assert f"{name} cannot be read.\nNot a directory" in mistake(checkout)


@pytest.mark.parametrize("name", [f"{MISSION}/hooks", "deployments", f"{MISSION}/kernels", "deployments/other"])
def test_a_link_to_no_folder_is_never_taken_for_none(checkout: Path, name: str) -> None:
    shutil.rmtree(checkout / name, ignore_errors=True)
    (checkout / name).symlink_to("nowhere")
    assert f"{name} cannot be read.\nNo such file or directory" in mistake(checkout)


@pytest.mark.parametrize("name", ["deployments", MISSION, f"{MISSION}/kernels", KERNEL])
def test_a_folder_that_this_user_may_not_read_is_named(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    platform, closed = load_platform(checkout), checkout / name
    monkeypatch.setattr(Path, "iterdir", closing(closed, Path.iterdir))
    monkeypatch.setattr(Path, "lstat", closing(closed, Path.lstat))
    with pytest.raises(UsageError, match=f"^{name} cannot be read.\nPermission denied"):
        load_missions(platform)


def closing(closed: Path, real: Callable[[Path], T]) -> Callable[[Path], T]:
    """As if this user might not look into a folder: the one who runs the tests may be one who may everything."""

    def looked_at(path: Path) -> T:
        if path.parent == closed or (path == closed and real.__name__ == "iterdir"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path)

    return looked_at


def test_what_else_lies_beside_missions_is_none(checkout: Path) -> None:
    (checkout / "deployments/README.md").write_text("")
    (checkout / "deployments/notes").mkdir()
    (checkout / "deployments/.#lock").symlink_to("somebody@somewhere")
    assert mission_names(load_platform(checkout)) == ("survey",)


def test_a_project_without_missions_has_none(checkout: Path) -> None:
    shutil.rmtree(checkout / "deployments")
    assert mission_names(load_platform(checkout)) == ()


@pytest.mark.parametrize(
    "name",
    ["2025-02-30", "!!int abc", "!!bool maybe", "!!int ''", "!!float abc", "!!timestamp now", "9" * 5000],
    ids=lambda name: name[:12],
)
def test_a_yaml_value_of_no_kind_is_a_mistake_of_the_file(checkout: Path, name: str) -> None:
    change(checkout, f"{KERNEL}/environment.yml", "dep", f"name: {name}\ndep")
    assert f"{KERNEL}/environment.yml has a value that is not what it looks like" in mistake(checkout)


@pytest.mark.parametrize("text", ["&a\nname: *a\n", "name: " + "[" * 3000 + "]" * 3000, "name: " + "{a: " * 3000])
def test_yaml_without_end_is_a_mistake_of_the_file(checkout: Path, text: str) -> None:
    (checkout / KERNEL / "environment.yml").write_text(text)
    assert f"{KERNEL}/environment.yml is nested too deeply" in mistake(checkout)


@pytest.mark.parametrize("spec", ["\\ud800", "numpy \\ud800"])
def test_half_of_a_character_is_no_match_spec(checkout: Path, spec: str) -> None:
    change(checkout, f"{KERNEL}/environment.yml", "[python=3.11]", f'[python=3.11, "{spec}"]')
    assert "has an entry that is not a conda match spec" in mistake(checkout)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("9" * 5000, "mission.toml has a number of too many digits"),
        ("0x" + "f" * 5000, "key 'title': found a number of too many digits; Input should be a valid string"),
        ("[" * 3000 + "]" * 3000, "mission.toml is nested too deeply"),
    ],
    ids=["digits", "hexadecimal digits", "lists"],
)
def test_toml_that_python_does_not_take_is_a_mistake_of_the_file(checkout: Path, value: str, said: str) -> None:
    change(checkout, f"{MISSION}/mission.toml", '"Sky survey"', value)
    assert said in mistake(checkout)


def test_a_number_of_any_length_is_no_choice(checkout: Path) -> None:
    change(checkout, f"{KERNEL}/kernel.toml", '"Sky"', '"Sky"\nsolver = 0x' + "f" * 5000)
    assert "key 'solver': found a number of too many digits; allowed: uv, pip-tools" in mistake(checkout)


def test_a_list_whose_only_item_is_wrong_is_not_also_too_short(checkout: Path) -> None:
    change(checkout, f"{MISSION}/mission.toml", '["sky"]', '["Sky"]')
    assert "mission.toml has a mistake." in mistake(checkout)
    change(checkout, "platform.toml", "path =", "pth =")
    assert "too" not in mistake(checkout)
    assert "at least" not in mistake(checkout)


def test_a_list_without_items_is_too_short(checkout: Path) -> None:
    change(checkout, f"{MISSION}/mission.toml", '["sky"]', "[]")
    assert "key 'kernels': found []; Tuple should have at least 1 item" in mistake(checkout)


@pytest.mark.parametrize("sign", ["\\r", "\\u001b[31m", "\\t", "\\u0000", "\\u007f", "\\u0085", "\\u2028"])
@pytest.mark.parametrize("key", ["title", "description"])
def test_what_becomes_a_label_is_one_line_without_control_characters(checkout: Path, key: str, sign: str) -> None:
    change(checkout, f"{MISSION}/mission.toml", "version", 'description = "Sky survey"\nversion')
    change(checkout, f"{MISSION}/mission.toml", f'{key} = "Sky survey"', f'{key} = "a{sign}b"')
    assert f"key '{key}': must be one line of text" in mistake(checkout)


def test_a_title_can_be_seen(checkout: Path) -> None:
    change(checkout, f"{MISSION}/mission.toml", "Sky survey", "\u200b ")
    assert "key 'title': must be text that people can see" in mistake(checkout)


@pytest.mark.parametrize("title", ["Ünï 🔭", "👩\u200d🚀 space", "10\u00a0kpc"])
def test_a_title_is_text_of_any_language(checkout: Path, title: str) -> None:
    change(checkout, f"{MISSION}/mission.toml", "Sky survey", title)
    assert load_mission(load_platform(checkout), "survey").settings.title == title


def test_a_mission_s_name_is_no_longer_than_a_kernel_s(checkout: Path) -> None:
    (checkout / MISSION).rename(checkout / "deployments" / ("a" * 60))
    assert load_missions(load_platform(checkout))[0].name == "a" * 60
    (checkout / "deployments" / ("a" * 60)).rename(checkout / "deployments" / ("a" * 61))
    assert "with a letter, 60 of them at most; not common, project" in mistake(checkout)
