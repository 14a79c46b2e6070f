"""~/.condarc: the channels that a user, or a site, wants."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usertools import places
from usertools.errors import usage
from usertools.files import write_text

SITE = Path("/etc/conda/.condarc")
ALIAS = "https://conda.anaconda.org"
PRIORITIES = ("strict", "flexible", "disabled")


@dataclass(frozen=True)
class Settings:
    """What is read of a ``.condarc``; other keys are other programs' business.

    Attributes:
        channels: Names or URLs; empty where none are named, and the image's own count.
        channel_alias: Where channels lie that are neither the image's nor a URL.
        channel_priority: With ``disabled`` the newest version of all channels is taken.
    """

    channels: tuple[str, ...] = ()
    channel_alias: str = ALIAS
    channel_priority: str = "strict"


def own() -> Path:
    """Return the user's file."""
    return places.home() / ".condarc"


def settings() -> Settings:
    """Return the site's settings, and over them the user's.

    Raises:
        ToolError: A file cannot be read.
    """
    merged = {**read(SITE), **read(own())}
    channels = _names(merged, "channels")
    priority = str(merged.get("channel_priority", "strict")).lower()
    if priority not in PRIORITIES:
        raise usage(f"channel_priority {priority!r} is none of {', '.join(PRIORITIES)}.", fix="correct ~/.condarc")
    return Settings(channels, str(merged.get("channel_alias") or ALIAS).rstrip("/"), priority)


def _names(content: dict[str, Any], key: str) -> tuple[str, ...]:
    """Return a list of names of a file's content."""
    found = content.get(key) or ()
    if not isinstance(found, (list, tuple)) or not all(isinstance(name, str) for name in found):
        raise usage(f"The key {key!r} of .condarc is not a list of names.", fix=f"correct {own()}")
    return tuple(found)


def read(path: Path) -> dict[str, Any]:
    """Return the content of one file; that of a missing one is empty."""
    if not path.is_file():
        return {}
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise usage(f"{path} is not readable YAML.", why=str(error), fix="correct it") from error
    if found is not None and not isinstance(found, dict):
        raise usage(f"{path} is not a list of keys and values.", fix="correct it")
    return found or {}


def change(key: str, name: str, *, how: str) -> None:
    """Put a value into a list of the user's file, or take it out.

    A first channel does not replace the usual ones: they are named beside it, as conda does.

    Raises:
        ToolError: It is not there to be taken out.
    """
    import yaml

    content = read(own())
    present = list(_names(content, key) or (("defaults",) if how != "remove" else ()))
    if how == "remove" and name not in present:
        raise usage(f"{name} is not among the {key} of {own()}.")
    left = [value for value in present if value != name]
    content[key] = {"add": [name, *left], "append": [*left, name], "remove": left}[how]
    if content[key] in ([], ["defaults"]):
        del content[key]
    write_text(own(), yaml.safe_dump(content, sort_keys=False) if content else "")
