"""What may be asked for: releases of a package index, by name and versions (PEP 508), and never by an address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_ARCHIVE = re.compile(r"\.(?:whl|egg|zip|tgz|tbz2?|txz|tar(?:\.\w+)?)$", re.IGNORECASE)
_OPTION = re.compile(r"(?:^|\s)(?P<option>--?[A-Za-z][A-Za-z-]*)")
_PLACE = re.compile(r"[/\\]|^\.{1,2}$|^[a-z]+:", re.IGNORECASE)
_NAMED_PLACE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@")


class AddressError(ValueError):
    """A repository, an address, a folder or a file is asked for."""


class OptionError(ValueError):
    """There is an option of an installer; ``option`` is its name alone, as a value may hold a password."""

    def __init__(self, option: str) -> None:
        super().__init__(f"found the option {option}")
        self.option = option


def release(text: str) -> Requirement:
    """Return what a text asks for.

    Raises:
        AddressError: It is a place and no release.
        OptionError: It is, or has, an option.
        ValueError: It is not a request at all.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        asked = Requirement(text)
    except InvalidRequirement as error:
        if _NAMED_PLACE.match(text):
            raise AddressError from error
        if option := _OPTION.search(text):
            raise OptionError(option["option"]) from error
        if _PLACE.search(text):
            raise AddressError from error
        raise ValueError(str(error).splitlines()[0]) from error
    if asked.url is not None or _ARCHIVE.search(asked.name):
        raise AddressError
    return asked
