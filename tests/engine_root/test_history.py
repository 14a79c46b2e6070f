"""An image's history as its configuration has it, from what an engine tells."""

from __future__ import annotations

from typing import Any

import pytest

from platform_images.engine.history import NO_LAYER, date, history


def step(created_by: str, *, created: int = 5, comment: str = "") -> dict[str, Any]:
    return {"Id": "<missing>", "Created": created, "CreatedBy": created_by, "Comment": comment, "Size": 7}


NEWEST_FIRST = (
    step("COPY /layer/tree/ / # buildkit", created=9, comment="buildkit.dockerfile.v0"),
    step("ENV LANG=C.UTF-8", created=7, comment="buildkit.dockerfile.v0"),
    step("platform-images root"),
)


def test_steps_are_told_the_oldest_first_and_marked_where_they_have_made_no_layer() -> None:
    assert history(NEWEST_FIRST, layers=2) == [
        {"created": "1970-01-01T00:00:05Z", "created_by": "platform-images root"},
        {
            "created": "1970-01-01T00:00:07Z",
            "created_by": "ENV LANG=C.UTF-8",
            "comment": "buildkit.dockerfile.v0",
            "empty_layer": True,
        },
        {
            "created": "1970-01-01T00:00:09Z",
            "created_by": "COPY /layer/tree/ / # buildkit",
            "comment": "buildkit.dockerfile.v0",
        },
    ]


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_steps_that_do_not_fit_to_the_layers_are_not_told(layers: int) -> None:
    """An engine refuses an image of which the history has more or fewer layers than it has."""
    assert history(NEWEST_FIRST, layers=layers) == [
        {"created": "1970-01-01T00:00:00Z", "created_by": f"layer {number}"} for number in range(1, layers + 1)
    ]


def test_a_step_of_which_little_is_known_counts_as_a_layer() -> None:
    assert history([{"Created": None}], layers=1) == [{"created": "1970-01-01T00:00:00Z", "created_by": ""}]


@pytest.mark.parametrize(
    "words",
    [
        *("ARG A", "CMD [x]", "ENTRYPOINT [x]", "ENV A=1", "EXPOSE 8888", "HEALTHCHECK NONE", "LABEL a=b", "ONBUILD x"),
        *("SHELL [sh]", "STOPSIGNAL 15", "USER 1000", "VOLUME /x", "WORKDIR /"),
    ],
)
def test_settings_make_no_layer(words: str) -> None:
    assert NO_LAYER.match(words)


@pytest.mark.parametrize("words", ["RUN x", "COPY a /", "ADD a /", "WORKDIR /home", "ENVIRONMENT", "USERS x", ""])
def test_everything_else_makes_one(words: str) -> None:
    """WORKDIR makes a folder; / is there."""
    assert not NO_LAYER.match(words)


def test_a_date_is_that_of_universal_time_whatever_the_machine_s_zone_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    assert date(1700000000) == "2023-11-14T22:13:20Z"
