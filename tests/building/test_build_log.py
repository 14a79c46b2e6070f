from __future__ import annotations

from pathlib import Path

from platform_images.engine.buildlog import BuildLog, Event, StepEnd, StepSeen, spoken, title, told

RECORDED = Path(__file__).parent / "recorded" / "build.txt"

RUN = (
    "RUN --mount=type=bind,from=composed,source=inside/run.sh,target=/mnt/run.sh --mount=type=secret,id=site "
    "sh /mnt/run.sh plan 100 /opt/conda/envs/tess /mnt/lock"
)
PROGRESS = f"""#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 7.95kB done
#1 DONE 0.0s

#7 [context tools] load from client
#7 transferring tools: 140.01MB 4.1s done
#7 DONE 4.7s

#8 [os 1/1] RUN sh /mnt/install_os.sh common/os /mnt/lock/packages.list
#8 CACHED

#9 [kernel-tess 1/1] {RUN}
#9 0.412 fetching
#9 3.001 hash mismatch: x.whl
#9 ERROR: process "/bin/sh -c ..." did not complete successfully: exit code: 1

#10 [final 2/9] COPY --link --from=base-environment /opt/conda /opt/conda
#10 DONE 9.1s

#11 exporting to image
#11 exporting layers 8.9s done
#11 DONE 9.0s
------
 > [kernel-tess 1/1] RUN:
3.001 hash mismatch: x.whl
------
ERROR: failed to solve: process did not complete successfully: exit code: 1
"""


def events(text: str) -> tuple[BuildLog, list[Event]]:
    log = BuildLog()
    return log, [event for line in text.splitlines() if (event := log.read(line)) is not None]


def read(text: str) -> tuple[BuildLog, list[StepEnd]]:
    log, seen = events(text)
    return log, [event for event in seen if isinstance(event, StepEnd)]


def test_each_step_that_ends_is_named_with_its_duration() -> None:
    log, ended = read(PROGRESS)
    assert [(step.title, step.state, step.seconds) for step in ended] == [
        ("os: Debian packages of common/os", "cached", 0.0),
        ("kernel-tess: /opt/conda/envs/tess, pip part", "failed", 0.0),
        ("final: COPY /opt/conda /opt/conda", "done", 9.1),
        ("exporting to image", "done", 9.0),
    ]
    assert log.cached == 1


def test_the_last_lines_of_the_failed_step_are_the_evidence() -> None:
    log, _ = read(PROGRESS)
    assert log.failed_title == "kernel-tess: /opt/conda/envs/tess, pip part"
    assert log.evidence() == ("fetching", "hash mismatch: x.whl")


def test_a_failure_before_any_step_is_told_in_buildkit_s_own_words() -> None:
    log, ended = read("ERROR: failed to solve: dockerfile parse error on line 3\n")
    assert ended == []
    assert log.evidence() == ("ERROR: failed to solve: dockerfile parse error on line 3",)


def test_a_long_instruction_is_shortened() -> None:
    assert title("mission", "RUN --mount=type=secret,id=site " + "x" * 500) == "mission: " + "x" * 87 + "..."


def test_a_step_is_seen_when_buildkit_first_speaks_of_it_and_with_each_line_that_it_says() -> None:
    _, seen = events(RECORDED.read_text(encoding="utf-8"))
    kernel = [event for event in seen if event.number == "45"]
    name = "kernel-new: /opt/conda/envs/new, pip part"
    assert [(type(event), event.title, event.seconds) for event in kernel] == [
        (StepSeen, name, 0.0),
        (StepSeen, name, 0.512),
        (StepSeen, name, 0.0),
        (StepSeen, name, 14.01),
        (StepEnd, name, 15.2),
    ]


def test_what_is_told_twice_has_ended_once_and_what_buildkit_does_for_itself_is_no_step() -> None:
    log, ended = read(RECORDED.read_text(encoding="utf-8"))
    assert [(end.number, end.state, end.kind) for end in ended] == [
        ("8", "done", "base"),
        ("34", "cached", "step"),
        ("37", "cached", "step"),
        ("42", "done", "step"),
        ("45", "done", "step"),
        ("46", "done", "step"),
        ("50", "done", "step"),
        ("51", "done", "export"),
    ]
    assert log.cached == 2


def test_a_step_that_was_stopped_for_the_failure_of_another_has_ended() -> None:
    _, seen = events("#3 [a 1/1] RUN one\n#4 [b 1/1] RUN two\n#3 ERROR: exit code: 1\n#4 CANCELED\n")
    assert [(event.number, event.state) for event in seen if isinstance(event, StepEnd)] == [
        ("3", "failed"),
        ("4", "stopped"),
    ]


def test_only_what_has_ended_here_and_now_is_worth_a_line() -> None:
    assert told(StepEnd(title="a", state="done", seconds=3.21)) == "a (3.2 s)"
    assert told(StepEnd(title="a", state="failed")) == "a: failed"
    assert told(StepEnd(title="a", state="cached")) is None
    assert told(StepEnd(title="a", state="stopped")) is None
    assert told(StepEnd(title="exporting to image", state="done", seconds=0.2, kind="export")) is None


def test_who_only_wants_lines_hears_of_each_step_that_has_ended() -> None:
    said: list[str] = []
    watch = spoken(said.append)
    watch(StepSeen(number="1", title="a"))
    watch(StepEnd(number="1", title="a", state="done", seconds=1.0))
    assert said == ["a (1.0 s)"]


def test_every_step_of_a_composed_dockerfile_is_told_in_words(project: Path) -> None:
    text = (project / "tests/compose/golden/everything.Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    stages = text.split("\nFROM ")[1:]
    own = [stage for stage in stages if " AS mission\n" not in stage]
    steps = [line for stage in own for line in stage.splitlines() if line.startswith(("RUN ", "COPY "))]
    assert len(steps) > 10
    assert [said for step in steps if "/mnt/" in (said := title("stage", step))] == []
