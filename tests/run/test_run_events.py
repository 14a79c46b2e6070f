from __future__ import annotations

import pytest

from platform_images.run.events import event

TOKEN = "00112233445566778899aabbccddeeff"


def test_an_event_is_what_the_token_announces() -> None:
    assert event(TOKEN + '{"event": "start", "id": 1}', TOKEN) == {"event": "start", "id": 1}


def test_what_was_written_before_on_the_same_line_hides_no_event() -> None:
    assert event("a line without an end" + TOKEN + '{"id": 1}', TOKEN) == {"id": 1}


@pytest.mark.parametrize(
    "line",
    ["", "no event", '{"event": 1}', TOKEN[1:] + "0{}", TOKEN, f'{TOKEN}{{"event": "e', f"{TOKEN}[1]"],
)
def test_any_other_line_is_none(line: str) -> None:
    assert event(line, TOKEN) is None
