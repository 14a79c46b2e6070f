from __future__ import annotations

import pytest

from platform_images.errors import LockError
from platform_images.locks.conda import installation_order, parse_conda_lock
from platform_images.locks.values import CondaPackage, Unit

SKY = Unit(scope="survey", part="sky")


def package(name: str, *needs: str) -> CondaPackage:
    url = f"embedded/linux-64/{name}-1.0-0.conda"
    dependencies = tuple((need, "") for need in needs)
    return CondaPackage(
        name=name, version="1.0", build="0", subdir="linux-64", url=url, md5="", sha256="", dependencies=dependencies
    )


def entry(url: str) -> str:
    return (
        "package:\n- name: gdal\n  version: '3.10'\n  platform: linux-64\n"
        f"  dependencies: {{python: '>=3.11', __glibc: ''}}\n  url: {url}\n  hash: {{md5: aa, sha256: bb}}\n"
    )


GDAL = entry("conda-forge/linux-64/gdal-3.10-0.conda")


def test_every_part_of_a_package_is_known() -> None:
    (found,) = parse_conda_lock(entry("conda-forge/linux-64/py-gdal-3.10-py311_0.conda"), unit=SKY)
    assert (found.name, found.version, found.build, found.subdir) == ("gdal", "3.10", "py311_0", "linux-64")
    assert (found.channel, found.filename) == ("conda-forge", "py-gdal-3.10-py311_0.conda")
    assert found.dependencies == (("__glibc", ""), ("python", ">=3.11"))


def test_a_package_comes_after_those_it_needs() -> None:
    names = [
        found.name for found in installation_order([package("app", "lib"), package("zlib"), package("lib", "zlib")])
    ]
    assert names == ["zlib", "lib", "app"]


def test_a_circle_is_broken_by_name() -> None:
    names = [found.name for found in installation_order([package("pip", "python"), package("python", "pip")])]
    assert names == ["python", "pip"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "package: 3",
        "package: [{name: a}]",
        "a: [",
        entry("embedded/linux-64/gdal.zip"),
        GDAL.replace("{python: '>=3.11', __glibc: ''}", "null"),
        GDAL.replace("{python: '>=3.11', __glibc: ''}", "[python]"),
        GDAL.replace("{md5: aa, sha256: bb}", "null"),
    ],
)
def test_what_is_not_a_conda_lock_is_damage(text: str) -> None:
    with pytest.raises(LockError, match=r"survey/sky is damaged: conda-lock\.yml") as caught:
        parse_conda_lock(text, unit=SKY)
    assert caught.value.fix == SKY.session
