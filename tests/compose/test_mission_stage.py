from __future__ import annotations

import pytest

from platform_images.compose.mission_stage import _MOUNTS, mission_stage, settings
from platform_images.errors import UsageError

GOOD = """# Our own steps
FROM mission-os AS builder
RUN make thing

FROM common AS mission
COPY --from=builder /thing /thing
RUN --mount=type=cache,target=/x \\
    # a comment between
    echo one && \\
    echo two
RUN <<END
FROM is only a word here
END
"""


def test_without_a_dockerfile_the_stage_is_made() -> None:
    assert mission_stage(None, mission="m").splitlines()[:2] == ["FROM common AS mission", "ARG SOURCE_DATE_EPOCH"]


def test_every_run_can_reach_the_site_s_settings() -> None:
    text = mission_stage(GOOD, mission="m")
    assert text.count("--mount=type=secret,id=site --mount=type=secret,id=ca") == 3
    assert f"RUN {_MOUNTS} --mount=type=cache,target=/x \\" in text
    assert text.count("ARG SOURCE_DATE_EPOCH") == 2
    assert "FROM is only a word here" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with FROM"),
        ("RUN echo\n", "does not begin with FROM"),
        ("ARG X=1\nFROM common AS mission\n", "does not begin with FROM"),
        ("FROM common\n", "a stage without a name"),
        ("FROM common AS other\n", "no last stage"),
        ("FROM os AS mission\n", "no last stage"),
        ("FROM common AS mission\nFROM common AS late\n", "no last stage"),
        ("FROM common AS mission\nFROM common AS mission\n", "is taken"),
        ("FROM common AS final\nFROM common AS mission\n", "is taken"),
        ("FROM common AS kernel-x\nFROM common AS mission\n", "is taken"),
        ("FROM debian:trixie AS builder\nFROM common AS mission\n", "another image tomorrow"),
    ],
)
def test_a_dockerfile_that_would_not_give_the_stage_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        mission_stage(text, mission="m")
    assert said in caught.value.what
    assert "deployments/m/Dockerfile" in caught.value.what
    assert caught.value.fix


HEAD = "FROM common AS mission\n"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("FORM common AS mission\n", "line 1: there is no instruction 'FORM' (did you mean 'FROM'?)."),
        (HEAD + "RUNN x\n", "line 2: there is no instruction 'RUNN' (did you mean 'RUN'?)."),
        (HEAD + "RUN one &&\n    two\n", "line 3: there is no instruction 'two'."),
        (HEAD + "RUN <<END\necho\n", "line 2: the here-document 'END' has no end."),
        (HEAD + "RUN <<END\necho\n  END\n", "line 2: the here-document 'END' has no end."),
        (HEAD + "COPY <<ONE <<TWO /x/\nONE\nONE\n", "line 2: the here-document 'TWO' has no end."),
        (HEAD + "\nRUN one \\\n", "line 3: the file ends with \\ in the middle of this instruction."),
    ],
)
def test_a_mistake_is_told_by_the_line_that_a_person_wrote(text: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        mission_stage(text, mission="m")
    assert caught.value.what == f"deployments/m/Dockerfile, {what}"
    assert caught.value.fix


def test_line_ends_of_other_systems_give_the_same_steps() -> None:
    assert mission_stage(GOOD.replace("\n", "\r\n"), mission="m") == mission_stage(GOOD, mission="m")


def test_an_image_by_its_digest_may_be_a_stage() -> None:
    text = f"FROM example.org/x@sha256:{'a' * 64} AS builder\nFROM common AS mission\n"
    assert "AS builder" in mission_stage(text, mission="m")


def test_what_the_last_stage_sets_is_said_again_for_the_image() -> None:
    text = (
        "FROM common AS builder\nENV NOT=this\nFROM common AS mission\nARG X=1\nRUN ENV=1 true\n"
        "ENV ONE=$X \\\n    # between\n    TWO='a  b'\nVOLUME /data\nUSER nobody\n"
    )
    assert settings(text) == ("ARG X=1", "ENV ONE=$X TWO='a  b'", "VOLUME /data")
    assert settings(None) == ()
