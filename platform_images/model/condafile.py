"""``environment.yml``: conda's own format for the conda part of an environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import Field

from platform_images.errors import UsageError
from platform_images.model.document import read_text, too_deep, validate
from platform_images.model.environment import CondaRequest
from platform_images.model.files import Strict

_PYTHON = re.compile(r"^python\s*(?:={1,2}|\s)\s*(?P<series>3\.\d+)(?:\.\*)?$")
_SIMPLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(\s*[=<>!~]=?\s*[0-9][\w.*+-]*)?")

# What PyYAML lets pass from making a value: of "2025-02-30", "!!bool maybe", "!!int ''" and "!!timestamp now".
_NOT_OF_ITS_KIND = (ValueError, KeyError, IndexError, AttributeError)


class CondaFile(Strict):
    """The keys of ``environment.yml`` that are used here."""

    name: str | None = Field(None, description="Only for conda's own commands; the folder names the environment.")
    channels: tuple[str, ...] = Field(
        (), strict=False, description="Names of channels in platform.toml; all of them, in order, without this key."
    )
    dependencies: tuple[Any, ...] = Field(
        min_length=1, strict=False, description="conda match specs, python among them."
    )


def load_conda_file(path: Path, *, shown: str, known_channels: tuple[str, ...]) -> CondaRequest:
    """Read ``environment.yml``.

    Raises:
        UsageError: It is missing, is not YAML, has an unknown key or channel, a pip part, or no Python series.
    """
    document = validate(_parse(read_text(path, shown=shown), shown=shown), CondaFile, shown=shown)
    for channel in document.channels:
        if channel not in known_channels:
            raise UsageError(
                f"{shown}: key 'channels' names {channel!r}, which platform.toml does not know.",
                why=f"platform.toml names: {', '.join(known_channels)}",
                fix="add the channel to platform.toml once, or leave 'channels' out to use all of them",
            )
    dependencies = tuple(_dependency(entry, shown=shown) for entry in document.dependencies)
    return CondaRequest(
        python=_python_series(dependencies, shown=shown),
        channels=document.channels or known_channels,
        dependencies=dependencies,
    )


def _parse(text: str, *, shown: str) -> Any:
    """Return YAML as plain values; a key given twice is a mistake."""
    import yaml

    try:
        _refuse_twice(yaml.compose(text, Loader=yaml.SafeLoader), shown=shown)
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{shown} is not valid YAML.", why=str(error), fix=f"correct {shown}") from error
    except _NOT_OF_ITS_KIND as error:
        raise UsageError(
            f"{shown} has a value that is not what it looks like, or what its tag says.",
            why=f"{type(error).__name__}: {error}",
            fix=f"a day of no calendar or a wrong number is text where it stands in quotes; correct {shown}",
        ) from error
    except RecursionError as error:  # also of an alias that stands for what it is a part of
        raise too_deep(shown) from error


def _refuse_twice(node: Any, *, shown: str) -> None:
    """Raise where a mapping has a key twice; YAML readers silently take the last one."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise UsageError(f"{shown}: key '{key}' is given twice.", fix=f"keep one '{key}' in {shown}")
        for _, value in node.value:
            _refuse_twice(value, shown=shown)


def _dependency(entry: Any, *, shown: str) -> str:
    """Return one match spec."""
    if isinstance(entry, dict) and "pip" in entry:
        raise UsageError(
            f"{shown}: key 'dependencies' has a pip part.",
            why="The pip part of an environment has a file of its own, so that it is solved with hashes.",
            fix=f"move those lines to {Path(shown).with_name('requirements.in')}",
        )
    if not isinstance(entry, str) or not _is_match_spec(entry.strip()):
        raise UsageError(
            f"{shown}: key 'dependencies' has an entry that is not a conda match spec.",
            why=f"found {entry!r}; allowed: for example 'python=3.13' or 'gdal >=3.9'",
        )
    return entry.strip()


def _is_match_spec(text: str) -> bool:
    """Whether conda would read this; rattler, which is slow to load, is only asked about unusual ones."""
    if _SIMPLE.fullmatch(text):
        return True
    from rattler import MatchSpec
    from rattler.exceptions import InvalidMatchSpecError

    try:
        MatchSpec(text)
    except (InvalidMatchSpecError, UnicodeEncodeError):  # half of a character, "\\ud800", is text to YAML
        return False
    return True


def _python_series(dependencies: tuple[str, ...], *, shown: str) -> str:
    """Return the Python series that the dependencies ask for."""
    series = [found["series"] for spec in dependencies if (found := _PYTHON.match(spec))]
    if len(series) > 1:
        raise UsageError(
            f"{shown}: key 'dependencies' names Python {len(series)} times.",
            why=f"found {', '.join(series)}",
            fix="keep one of them; a second Python is a kernel of its own",
        )
    if series:
        return series[0]
    asked = [spec for spec in dependencies if re.match(r"^python\b(?![-_])", spec)]
    raise UsageError(
        f"{shown}: key 'dependencies' names no Python series.",
        why=f"found {asked[0]!r}" if asked else "python is not among the dependencies",
        fix="ask for one series, for example: - python=3.13",
    )
