from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from platform_images.errors import ToolError, UsageError
from platform_images.files import sha256_bytes
from platform_images.locks.values import PACKAGE_JSON, PACKAGE_LOCK, Header, Lock, Unit
from platform_images.model import Mission, Platform
from platform_images.solve.npm import lock_text, package_json, parse_requests, solve_npm
from platform_images.solve.solution import Solution

Asking = Callable[..., Mission]


def locked(solution: Solution) -> Lock:
    hashes = {name: sha256_bytes(text.encode()) for name, text in solution.files.items()}
    header = Header(inputs={}, solvers=solution.solvers, files=hashes)
    return Lock(unit=Unit(scope="tike", part="npm"), header=header, files=solution.files)


def test_a_line_is_a_name_and_a_range() -> None:
    lines = ("is-number@^7", "left-pad", "@scope/name@~1.2 || 2", "short@npm:long-name@1")
    assert parse_requests(lines, file="npm.txt") == {
        "is-number": "^7",
        "left-pad": "*",
        "@scope/name": "~1.2 || 2",
        "short": "npm:long-name@1",
    }


@pytest.mark.parametrize(
    "line", ["a@https://host/a.tgz", "a@github:b/c", "a@b/c", "./folder", "--global", "A B", "a@file:x", "a@"]
)
def test_what_is_not_a_release_of_the_registry_is_refused(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_requests((line,), file="deployments/tike/npm.txt")
    assert "deployments/tike/npm.txt" in str(caught.value)


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(UsageError):
        parse_requests(("a@1", "a@2"), file="npm.txt")


def test_package_json_is_sorted_and_private() -> None:
    text = package_json("tike", {"b": "1", "a": "*"})
    assert json.loads(text) == {
        "dependencies": {"a": "*", "b": "1"},
        "name": "tike",
        "private": True,
        "version": "0.0.0",
    }
    assert text.index('"a"') < text.index('"b"')


@pytest.mark.parametrize("entry", [{"version": "1"}, {"integrity": "sha512-x", "resolved": "https://host/a.tgz"}])
def test_a_lock_without_integrity_or_with_an_address_is_refused(entry: dict[str, str]) -> None:
    with pytest.raises(ToolError) as caught:
        lock_text(json.dumps({"packages": {"": {}, "node_modules/a": entry}}), file="npm.txt")
    assert caught.value.why == "a"


@pytest.mark.network
def test_a_lock_has_integrity_no_address_and_the_same_bytes_again(
    real_platform: Platform, mission_asking: Asking
) -> None:
    mission = mission_asking(npm=("is-odd@^3", "left-pad"))
    first = solve_npm(real_platform, mission, old=None, say=lambda text: None)
    assert set(first.files) == {PACKAGE_JSON, PACKAGE_LOCK}
    packages = json.loads(first.files[PACKAGE_LOCK])["packages"]
    assert {"node_modules/is-odd", "node_modules/is-number", "node_modules/left-pad"} <= set(packages)
    assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)
    assert "http" not in first.files[PACKAGE_LOCK]
    again = solve_npm(real_platform, mission, old=locked(first), say=lambda text: None)
    assert again == first


@pytest.mark.network
def test_a_locked_version_stays_until_it_is_upgraded(real_platform: Platform, mission_asking: Asking) -> None:
    def solve(*lines: str, **options: object) -> tuple[str, Solution]:
        mission = mission_asking(npm=lines)
        solution = solve_npm(real_platform, mission, say=lambda text: None, **options)  # type: ignore[arg-type]
        packages = json.loads(solution.files[PACKAGE_LOCK])["packages"]
        return packages["node_modules/is-number"]["version"], solution

    version, exact = solve("is-number@7.0.0 || 6.0.0 || 5.0.0", old=None)
    assert version == "7.0.0"
    older, exact = solve("is-number@6.0.0", old=None)
    kept, _ = solve("is-number@>=6", old=locked(exact))
    one, _ = solve("is-number@>=6", old=locked(exact), upgrade_packages=("is-number",))
    everything, _ = solve("is-number@>=6", old=locked(exact), upgrade=True)
    assert (older, kept) == ("6.0.0", "6.0.0")
    assert one == everything != "6.0.0"


@pytest.mark.network
@pytest.mark.parametrize("line", ["is-number@^9999", "@platform-images-none/of-this-name"])
def test_what_the_registry_does_not_have_is_said(line: str, real_platform: Platform, mission_asking: Asking) -> None:
    with pytest.raises(UsageError) as caught:
        solve_npm(real_platform, mission_asking(npm=(line,)), old=None, say=lambda text: None)
    assert "deployments/tike/npm.txt" in caught.value.what
    assert line.rsplit("@", 1)[0] in str(caught.value).replace("%2f", "/")


def test_a_registry_that_does_not_answer_is_said(
    real_platform: Platform, mission_asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_prefer_online", "true")
    with pytest.raises(ToolError) as caught:
        solve_npm(real_platform, mission_asking(npm=("is-number",)), old=None, say=lambda text: None)
    assert "did not answer" in caught.value.what
