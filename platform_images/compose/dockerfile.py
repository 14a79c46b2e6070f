"""Reading a Dockerfile as BuildKit does: its instructions, their here-documents, and what they copy. Pure."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

KEYWORDS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
GOES_ON = "\\"
_COPYING = ("ADD", "COPY")
_WITH_HEREDOC = ("RUN", *_COPYING)
_WORD = re.compile(r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s"'\\])+""")
_HEREDOC = re.compile(r"\d*<<(?P<tabs>-?)(?P<quote>[\"']?)(?P<name>[^<\"']+)(?P=quote)")
_NOT_PLAIN = re.compile(r"[*?\[\]$\\]|<<|://|^git@")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Dockerfile.

    Attributes:
        first: Number of its first line, from 0.
        last: Number of its last line, that of a here-document included.
        words: Its text without continuation and here-documents.
        missing_end: The here-document that has no end, or ``GOES_ON`` where the file ends with that; empty as a rule.
    """

    first: int
    last: int
    words: str
    missing_end: str = ""

    @property
    def keyword(self) -> str:
        """The first word, in capitals."""
        return self.words.split()[0].upper()


def lines_of(text: str) -> list[str]:
    """Return a file's lines; those of other systems end with a carriage return as well."""
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def instructions(lines: list[str]) -> Iterator[Instruction]:
    """Split a Dockerfile into instructions; comments, continuation lines and here-documents are understood."""
    number = 0
    while number < len(lines):
        first = number
        words: list[str] = []
        goes_on = False
        while number < len(lines):
            line = lines[number].strip()
            number += 1
            if line.startswith("#") or (not line and words):
                continue
            words.append(line.removesuffix(GOES_ON).strip())
            goes_on = line.endswith(GOES_ON)
            if not goes_on:
                break
        joined = " ".join(word for word in words if word)
        if not joined:
            continue
        while lines[first].strip().startswith("#") or not lines[first].strip():
            first += 1
        number, missing = _after_heredocs(joined, lines, number)
        yield Instruction(first, min(number, len(lines)) - 1, joined, missing or (GOES_ON if goes_on else ""))


def _after_heredocs(words: str, lines: list[str], number: int) -> tuple[int, str]:
    """Return the number of the line after an instruction's here-documents, and the name of one that has no end."""
    for found in _heredocs(words):
        while number < len(lines):
            line = lines[number].lstrip("\t") if found["tabs"] else lines[number]
            number += 1
            if line == found["name"]:
                break
        else:
            return number, found["name"]
    return number, ""


def _heredocs(words: str) -> Iterator[re.Match[str]]:
    """Find the here-documents that an instruction announces: words of their own, so neither ``1<<2`` nor ``<<<``."""
    keyword, *rest = _WORD.findall(words)
    if keyword.upper() in _WITH_HEREDOC and _json_words(rest) is None:
        yield from filter(None, map(_HEREDOC.fullmatch, rest))


def copied(instruction: Instruction) -> tuple[str, ...]:
    """Return what ADD or COPY takes from the context, where that is said by plain paths; each without ``/`` before.

    Wildcards, variables, addresses, here-documents and other stages are left out: what they are shows in the build.
    """
    if instruction.keyword not in _COPYING:
        return ()
    words = _WORD.findall(instruction.words)[1:]
    if any(word.startswith("--from") for word in words):
        return ()
    listed = _json_words(words)
    paths = listed if listed is not None else [word.strip("\"'") for word in words if not word.startswith("--")]
    return tuple(posixpath.normpath("/" + path).lstrip("/") for path in paths[:-1] if not _NOT_PLAIN.search(path))


def _json_words(words: list[str]) -> list[str] | None:
    """Return the words of an instruction that is written as a JSON list; None where it is not."""
    text = " ".join(word for word in words if not word.startswith("--"))
    try:
        value = json.loads(text) if text.startswith("[") else None
    except ValueError:
        return None
    return value if isinstance(value, list) and all(isinstance(word, str) for word in value) else None
