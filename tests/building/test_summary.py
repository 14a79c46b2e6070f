from __future__ import annotations

from pathlib import Path

import pytest

from platform_images.build import BuildResult
from platform_images.building.result import Phases, Size, Steps, StepsSeen, phases
from platform_images.building.sizes import size
from platform_images.building.summary import as_json, bytes_in_words, summary, tilde
from platform_images.compose.values import Drift
from platform_images.engine.buildlog import BuildLog, Event, StepEnd
from platform_images.locks.values import Unit

RECORDED = Path(__file__).parent / "recorded" / "build.txt"
HOME = Path("/home/somebody")
DRIFT = Drift(unit=Unit(scope="common", part="os"), name="curl", locked="1", installed="2")


@pytest.fixture
def steps() -> Steps:
    """The steps of the recorded build."""
    log, seen, heard = BuildLog(), StepsSeen(), list[Event]()
    watch = seen.beside(heard.append)
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        event = log.read(line)
        if event is not None:
            watch(event)
    assert seen.steps.ended == tuple(event for event in heard if isinstance(event, StepEnd))
    return seen.steps


def result(steps: Steps, **changes: object) -> BuildResult:
    values: dict[str, object] = {
        "image_id": "sha256:0123456789abcdef",
        "tags": ("small:1.0-abc", "small:latest"),
        "lock_digest": "ab" * 32,
        "seconds": 312.4,
        "steps": steps,
        "phases": Phases(solving=0.4, root=12.0, build=250.0, export=4.0),
        "size": Size(total=4_310_000_000, new=210_000_000),
        "log": HOME / ".local/state/platform-images/builds/small.log",
        **changes,
    }
    return BuildResult(**values)  # type: ignore[arg-type]


def test_the_summary_says_what_was_built_and_where_the_time_went(steps: Steps) -> None:
    assert summary("small", result(steps), home=HOME) == (
        "+ small (312 s)",
        "  image    0123456789ab, small:1.0-abc, small:latest; 4.31 GB, 210 MB of it new",
        "  steps    4 ran, 2 from the cache",
        "  time     solving 0 s, root 12 s, build 250 s, export 4 s",
        "  longest  kernel-old-conda: /opt/conda/envs/old, conda part (41.7 s)",
        "           kernel-new: /opt/conda/envs/new, pip part (15.2 s)",
        "           final: COPY /opt/conda /opt/conda (2.1 s)",
        "  log      ~/.local/state/platform-images/builds/small.log",
    )


def test_the_longest_summary_has_twelve_lines() -> None:
    ends = tuple(StepEnd(title=f"step {n}", state="done", seconds=float(n), number=str(n)) for n in range(1, 40))
    lines = summary("small", result(Steps(ended=ends), drift=(DRIFT, DRIFT)), home=HOME)
    assert len(lines) <= 12
    assert lines[4:9] == (
        "  longest  step 39 (39.0 s)",
        *(f"           step {n} ({n}.0 s)" for n in (38, 37, 36, 35)),
    )
    assert lines[9] == "  drift    2 packages are not as locked; see above"


def test_a_build_that_was_all_in_the_cache_names_no_step() -> None:
    ends = tuple(StepEnd(title=f"step {n}", state="cached", number=str(n)) for n in range(3))
    lines = summary("small", result(Steps(ended=ends), size=Size(total=5_000_000, new=0), log=None), home=HOME)
    assert lines[1:] == (
        "  image    0123456789ab, small:1.0-abc, small:latest; 5 MB, nothing of it new",
        "  steps    0 ran, 3 from the cache",
        "  time     solving 0 s, root 12 s, build 250 s, export 4 s",
    )


def test_programs_are_told_the_same(steps: Steps) -> None:
    value = as_json("small", result(steps, drift=(DRIFT,)))
    assert value["image"] == "sha256:0123456789abcdef"
    assert value["tags"] == ["small:1.0-abc", "small:latest"]
    assert value["drift"] == [{"unit": "common/os", "name": "curl", "locked": "1", "installed": "2"}]
    assert (value["seconds"], value["ran"], value["cached"]) == (312.4, 4, 2)
    assert (value["size"], value["new_size"]) == (4_310_000_000, 210_000_000)
    assert value["phases"] == {"solving": 0.4, "root": 12.0, "build": 250.0, "export": 4.0}
    assert value["steps"][4] == {
        "title": "kernel-new: /opt/conda/envs/new, pip part",
        "state": "done",
        "seconds": 15.2,
        "kind": "step",
    }
    assert value["log"] == "/home/somebody/.local/state/platform-images/builds/small.log"


def test_a_log_elsewhere_is_named_in_full() -> None:
    assert tilde(Path("/srv/state/small.log"), HOME) == "/srv/state/small.log"
    assert tilde(HOME / "small.log", HOME) == "~/small.log"


def test_handing_the_image_over_is_no_part_of_the_steps(steps: Steps) -> None:
    assert steps.export == 4.0
    assert phases([10.0, 11.0, 13.0, 63.0], export=steps.export) == Phases(
        solving=1.0, root=2.0, build=46.0, export=4.0
    )


def image(*layers: str, **more: object) -> dict[str, object]:
    return {"Size": 60, "RootFS": {"Layers": list(layers)}, **more}


HISTORY = (
    {"CreatedBy": 'LABEL a="b"', "Size": 0},
    {"CreatedBy": "COPY /opt/conda /opt/conda # buildkit", "Size": 30},
    {"CreatedBy": "COPY /changes/tree/ / # buildkit", "Size": 0},
    {"CreatedBy": "platform-images root", "Size": 30},
)


def test_the_new_part_is_the_layers_that_the_image_before_does_not_have() -> None:
    now = image("root", "empty", "conda-2")
    assert size(now, HISTORY, image("root", "empty", "conda-1")) == Size(total=60, new=30)
    assert size(now, HISTORY, now) == Size(total=60, new=0)


def test_where_the_engine_does_not_say_enough_the_new_part_is_left_out() -> None:
    now = image("root", "empty", "conda")
    assert size(now, HISTORY, None) == Size(total=60)
    assert size(now, HISTORY[1:2], now) == Size(total=60)
    assert size({}, HISTORY, now) is None


def test_sizes_are_told_in_the_units_of_the_docker_program() -> None:
    assert bytes_in_words(4_312_000_000) == "4.31 GB"
    assert bytes_in_words(999_400_000) == "999 MB"
