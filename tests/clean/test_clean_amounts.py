from __future__ import annotations

import pytest

from platform_images.clean import amounts
from platform_images.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30d", 2_592_000), ("12h", 43_200), ("2w", 1_209_600), ("90 s", 90), ("5MIN", 300), ("", None)],
)
def test_an_age_is_a_number_with_a_unit(text: str, expected: float | None) -> None:
    assert amounts.seconds("--older-than", text) == expected


@pytest.mark.parametrize("text", ["30", "d", "-3d", "30m", "1y", "3 d d", "nan d", "x"])
def test_any_other_age_is_a_mistake_of_use(text: str) -> None:
    with pytest.raises(UsageError, match="--older-than") as caught:
        amounts.seconds("--older-than", text)
    assert caught.value.exit_code == 2
    assert "30d" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("text", "expected"), [("20GB", 20 * 10**9), ("1.5 tb", 1_500_000_000_000), ("2GiB", 2**31), ("7 B", 7), ("0", 0)]
)
def test_a_size_is_a_number_with_a_unit(text: str, expected: int) -> None:
    assert amounts.size("--max-size", text) == expected


@pytest.mark.parametrize("text", ["20", "1.5", "00", "GB", "20 elephants", "-1GB", "1,5GB", "inf"])
def test_any_other_size_is_a_mistake_of_use(text: str) -> None:
    with pytest.raises(UsageError, match="--max-size") as caught:
        amounts.size("--max-size", text)
    assert "20GB" in str(caught.value.fix)


def test_sizes_and_ages_are_shown_for_people() -> None:
    assert [amounts.shown_size(each) for each in (None, 0, 999, 1500, 3_200_000_000)] == [
        "",
        "0 B",
        "999 B",
        "1.5 kB",
        "3.2 GB",
    ]
    assert [amounts.shown_age(each) for each in (None, -5.0, 90.0, 7200.0, 260_000.0, 2_000_000.0)] == [
        "",
        "just now",
        "2 min ago",
        "2 hours ago",
        "3 days ago",
        "3 weeks ago",
    ]
