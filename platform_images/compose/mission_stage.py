"""The mission's own ``Dockerfile``: checked, and given what every build step gets."""

from __future__ import annotations

import re

from platform_images.compose.dockerfile import GOES_ON, KEYWORDS, Instruction, instructions, lines_of
from platform_images.errors import UsageError
from platform_images.model.spelling import nearest

STAGE, BELOW = "mission", "common"
OUR_STAGES = ("root", "os", "mission-os", "common")
_LATER_STAGES = ("base-environment", "files", "files-changes", "final", "mission-changes", "system", "system-changes")
_SETTINGS = ("ARG", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "STOPSIGNAL", "VOLUME")
DEFAULT = "FROM common AS mission\n"
_FROM = re.compile(r"^FROM\s+(?:--platform=\S+\s+)?(?P<below>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*$", re.IGNORECASE)
_RUN = re.compile(r"^(?P<run>\s*RUN)\b", re.IGNORECASE)
_MOUNTS = (
    "--mount=type=secret,id=site --mount=type=secret,id=ca "
    "--mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh"
)
_SHELL = (
    'SHELL ["/bin/sh", "-c", "trap \'sh /mnt/settle.sh /\' EXIT; '
    'if [ -f /run/secrets/site ]; then . /run/secrets/site; fi; eval \\"$0\\""]'
)


def mission_stage(text: str | None, *, mission: str) -> str:
    """Return the text of the mission's stages, with the site's settings within reach of each RUN.

    Args:
        text: The mission's ``Dockerfile``, where it has one.
        mission: Its name, for messages.

    Raises:
        UsageError: As ``checked``.
    """
    lines = lines_of(text if text is not None else DEFAULT)
    return _prepared(lines, checked(lines, shown=shown(mission)))


def shown(mission: str) -> str:
    """Return the name of a mission's Dockerfile for messages."""
    return f"deployments/{mission}/Dockerfile"


def checked(lines: list[str], *, shown: str) -> tuple[Instruction, ...]:
    """Return the instructions of a mission's Dockerfile.

    Raises:
        UsageError: There is an unknown instruction or one without an end, there is not exactly one stage ``FROM
            common AS mission`` at the end, or a stage starts from an image that may change.
    """
    found = tuple(instructions(lines))
    for instruction in found:
        _check_instruction(instruction, lines, where=f"{shown}, line {instruction.first + 1}")
    _check(found, shown=shown)
    return found


def settings(text: str | None) -> tuple[str, ...]:
    """Return the instructions of the last stage that set something for the image and make no layer, each on one line.

    The image is not built on that stage but takes what it has changed, so its settings are said again.
    """
    found = instructions(lines_of(text)) if text is not None else iter(())
    lines: list[str] = []
    for instruction in found:
        if instruction.keyword == "FROM":
            lines.clear()
        elif instruction.keyword in _SETTINGS:
            lines.append(instruction.words)
    return tuple(lines)


def _check_instruction(instruction: Instruction, lines: list[str], *, where: str) -> None:
    """Refuse what BuildKit would tell of by a line of the composed Dockerfile, which nobody has written."""
    word, end = instruction.words.split()[0], instruction.missing_end
    if instruction.keyword not in KEYWORDS:
        raise UsageError(
            f"{where}: there is no instruction {word!r}{nearest(word.upper(), KEYWORDS)}.",
            why=instruction.words,
            fix=f"write one of {', '.join(KEYWORDS)}; a line before it that goes on must end with \\",
        )
    if end == GOES_ON:
        raise UsageError(f"{where}: the file ends with \\ in the middle of this instruction.", fix="delete that \\")
    if end:
        raise UsageError(
            f"{where}: the here-document {end!r} has no end.",
            why=f"{instruction.words}\nno later line is {end!r}{nearest(end, lines[instruction.first + 1 :])}",
            fix=f"write {end} on a line of its own, with nothing before or after it",
        )


def _check(found: tuple[Instruction, ...], *, shown: str) -> None:
    """Refuse what would not give exactly one stage ``mission`` above ``common``."""
    fix = f"end {shown} with one stage that begins with: FROM common AS mission"
    if not found or not _FROM.match(found[0].words):
        where = f"line {found[0].first + 1}: {found[0].words}" if found else "the file is empty"
        raise UsageError(f"{shown} does not begin with FROM.", why=where, fix=fix)
    stages: list[tuple[str, str]] = []
    for instruction in found:
        words = instruction.words
        if not words.upper().startswith("FROM "):
            continue
        stage = _FROM.match(words)
        if stage is None or not stage["name"]:
            raise UsageError(f"{shown}, line {instruction.first + 1}: a stage without a name.", why=words, fix=fix)
        _check_stage(stage["name"], stage["below"], stages, where=f"{shown}, line {instruction.first + 1}")
        stages.append((stage["name"], stage["below"]))
    if stages[-1] != (STAGE, BELOW):
        listed = "\n".join(f"FROM {below} AS {name}" for name, below in stages)
        raise UsageError(f"{shown} has no last stage 'FROM common AS mission'.", why=listed, fix=fix)


def _check_stage(name: str, below: str, earlier: list[tuple[str, str]], *, where: str) -> None:
    """Refuse a stage whose name is taken, or that starts from something that is not pinned."""
    taken = {stage for stage, _ in earlier}
    reserved = name in (*OUR_STAGES, *_LATER_STAGES, "composed", "inputs", "tools", "node")
    if name in taken or reserved or name.startswith(("kernel-", "channel-", "packages.")):
        raise UsageError(f"{where}: the stage name {name!r} is taken.", fix="choose another name")
    if below not in taken and below not in (*OUR_STAGES, "scratch") and "@sha256:" not in below:
        raise UsageError(
            f"{where}: the stage {name!r} starts from {below!r}, which may be another image tomorrow.",
            why=f"allowed: {', '.join(OUR_STAGES)}, scratch, an earlier stage, or an image with its digest",
            fix=f"write FROM {below.split('@')[0]}@sha256:... AS {name}",
        )


def _prepared(lines: list[str], found: tuple[Instruction, ...]) -> str:
    """Add to each stage the build time and a shell that reads the site's settings, and to each RUN their mounts."""
    out = list(lines)
    for instruction in found:
        words = instruction.words.upper()
        if words.startswith("FROM "):
            out[instruction.last] += f"\nARG SOURCE_DATE_EPOCH\n{_SHELL}"
        elif words.startswith("RUN"):
            out[instruction.first] = _RUN.sub(rf"\g<run> {_MOUNTS}", out[instruction.first], count=1)
    return "\n".join(out) + "\n"
