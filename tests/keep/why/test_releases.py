from __future__ import annotations

import pytest

from platform_images.keep.releases import File, PageError, kind, newer, newest, page, versions
from platform_images.keep.target import Target

HERE = Target(python="3.13.5", glibc="2.41")


def files(*names: str, **more: str) -> list[File]:
    return [File(filename=name, address="x", **more) for name in names]  # type: ignore[arg-type]


def test_a_json_page() -> None:
    text = (
        b'{"files": [{"filename": "a-1.0-py3-none-any.whl", "url": "../files/a-1.0-py3-none-any.whl",'
        b' "hashes": {"sha256": "00"}, "requires-python": ">=3.9", "yanked": "broken",'
        b' "core-metadata": {"sha256": "11"}},'
        b' {"filename": "a-1.0.tar.gz", "url": "https://files.example.org/a-1.0.tar.gz", "hashes": {},'
        b' "dist-info-metadata": true}, {"filename": "a-0.9.zip", "url": "/a-0.9.zip", "core-metadata": false}]}'
    )
    wheel, sdist, old = page(text, "https://index.example.org/simple/a/")
    assert wheel.address == "https://index.example.org/simple/files/a-1.0-py3-none-any.whl"
    assert (wheel.sha256, wheel.requires_python, wheel.yanked, wheel.metadata) == ("00", ">=3.9", True, "11")
    assert (sdist.version, sdist.metadata, sdist.address) == ("1.0", "", "https://files.example.org/a-1.0.tar.gz")
    assert (old.version, old.metadata, old.yanked) == ("0.9", None, False)


def test_an_html_page() -> None:
    digest = "0" * 64
    text = (
        f'<a href="a-1.0-py3-none-any.whl#sha256={digest}" data-requires-python="&gt;=3.9" data-yanked>x</a>'
        f'<a href="a%2Bb-1.0.tar.gz" data-core-metadata="sha256={digest}">x</a>'
        '<a href="..">up</a><a href="a-2-py3-none-any.whl" data-core-metadata="true"></a>'
    )
    wheel, sdist, other = page(text.encode(), "file:///srv/simple/a/")
    assert wheel.address == "file:///srv/simple/a/a-1.0-py3-none-any.whl"
    assert (wheel.sha256, wheel.requires_python, wheel.yanked, wheel.metadata) == (digest, ">=3.9", True, None)
    assert (sdist.filename, sdist.metadata) == ("a+b-1.0.tar.gz", digest)
    assert other.metadata == ""


@pytest.mark.parametrize("text", [b'{"files": [1]}', b"{", b'{"meta": {}}', b"please log in"])
def test_what_is_no_page_is_refused(text: bytes) -> None:
    with pytest.raises(PageError):
        page(text, "https://index.example.org/simple/a/")


def test_the_newest_release_is_stable_and_for_this_python() -> None:
    found = [
        *files(
            "a-1.9-py3-none-any.whl", "a-1.10-py3-none-any.whl", "a-2.0rc1-py3-none-any.whl", "a-x-py3-none-any.whl"
        ),
        *files("a-3.0-py3-none-any.whl", requires_python=">=3.14"),
        *files("a-2.5-py3-none-any.whl", requires_python="nonsense"),
        File(filename="a-2.0-py3-none-any.whl", address="x", yanked=True),
    ]
    release = newest(found, HERE, sdist=False)
    assert release is not None and (release.version, release.fits) == ("1.10", True)
    assert versions(found) == ("1.9", "1.10", "3.0", "2.5")
    assert versions(found, early=True) == ("1.9", "1.10", "2.0rc1", "3.0", "2.5")
    assert newest([], HERE, sdist=False) is None


@pytest.mark.parametrize(
    ("offered", "early", "expected"),
    [
        ("1.9 2.0rc1", False, "1.9"),
        ("1.9 2.0rc1", True, "2.0rc1"),
        ("1.9 2.0rc1 2.0rc10 2.0rc2", True, "2.0rc10"),
        ("2.0rc1 2.0", True, "2.0"),
        ("2.0rc1 2.0 2.1.dev3", True, "2.1.dev3"),
        ("2.0rc1 2.0 2.0.post1", False, "2.0.post1"),
        ("2.0a1 2.0b1", False, None),
        ("1.9 -2.0 -2.0rc2 2.0rc1", True, "2.0rc1"),
        ("-2.0 -2.0rc2", True, None),
        ("1.9 x-y 2.0", True, "2.0"),
    ],
)
def test_early_releases_are_offered_where_they_shall(offered: str, early: bool, expected: str | None) -> None:
    found = [
        File(filename=f"a-{each.removeprefix('-')}-py3-none-any.whl", address="x", yanked=each.startswith("-"))
        for each in offered.split()
    ]
    release = newest(found, HERE, sdist=False, early=early)
    assert (release and release.version) == expected


@pytest.mark.parametrize(
    ("name", "sdist", "fits"),
    [
        ("a-1.0-cp313-cp313-manylinux_2_28_x86_64.whl", False, True),
        ("a-1.0-cp311-abi3-manylinux2014_x86_64.whl", False, True),
        ("a-1.0-cp313-cp313-manylinux_2_42_x86_64.whl", False, False),
        ("a-1.0-cp312-cp312-manylinux_2_28_x86_64.whl", False, False),
        ("a-1.0-cp313-cp313-macosx_11_0_arm64.whl", False, False),
        ("a-1.0.tar.gz", False, False),
        ("a-1.0.tar.gz", True, True),
    ],
)
def test_a_release_fits_where_a_file_of_it_can_be_installed(name: str, sdist: bool, fits: bool) -> None:
    release = newest(files(name), HERE, sdist=sdist)
    assert release is not None and release.fits is fits


@pytest.mark.parametrize(
    ("old", "new", "step"),
    [
        ("1.2.3", "2.0", "major"),
        ("1.2", "1.3.1", "minor"),
        ("1.2", "1.2.1", "patch"),
        ("1.2.post1", "1.2.post2", "patch"),
        ("2025.1", "2026.1", "major"),
        ("9.0", "1!1.0", "major"),
    ],
)
def test_the_step_between_two_versions(old: str, new: str, step: str) -> None:
    assert kind(old, new) == step
    assert newer(new, old) and not newer(old, new)
