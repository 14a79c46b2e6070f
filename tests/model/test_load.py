from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from platform_images.errors import UsageError
from platform_images.model import load_mission, load_missions, load_platform, mission_names

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
    assert "key 'display_name': must be one line" in mistake(checkout)


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
