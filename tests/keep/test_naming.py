from __future__ import annotations

import pytest

from platform_images.errors import UsageError
from platform_images.keep import naming
from platform_images.model.files import RESERVED_KERNELS


@pytest.mark.parametrize("name", ["survey", "sky-survey", "jwst-1.20", "a", "x" * 60])
def test_names_that_are_taken_as_they_are(name: str) -> None:
    naming.check_mission(name)
    naming.check_kernel(name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Survey", "survey"),
        ("big_survey", "big-survey"),
        ("Étoiles du Sud", "etoiles-du-sud"),
        ("2mass", "mass"),
        ("sky--survey.", "sky-survey"),
        ("../etc", "etc"),
        ("a\nb", "a-b"),
    ],
)
def test_the_nearest_name_that_is_allowed_is_told(name: str, nearest: str) -> None:
    for check, flag in ((naming.check_mission, "mission"), (naming.check_kernel, "kernel")):
        with pytest.raises(UsageError, match="cannot be named") as caught:
            check(name)
        assert str(caught.value).endswith(f"give another name, such as --{flag} {nearest}")
        check(nearest)


@pytest.mark.parametrize("name", ["", "-", "星", "2026"])
def test_where_nothing_is_left_of_a_name_there_is_an_example(name: str) -> None:
    assert naming.allowed(name) is None
    with pytest.raises(UsageError, match="such as --kernel stars"):
        naming.check_kernel(name)


@pytest.mark.parametrize("name", sorted(RESERVED_KERNELS))
def test_parts_of_a_lock_are_no_kernels(name: str) -> None:
    with pytest.raises(UsageError, match="which name other parts of a lock"):
        naming.check_kernel(name)


@pytest.mark.parametrize("name", ["common", "project"])
def test_other_folders_of_locks_are_no_missions(name: str) -> None:
    with pytest.raises(UsageError, match="which name other folders of locks/"):
        naming.check_mission(name)


def test_a_kernel_s_name_is_not_endless() -> None:
    with pytest.raises(UsageError, match=f"--kernel {'x' * 60}$"):
        naming.check_kernel("x" * 61)


def test_a_title_is_the_name_as_people_write_it() -> None:
    assert naming.title("sky-survey") == "Sky Survey"
    assert naming.title("roman-1.2") == "Roman 1.2"
