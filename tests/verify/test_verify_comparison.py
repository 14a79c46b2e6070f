from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from platform_images.errors import ExitCode
from platform_images.verify.causes import TOUCHED, Kind
from platform_images.verify.comparison import Facts, compared, facts, kinds_of, pairs, wanted_layers
from platform_images.verify.layers import LayerEntry
from platform_images.verify.values import Check

FILE = LayerEntry("f", 0o644, 0, 0, 3, 5.0, "aa")
HERE = Facts(
    name="a", image="sha256:a", layers=("1", "2", "3"), config={"User": "x"}, steps=("one", "two", "three"), history=()
)
THERE = replace(HERE, name="b", image="sha256:b", layers=("1", "9", "3"))


def attributes(revision: str, **config: object) -> dict[str, Any]:
    labels = {"org.opencontainers.image.revision": revision, "a": "b"}
    return {
        "Id": f"sha256:{revision}",
        "Created": "now",
        "RootFS": {"Layers": ["1"]},
        "Config": {"Labels": labels, "Env": ["PATH=/bin", "A=b=c"], "User": "x", **config},
    }


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)]),
        ("abc", "axc", [(0, 0), (1, 1), (2, 2)]),
        ("abc", "ac", [(0, 0), (1, None), (2, 1)]),
        ("ac", "abc", [(0, 0), (None, 1), (1, 2)]),
        ("a", "bc", [(0, 0), (None, 1)]),
    ],
)
def test_layers_that_stand_for_each_other(here: str, there: str, found: list[tuple[int | None, int | None]]) -> None:
    assert list(pairs(list(here), list(there))) == found


def test_an_image_is_equal_to_itself() -> None:
    comparison = compared(Check.REBUILD, HERE, HERE, layers_here={}, layers_there={})
    assert comparison.same_id
    assert comparison.exit_code is ExitCode.OK
    assert [(row.number, row.step, row.equal) for row in comparison.rows] == [
        (1, "one", True), (2, "two", True), (3, "three", True)
    ]  # fmt: skip


def test_layers_that_differ_are_compared_name_by_name() -> None:
    later = replace(FILE, time=6.0)
    assert wanted_layers(HERE, THERE) == {"2", "9"}
    comparison = compared(
        Check.REBUILD,
        HERE,
        THERE,
        layers_here={"2": {"same": FILE, "late": FILE, "gone": FILE, "a/.wh.x": FILE}},
        layers_there={"9": {"same": FILE, "late": later, "a/.wh.x": later}},
    )
    assert comparison.exit_code is ExitCode.REBUILD_DIFFERS
    assert [row.differences for row in comparison.rows] == [0, 3, 0]
    assert [(each.layer, each.name, each.kinds) for each in comparison.differences] == [
        (2, "/a/.wh.x", (Kind.DELETION, Kind.TIME)),
        (2, "/gone", (Kind.HERE,)),
        (2, "/late", (Kind.TIME,)),
    ]
    assert comparison.differences[2].here == "time 5"
    assert comparison.differences[1].cause == TOUCHED


def test_a_layer_that_cannot_be_read_still_differs() -> None:
    comparison = compared(Check.PUBLISHED, HERE, THERE, layers_here={}, layers_there={})
    assert comparison.exit_code is ExitCode.PUBLISHED_DIFFERS


@pytest.mark.parametrize(
    ("other", "kinds"),
    [
        (replace(FILE, value="bb"), (Kind.CONTENT,)),
        (replace(FILE, value="bb", size=4), (Kind.CONTENT, Kind.SIZE)),
        (replace(FILE, mode=0o600), (Kind.MODE,)),
        (replace(FILE, uid=1), (Kind.OWNER,)),
        (replace(FILE, gid=1), (Kind.OWNER,)),
        (replace(FILE, kind="l"), (Kind.TYPE,)),
        (replace(FILE, attributes=(("a", "b"),)), (Kind.ATTRIBUTES,)),
        (FILE, ()),
        (None, (Kind.HERE,)),
    ],
)
def test_every_side_of_a_name_counts(other: LayerEntry | None, kinds: tuple[Kind, ...]) -> None:
    assert kinds_of("x", FILE, other) == kinds


def test_the_commit_does_not_count_wherever_it_is_named() -> None:
    first, second = (
        facts("x", attributes(commit), [{"CreatedBy": f"LABEL revision={commit}", "Size": 0}])
        for commit in ("c1", "c2")
    )
    comparison = compared(Check.PUBLISHED, first, second, layers_here={}, layers_there={})
    assert not comparison.same_id
    assert comparison.equal


def test_the_commit_of_the_image_below_a_patched_one_does_not_count_either() -> None:
    """Its steps are told of in both; one was patched at the commit of the release, the other at a later one."""
    below = f"LABEL org.opencontainers.image.revision={'a' * 40} org.opencontainers.image.title=x"
    steps = [{"CreatedBy": "platform-images patch: pip idna", "Size": 1}, {"CreatedBy": below, "Size": 0}]
    one, other = (facts("x", attributes(commit), steps) for commit in ("a" * 40, "b" * 40))
    assert one.history == other.history
    assert one.history[0] == "LABEL org.opencontainers.image.revision=<revision> org.opencontainers.image.title=x"


def test_the_configuration_counts() -> None:
    first = facts("x", attributes("c1"), [])
    second = facts("x", attributes("c1", Env=["A=b=d"], User="y"), [{"CreatedBy": "RUN x", "Size": 5}])
    comparison = compared(Check.PUBLISHED, first, second, layers_here={}, layers_there={})
    assert [(each.name, each.here, each.there) for each in comparison.differences] == [
        ("User", '"x"', '"y"'),
        ("variable A", "b=c", "b=d"),
        ("variable PATH", "/bin", "-"),
        ("history 1", "-", "RUN x"),
    ]


def test_ids_that_differ_without_a_known_reason_are_told() -> None:
    first = facts("x", attributes("c1"), [])
    second = replace(first, image="sha256:other")
    comparison = compared(Check.PUBLISHED, first, second, layers_here={}, layers_there={})
    assert [each.name for each in comparison.differences] == ["image id"]
