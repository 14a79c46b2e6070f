from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from platform_images.compose.dockerfile import Instruction, copied, instructions
from platform_images.compose.sources import check_dockerfile
from platform_images.errors import UsageError
from platform_images.model import Mission

HEAD = "FROM common AS mission\n"


@pytest.mark.parametrize(
    "text",
    [
        "RUN <<END\nnot an instruction\nEND",
        "RUN <<'END' sh -e\nnot $an instruction\nEND",
        "RUN <<-END\n\tnot an instruction\n\tEND",
        "COPY <<A <<B-2 /to/\nnot\nA\nB\nB-2",
        "RUN echo $((1<<N))",
        "RUN cat <<<word",
        "RUN echo 'a <<END b'",
        'RUN ["echo", "<<END"]',
        "RUN one \\  \n# between\n\n  two",
        "label a=b",
    ],
)
def test_an_instruction_ends_where_buildkit_says(text: str) -> None:
    lines = [*text.split("\n"), "USER 0"]
    first, second = instructions(lines)
    assert (first.last, second.words) == (len(lines) - 2, "USER 0")
    assert not first.missing_end


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        ("COPY a /b/c ../d to/", ("a", "b/c", "d")),
        ("copy --chown=0:0 --chmod=755 a to", ("a",)),
        ('ADD ["a b", "c", "to/"]', ("a b", "c")),
        ('COPY "a" to', ("a",)),
        ("COPY --from=builder a to", ()),
        ("COPY *.txt a? $NAME b[0] to/", ()),
        ("ADD https://example.org/a git@example.org:a to/", ()),
        ("COPY <<END to", ()),
        ("RUN cp a to", ()),
        ("COPY . /", ("",)),
    ],
)
def test_what_is_copied_by_a_plain_path_is_found(words: str, paths: tuple[str, ...]) -> None:
    assert copied(Instruction(0, 0, words)) == paths


def with_dockerfile(mission: Mission, text: str) -> Mission:
    return replace(mission, dockerfile=HEAD + text)


def test_a_source_that_the_mission_s_folder_does_not_hold_is_named(small: Mission) -> None:
    with pytest.raises(UsageError) as caught:
        check_dockerfile(with_dockerfile(small, "\nCOPY settings/smal.conf \\\n  /etc/\n"))
    assert caught.value.what == (
        "deployments/small/Dockerfile, line 3: there is no 'settings/smal.conf' in deployments/small"
        " (did you mean 'settings/small.conf'?)."
    )
    assert caught.value.why == "COPY settings/smal.conf /etc/"


def test_what_the_mission_s_folder_holds_may_be_copied(small: Mission, tmp_path: Path) -> None:
    check_dockerfile(with_dockerfile(small, "COPY settings/small.conf settings . /etc/\n"))
    (tmp_path / "link").symlink_to("/only/in/the/image")
    check_dockerfile(replace(with_dockerfile(small, "COPY link /etc/\n"), folder=tmp_path))


def test_a_mission_without_a_dockerfile_has_no_mistake_in_it(small: Mission) -> None:
    check_dockerfile(replace(small, dockerfile=None))
