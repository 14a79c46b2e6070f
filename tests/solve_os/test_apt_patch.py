"""What apt is asked for a patch, and what is made of its answer; no engine runs unless a test says so."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from platform_images.engine.client import Finished
from platform_images.errors import PlatformError, ToolError, UsageError
from platform_images.model import Platform
from platform_images.solve import aptpatch, aptscript
from platform_images.solve.aptpatch import OsPatch, request_name, solve_os_patch

IMAGE = f"sha256:{'1' * 64}"
SHA = "ab" * 32
POOL = "http://mirror.example.org/debian/pool/main/o/openssl"
URIS = (
    f"'{POOL}/openssl_3.5.2-1_amd64.deb' openssl_3.5.2-1_amd64.deb 1500 SHA256:{SHA}\n"
    f"'{POOL}/libssl3t64_3.5.2-1_amd64.deb' libssl3t64_1%3a3.5.2-1_amd64.deb 2000 SHA256:{SHA}\n"
)
SOURCES = "deb http://mirror.example.org/debian trixie main\n"
INSTALLED = "libc6 2.41-12\nlibssl3t64 3.5.1-1\nopenssl 3.5.1-1\n"
Answer = Callable[..., dict[str, Any]]


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """``apt(exit_code, ...)``: a container of the image says this; gives what it will have been asked."""
    asked: dict[str, Any] = {}

    def answer(
        exit_code: int = 0, *, output: str = "", uris: str = URIS, installed: str | None = INSTALLED
    ) -> dict[str, Any]:
        files = {aptscript.URIS: uris.encode(), aptscript.VERSION: b"apt 3.0.4 (amd64)\n"}
        files |= {aptscript.INSTALLED: installed.encode()} if installed is not None else {}

        def run_in(image: str, argv: list[str], **words: Any) -> Finished:
            asked.update(image=image, argv=argv, **words)
            return Finished(exit_code=exit_code, output=output, files=files)

        monkeypatch.setattr(aptpatch, "run_in", run_in)
        monkeypatch.setattr(aptscript, "source_list", lambda platform, *, image: SOURCES if image == IMAGE else None)
        return asked

    return answer


def silent(_: str) -> None:
    """Nobody listens."""


def refused(platform: Platform, *requests: str) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        solve_os_patch(platform, IMAGE, requests, say=silent)
    return caught.value


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        ("libssl3t64", "libssl3t64"),
        ("libstdc++6", "libstdc++6"),
        ("python3.13", "python3.13"),
        ("git=1:2.47.3-0+deb13u1~bpo1", "git"),
    ],
)
def test_a_request_is_a_name_or_a_name_with_one_version(request_: str, name: str) -> None:
    assert request_name(request_) == name


@pytest.mark.parametrize(
    "request_",
    ["", "x", "Git", "git=", "git=1 2", "git>=2", "libc6:i386", "git/stable", "--yes", "$(id)", "a b", "git\n"],
)
def test_everything_else_is_refused_with_what_may_be_given(request_: str, real_platform: Platform) -> None:
    with pytest.raises(UsageError) as caught:
        request_name(request_)
    assert repr(request_) in caught.value.what
    assert caught.value.fix == "give NAME, or NAME=VERSION for one version"
    assert isinstance(refused(real_platform, request_), UsageError)


def test_apt_changes_what_is_there_removes_nothing_and_only_tells(real_platform: Platform) -> None:
    text = aptscript.patch_text(("libssl3t64", "git=1:2.50-1"))
    (command,) = [line for line in text.replace("\\\n", "").splitlines() if line.startswith("apt-get install")]
    assert {"--print-uris", "--only-upgrade", "--no-remove", "--no-install-recommends", "--yes"} <= set(command.split())
    assert "Acquire::ForceHash=SHA256" in command
    assert "libssl3t64 git=1:2.50-1 >" in command


def test_no_word_of_a_request_is_one_of_the_shell() -> None:
    text = aptscript.patch_text(("a; reboot", "$(id)"))
    assert "--no-remove 'a; reboot' '$(id)' >" in text


def test_the_script_is_one_that_a_shell_can_read() -> None:
    script = aptscript.patch_text(("libssl3t64",))
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_itself_is_asked_as_root_with_the_mirrors_of_this_site(real_platform: Platform, apt: Answer) -> None:
    asked, said = apt(), list[str]()
    solve_os_patch(real_platform, IMAGE, ("libssl3t64", "openssl"), say=said.append)
    assert (asked["image"], asked["argv"], asked["user"]) == (IMAGE, ["sh", aptscript.SCRIPT], "0:0")
    assert asked["env"]["PATH"] == aptscript.PATH  # the image's own one begins with its environments
    assert asked["files_in"][aptscript.SCRIPT].decode() == aptscript.patch_text(("libssl3t64", "openssl"))
    assert asked["files_in"]["/etc/apt/sources.list"].decode() == SOURCES
    assert not [name for name in asked["files_in"] if "preferences" in name]
    assert said == ["apt looks for libssl3t64, openssl"]


def test_its_answer_is_what_would_be_installed_and_what_there_is(real_platform: Platform, apt: Answer) -> None:
    apt()
    found = solve_os_patch(real_platform, IMAGE, ("openssl",), say=silent)
    assert [(each.name, each.version, each.path) for each in found.packages] == [
        ("libssl3t64", "1:3.5.2-1", "pool/main/o/openssl/libssl3t64_3.5.2-1_amd64.deb"),
        ("openssl", "3.5.2-1", "pool/main/o/openssl/openssl_3.5.2-1_amd64.deb"),
    ]
    assert found.installed == {"libc6": "2.41-12", "libssl3t64": "3.5.1-1", "openssl": "3.5.1-1"}
    assert found.apt == "3.0.4"


def test_an_image_that_has_the_newest_version_gets_nothing(real_platform: Platform, apt: Answer) -> None:
    apt(uris="")
    found = solve_os_patch(real_platform, IMAGE, ("openssl",), say=silent)
    assert isinstance(found, OsPatch)
    assert found.packages == ()


@pytest.mark.parametrize("exit_code", [0, aptscript.NO_SOLUTION])
def test_a_package_that_the_image_does_not_have_is_named_with_the_nearest(
    exit_code: int, real_platform: Platform, apt: Answer
) -> None:
    """With --only-upgrade apt passes over one that the archive has, and fails for one that it does not have."""
    apt(exit_code, uris="", output="E: Unable to locate package libssl3\n")
    error = refused(real_platform, "openssl", "libssl3")
    assert isinstance(error, UsageError)
    assert error.what == "The image has no Debian package 'libssl3' (did you mean 'libssl3t64'?)."
    assert error.fix == "a new package is asked for in apt.txt; a patch only changes what is there"


def test_what_apt_cannot_do_is_told_in_its_words(real_platform: Platform, apt: Answer) -> None:
    words = (
        "\n".join(f"line {number}" for number in range(50)) + "\nE: Packages need to be removed but remove is disabled."
    )
    apt(aptscript.NO_SOLUTION, output=words)
    error = refused(real_platform, "openssl=9", "libc6")
    assert isinstance(error, UsageError)
    assert error.what == "apt cannot change openssl=9, libc6 in this image."
    assert str(error.why).splitlines()[-1] == "E: Packages need to be removed but remove is disabled."
    assert "line 1\n" not in str(error.why)
    assert "a full build changes everything" in str(error.fix)


def test_a_mirror_that_does_not_answer_is_a_fault_of_neither_side_and_names_no_password(
    real_platform: Platform, apt: Answer
) -> None:
    apt(aptscript.NO_MIRROR, output="Err:1 http://me:secret@mirror.example.org trixie InRelease\n")
    error = refused(real_platform, "openssl")
    assert isinstance(error, ToolError)
    assert (error.what, error.returncode) == ("apt could not read its package lists.", aptscript.NO_MIRROR)
    assert "secret" not in str(error)
    assert "invoke doctor" in str(error.fix)


@pytest.mark.parametrize("exit_code", [1, 127, 137])
def test_whatever_else_ends_the_script_is_told_as_it_is(exit_code: int, real_platform: Platform, apt: Answer) -> None:
    apt(exit_code, output="sh: 3: dpkg-query: not found", installed=None)
    error = refused(real_platform, "openssl")
    assert isinstance(error, ToolError)
    assert (error.what, error.returncode) == ("apt failed in a container of the image.", exit_code)
    assert error.why == "sh: 3: dpkg-query: not found"


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.slow
def test_a_real_apt_knows_what_a_real_image_has(real_platform: Platform, locked_root: Any) -> None:
    from platform_images.engine.root import ensure_root

    image = ensure_root(real_platform, locked_root, say=silent).reference
    found = solve_os_patch(real_platform, image, ("libc6",), say=silent)
    assert found.installed["libc6"]
    with pytest.raises(UsageError, match="The image has no Debian package 'libc66'"):
        solve_os_patch(real_platform, image, ("libc66",), say=silent)
    with pytest.raises(UsageError, match="apt cannot change libc6=0~0"):
        solve_os_patch(real_platform, image, ("libc6=0~0",), say=silent)
