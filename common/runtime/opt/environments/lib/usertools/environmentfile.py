"""environment.yml, read and written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usertools.errors import usage
from usertools.files import read_text
from usertools.names import nearest

_KEYS = ("name", "channels", "dependencies", "prefix", "variables")


@dataclass(frozen=True)
class EnvironmentFile:
    """What an ``environment.yml`` asks for.

    Attributes:
        name: The environment's name, or an empty text.
        channels: Channels, the first one first.
        conda: Specs of conda packages.
        pip: Lines of requirements.
        variables: Environment variables that activation sets.
    """

    name: str = ""
    channels: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """Return the file's text."""
        import yaml

        return yaml.safe_dump(self.content(), sort_keys=False, default_flow_style=False)

    def content(self) -> dict[str, Any]:
        """Return the file as keys and values."""
        found: dict[str, Any] = {"name": self.name} if self.name else {}
        if self.channels:
            found["channels"] = list(self.channels)
        found["dependencies"] = [*self.conda, *([{"pip": list(self.pip)}] if self.pip else [])]
        if self.variables:
            found["variables"] = dict(self.variables)
        return found


def read(path: Path) -> EnvironmentFile:
    """Return what a file asks for.

    Raises:
        ToolError: It cannot be read, or has a mistake; says where.
    """
    return parse(read_text(path), shown=str(path))


def parse(text: str, *, shown: str = "environment.yml") -> EnvironmentFile:
    """Return what a file's text asks for."""
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise usage(f"{shown} is not readable YAML.", why=str(error), fix="correct it") from error
    if not isinstance(content, dict) or "dependencies" not in content:
        raise usage(f"{shown} has no list 'dependencies'.", fix="name packages there, such as python=3.13")
    for key in content:
        if key not in _KEYS:
            raise usage(f"{shown}: the key {key!r} is unknown{nearest(str(key), _KEYS)}.", fix="remove or correct it")
    conda, pip = _dependencies(content["dependencies"], shown)
    variables = content.get("variables") or {}
    if not isinstance(variables, dict):
        raise usage(f"{shown}: 'variables' is not a list of names and values.", fix="write NAME: VALUE")
    return EnvironmentFile(
        name=str(content.get("name") or ""),
        channels=_texts(content.get("channels") or [], "channels", shown),
        conda=conda,
        pip=pip,
        variables=tuple((str(name), str(value)) for name, value in variables.items()),
    )


def _dependencies(listed: object, shown: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the conda part and the pip part."""
    if listed is not None and not isinstance(listed, list):
        raise usage(f"{shown}: 'dependencies' is not a list.", fix="begin each of its lines with '- '")
    conda: list[str] = []
    pip: list[str] = []
    for entry in listed or ():
        if isinstance(entry, str):
            conda.append(entry)
        elif isinstance(entry, dict) and list(entry) == ["pip"]:
            pip += _texts(entry["pip"] or [], "pip", shown)
        else:
            raise usage(f"{shown}: {entry!r} is no dependency.", fix="write a package such as numpy>=2, or pip: a list")
    return tuple(conda), tuple(pip)


def _texts(listed: object, key: str, shown: str) -> tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
        raise usage(f"{shown}: {key!r} is not a list of names.", fix="begin each of its lines with '- '")
    return tuple(listed)
