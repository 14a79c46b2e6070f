from __future__ import annotations

import pytest

from platform_images.keep.diffvalues import Kind, Level
from platform_images.keep.diffversions import moved

MAJOR, MINOR, PATCH, BUILD, OTHER = Level


@pytest.mark.parametrize(
    ("old", "new", "level", "back"),
    [
        ("1.2.3", "2.0", MAJOR, False),
        ("1!1.0", "2!0.1", MAJOR, False),
        ("1.2.3", "1.3", MINOR, False),
        ("1.2", "1.2.1", PATCH, False),
        ("1.2.3.4", "1.2.3.5", PATCH, False),
        ("1.2rc1", "1.2", PATCH, False),
        ("1.2.post1", "1.2", PATCH, True),
        ("1.2+a", "1.2+b", BUILD, False),
        ("1.2", "1.2.0", BUILD, False),
        ("1.2", "1.2", BUILD, False),
        ("2.0", "1.9", MAJOR, True),
        ("1.10", "1.9", MINOR, True),
        ("2004d", "1.0", OTHER, False),
    ],
)
def test_python_versions(old: str, new: str, level: Level, back: bool) -> None:
    assert moved(Kind.PIP, old, new) == (level, back)


@pytest.mark.parametrize(
    ("old", "new", "level", "back"),
    [
        ("1:1.0-1", "2:0.5-1", MAJOR, False),
        ("2.5-1", "1:0.1-1", MAJOR, False),
        ("2.41-12", "3.0-1", MAJOR, False),
        ("2.41-12", "2.42-1", MINOR, False),
        ("13.8+deb13u8", "13.8+deb13u9", PATCH, False),
        ("2.41-12", "2.41-12+deb13u1", BUILD, False),
        ("2.41-12+deb13u2", "2.41-12+deb13u1", BUILD, True),
        ("2.41-10", "2.41-9", BUILD, True),
        ("1.0~rc1-1", "1.0-1", PATCH, False),
        ("1.0-1", "1.0~rc1-1", PATCH, True),
        ("5.2.37-2+b10", "5.2.37-2+b9", BUILD, True),
        ("9e-1", "9f-1", MINOR, False),
        ("20250101", "20260101", MAJOR, False),
    ],
)
def test_debian_versions(old: str, new: str, level: Level, back: bool) -> None:
    assert moved(Kind.DEB, old, new) == (level, back)


@pytest.mark.parametrize(
    ("old", "new", "level", "back"),
    [
        ("3.11.2", "3.12.0", MINOR, False),
        ("3.12.0", "3.11.2", MINOR, True),
        ("1.1.1w", "1.1.1x", PATCH, False),
        ("2024a", "2024b", MINOR, False),
        ("1.0", "1.0rc1", OTHER, False),
        ("1!1.0", "1.0", MAJOR, True),
        ("1.2", "1.2+cuda", BUILD, False),
        ("1.2", "1.2.1", PATCH, False),
        ("main", "dev", OTHER, False),
    ],
)
def test_conda_versions(old: str, new: str, level: Level, back: bool) -> None:
    assert moved(Kind.CONDA, old, new) == (level, back)


@pytest.mark.parametrize(
    ("old", "new", "level", "back"),
    [
        ("1.0.0", "2.0.0", MAJOR, False),
        ("1.2.0", "1.1.9", MINOR, True),
        ("1.0.0-beta.2", "1.0.0-beta.11", PATCH, False),
        ("1.0.0-beta.2", "1.0.0", PATCH, False),
        ("1.0.0", "1.0.0-1", PATCH, True),
        ("1.0.0+a", "1.0.0+b", BUILD, False),
        ("1.0", "latest", OTHER, False),
    ],
)
def test_npm_versions(old: str, new: str, level: Level, back: bool) -> None:
    assert moved(Kind.NPM, old, new) == (level, back)


def test_commits_are_not_comparable() -> None:
    assert moved(Kind.NOTEBOOKS, "a" * 40, "b" * 40) == (OTHER, False)
