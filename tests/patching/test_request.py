"""What may be asked of a patch, and how its record has it."""

from __future__ import annotations

import pytest

from platform_images.errors import UsageError
from platform_images.patching.request import PatchRequest, check_request


def refused(request: PatchRequest) -> UsageError:
    with pytest.raises(UsageError) as caught:
        check_request(request)
    return caught.value


@pytest.mark.parametrize(
    "request_",
    [PatchRequest(), PatchRequest(environments=("sky",), allow=("urllib3",), image="survey:1", dry_run=True)],
)
def test_a_request_for_no_package_is_refused_with_the_options_that_name_one(request_: PatchRequest) -> None:
    error = refused(request_)
    assert error.what == "There is nothing to patch."
    assert "--os NAME or --package 'NAME>=VERSION'" in str(error.fix)


def test_a_kernel_without_a_package_has_no_meaning() -> None:
    error = refused(PatchRequest(systems=("libssl3t64",), environments=("sky",)))
    assert error.what == "--kernel chooses where --package is changed."
    assert error.fix == "give --package as well, or no --kernel"


@pytest.mark.parametrize(
    "request_",
    [
        PatchRequest(systems=("git", "git=1:2.50-1")),
        PatchRequest(systems=("git", "git")),
        PatchRequest(packages=("requests", "requests>=2.33")),
        PatchRequest(packages=("Foo_Bar", "foo-bar")),
    ],
)
def test_a_package_that_is_asked_for_twice_is_refused_in_any_spelling(request_: PatchRequest) -> None:
    error = refused(request_)
    assert error.what == "A package is asked for twice."
    assert error.why == "\n".join((*request_.systems, *request_.packages))


def test_a_debian_and_a_python_package_of_one_name_are_two_packages() -> None:
    check_request(PatchRequest(systems=("libcurl4t64", "git"), packages=("git",), environments=("base",)))


@pytest.mark.parametrize(
    "name", ["", "a", "Git", "libc6:i386", "--yes", "git =1", "git=", "git=1 2", "git>=1", "git\n"]
)
def test_what_is_no_debian_package_with_a_version_is_refused(name: str) -> None:
    assert repr(name) in refused(PatchRequest(systems=(name,))).what


@pytest.mark.parametrize("name", ["", "requests>>1", "requests 2", "./requests", "--upgrade", "requests\nurllib3"])
def test_what_is_no_python_package_with_versions_is_refused(name: str) -> None:
    error = refused(PatchRequest(packages=(name,)))
    assert error.what == f"--package {name!r} is not a package of Python with its versions."
    assert "'requests>=2.33'" in str(error.fix)


@pytest.mark.parametrize(
    "name", ["requests[socks]", "requests; python_version > '3.11'", "requests @ https://example.org/requests.whl"]
)
def test_extras_markers_and_addresses_have_no_place(name: str) -> None:
    assert refused(PatchRequest(packages=(name,))).why == "an address, an extra or a marker has no place there"


def test_what_was_asked_is_recorded_sorted_and_in_one_form() -> None:
    one = PatchRequest(systems=("libssl3t64", "git=1:2.50-1"), packages=("urllib3 <3, >= 2.6", "requests"))
    two = PatchRequest(systems=("git=1:2.50-1", "libssl3t64"), packages=("requests", "urllib3>=2.6,<3"))
    assert one.asked == two.asked == ("os git=1:2.50-1", "os libssl3t64", "pip requests", "pip urllib3<3,>=2.6")


def test_names_are_those_by_which_packages_are_known_in_locks() -> None:
    request = PatchRequest(systems=("libstdc++6=14.2.0-19",), packages=("Foo_Bar.Baz>=1",))
    assert request.named_systems == {"libstdc++6"}
    assert request.named_packages == {"foo-bar-baz"}
