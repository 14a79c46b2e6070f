from __future__ import annotations

from platform_images.engine.buildlog import BuildLog, StepEnd, title

RUN = (
    "RUN --mount=type=bind,from=composed,source=inside/run.sh,target=/mnt/run.sh --mount=type=secret,id=site "
    "sh /mnt/run.sh pip /opt/conda/envs/tess /mnt/lock"
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


def read(text: str) -> tuple[BuildLog, list[StepEnd]]:
    log = BuildLog()
    ended = [step for line in text.splitlines() if (step := log.read(line)) is not None]
    return log, ended


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
