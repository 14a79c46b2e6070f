from __future__ import annotations

import subprocess
from string import Template

import pytest

from platform_images.compose.quoting import docker_word, export_lines, has_reference, literal

NASTY = [
    "plain",
    "two words",
    'it\'s "quoted" & 100% plain',
    "back\\slash \\n `id` $(id) !bang #hash ;x |y <z>",
    "price 5$",
    "$$ and $${HOME}",
    "",
    "~ * ? [a] {b,c}",
    "ünïcödé 🔭",
    "trailing\\",
]
REFERENCES = [
    "$HOME/crds_cache",
    "${HOME}/a b",
    "\"$HOME\" 'x' `id` \\ $(id)",
    "${NOT_SET}/x",
    "$NOT_SET-x",
    "${HOME}}{$$HOME",
    "a${HOME",
]
ENVIRONMENT = {"HOME": "/home/some one", "PATH": "/usr/bin:/bin"}


def in_shell(shell: str, lines: str, name: str, **more: str) -> str:
    script = f'{lines}printf "%s" "${name}"'
    done = subprocess.run(
        [shell, "-c", script], env={**ENVIRONMENT, **more}, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("value", [*NASTY, *REFERENCES])
def test_a_shell_gives_a_variable_the_value_that_jupyter_gives_it(shell: str, value: str) -> None:
    lines = export_lines({"NAME": value}, keep_present=False)
    assert in_shell(shell, lines, "NAME") == Template(value).safe_substitute(ENVIRONMENT)


def test_what_a_person_sets_stays() -> None:
    lines = export_lines({"NAME": "ours"}, keep_present=True)
    assert in_shell("sh", lines, "NAME", NAME="theirs") == "theirs"
    assert in_shell("sh", lines, "NAME") == "ours"


def test_a_later_variable_may_refer_to_an_earlier_one() -> None:
    lines = export_lines({"FIRST": "$HOME/x", "SECOND": "${FIRST}/y"}, keep_present=True)
    assert in_shell("sh", lines, "SECOND") == "/home/some one/x/y"


@pytest.mark.parametrize("value", NASTY)
def test_a_value_without_references_is_known_before_a_container_starts(value: str) -> None:
    assert not has_reference(value)
    assert literal(value) == Template(value).safe_substitute({})


@pytest.mark.parametrize("value", REFERENCES[:5])
def test_a_value_with_references_is_not(value: str) -> None:
    assert has_reference(value)


def test_dockerfile_words_escape_what_buildkit_would_replace() -> None:
    assert docker_word('a "b" $c \\d') == '"a \\"b\\" \\$c \\\\d"'
