from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from platform_images.errors import ToolError, UsageError
from platform_images.files import json_text, sha256_bytes
from platform_images.locks.values import PACKAGES, DebPackage, Header, Lock, OsPackages, RootSystem, Unit
from platform_images.model import Mission, Platform
from platform_images.solve import aptscript
from platform_images.solve.apt import added, os_request, solve_os
from platform_images.solve.mirror import Mirrors

Asking = Callable[..., Mission]


def package(name: str, version: str = "1") -> DebPackage:
    return DebPackage(name=name, version=version, architecture="all", sha256="0" * 64, size=1, path=f"pool/{name}")


def locked(*packages: DebPackage) -> Lock:
    text = json_text(OsPackages(packages=packages).model_dump(mode="json"))
    header = Header(inputs={}, solvers={}, files={PACKAGES: sha256_bytes(text.encode())})
    return Lock(unit=Unit(scope="tike", part="os"), header=header, files={PACKAGES: text})


def system(*packages: DebPackage) -> RootSystem:
    return RootSystem(
        provider="debootstrap", source="trixie", digest="sha256:0", epoch=0, glibc="2.41", packages=packages
    )


def test_locked_versions_are_preferred_and_those_below_most(real_platform: Platform, mission_asking: Asking) -> None:
    below = (OsPackages(packages=(package("low", "5"),)),)
    asked = os_request(
        mission_asking(apt=("figlet",)),
        real_platform,
        root=system(),
        below=below,
        old=locked(package("figlet", "2"), package("low", "4"), package("new", "1")),
        keep=True,
        upgrade_packages=("new",),
    )
    assert (asked.requests, asked.below) == (("figlet",), ("low",))
    assert asked.preferred == {"figlet": "2", "low": "5"}
    assert asked.file == "deployments/tike/apt.txt"


def test_an_upgrade_prefers_only_what_lies_below(real_platform: Platform, mission_asking: Asking) -> None:
    asked = os_request(
        mission_asking(apt=("figlet",)),
        real_platform,
        root=system(),
        below=(OsPackages(packages=(package("low", "5"),)),),
        old=locked(package("figlet", "2")),
        keep=False,
        upgrade_packages=(),
    )
    assert asked.preferred == {"low": "5"}


@pytest.mark.parametrize("keep", [True, False])
def test_what_a_patch_has_put_above_the_root_is_asked_for_until_the_root_has_it_too(
    keep: bool, real_platform: Platform, mission_asking: Asking
) -> None:
    patched, mission = locked(package("libssl3t64", "3.5.9-1~deb13u2")), mission_asking(apt=("figlet",))
    for version, requests in (
        ("3.5.9-1~deb13u1", ("figlet", "libssl3t64")),
        ("3.5.9-1~deb13u2", ("figlet",)),
        ("3.5.9-1", ("figlet",)),
    ):
        asked = os_request(
            mission,
            real_platform,
            root=system(package("libssl3t64", version)),
            below=(),
            old=patched,
            keep=keep,
            upgrade_packages=(),
        )
        assert asked.requests == requests
        assert ("libssl3t64" in asked.preferred) == (keep and len(requests) == 2)


@pytest.mark.parametrize("line", ["--allow-unauthenticated", "two words", "$(id)", "Figlet", "./local.deb"])
def test_a_line_that_is_no_package_name_is_refused(line: str, real_platform: Platform, mission_asking: Asking) -> None:
    with pytest.raises(UsageError) as caught:
        os_request(
            mission_asking(apt=(line,)),
            real_platform,
            root=system(),
            below=(),
            old=None,
            keep=True,
            upgrade_packages=(),
        )
    assert line in str(caught.value)
    assert "deployments/tike/apt.txt" in str(caught.value)


def test_what_lies_below_is_not_locked_again() -> None:
    below = (OsPackages(packages=(package("low"),)),)
    assert [each.name for each in added([package("z"), package("low"), package("a")], below)] == ["a", "z"]


def test_preferences_pin_without_asking_for_anything() -> None:
    assert aptscript.preferences_text({"b": "2", "a": "1:1"}) == (
        "Package: a\nPin: version 1:1\nPin-Priority: 1001\n\nPackage: b\nPin: version 2\nPin-Priority: 1001\n"
    )


@pytest.mark.engine
@pytest.mark.network
def test_a_package_is_locked_with_its_hash_and_the_same_bytes_again(
    real_platform: Platform, mission_asking: Asking, locked_root: RootSystem
) -> None:
    mission, said = mission_asking(apt=("figlet",)), list[str]()
    first = solve_os(real_platform, mission, root=locked_root, below=(), old=None, say=said.append)
    (found,) = OsPackages.model_validate_json(first.files[PACKAGES]).packages
    assert found.name == "figlet"
    assert found.path.startswith("pool/main/f/figlet/")
    again = solve_os(real_platform, mission, root=locked_root, below=(), old=locked(found), say=said.append)
    assert again == first
    assert any("deployments/tike/apt.txt" in line for line in said)


@pytest.mark.engine
@pytest.mark.network
def test_packages_below_are_left_out(real_platform: Platform, mission_asking: Asking, locked_root: RootSystem) -> None:
    alone = solve_os(
        real_platform, mission_asking(apt=("jq",)), root=locked_root, below=(), old=None, say=lambda text: None
    )
    packages = OsPackages.model_validate_json(alone.files[PACKAGES]).packages
    libraries = OsPackages(packages=tuple(each for each in packages if each.name != "jq"))
    assert libraries.packages
    above = solve_os(
        real_platform,
        mission_asking(apt=("jq",)),
        root=locked_root,
        below=(libraries,),
        old=None,
        say=lambda text: None,
    )
    assert [each["name"] for each in json.loads(above.files[PACKAGES])["packages"]] == ["jq"]


@pytest.mark.engine
@pytest.mark.network
def test_a_misspelt_package_is_named_with_the_nearest_right_one(
    real_platform: Platform, mission_asking: Asking, locked_root: RootSystem
) -> None:
    with pytest.raises(UsageError) as caught:
        solve_os(
            real_platform,
            mission_asking(apt=("figglet", "jq")),
            root=locked_root,
            below=(),
            old=None,
            say=lambda text: None,
        )
    assert "figglet (did you mean 'figlet'?)" in str(caught.value)
    assert "deployments/tike/apt.txt" in str(caught.value)


@pytest.mark.engine
def test_a_mirror_that_does_not_answer_is_said(
    real_platform: Platform, mission_asking: Asking, locked_root: RootSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = Mirrors(suite="trixie", archive="http://127.0.0.1:9/debian", security="http://127.0.0.1:9/security")
    monkeypatch.setattr(aptscript, "own_mirrors", lambda suite: replace(nobody, suite=suite))
    with pytest.raises(ToolError) as caught:
        solve_os(
            real_platform,
            mission_asking(apt=("figlet",)),
            root=locked_root,
            below=(),
            old=None,
            say=lambda text: None,
        )
    assert "package lists" in caught.value.what
    assert "127.0.0.1" in str(caught.value)
