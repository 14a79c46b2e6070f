"""What a registry wants to see before it answers: the header WWW-Authenticate. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SCHEME = re.compile(r"[\s,]*(?P<scheme>[A-Za-z][\w-]*)(?:\s+(?=[\w-]+\s*=)|\s*(?=,|$))")
_PARAMETER = re.compile(r'[\s,]*(?P<name>[\w-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to be let in.

    Attributes:
        scheme: ``basic`` or ``bearer``, in lower case.
        parameters: Name, in lower case, to value.
    """

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Return the ways that a header names, in its order; what cannot be read ends it."""
    found: list[tuple[str, dict[str, str]]] = []
    place = 0
    while place < len(header):
        if scheme := _SCHEME.match(header, place):
            found.append((scheme["scheme"].lower(), {}))
            place = scheme.end()
        elif found and (parameter := _PARAMETER.match(header, place)):
            quoted = parameter["quoted"]
            value = parameter["plain"] if quoted is None else _ESCAPED.sub(r"\1", quoted)
            found[-1][1][parameter["name"].lower()] = value
            place = parameter.end()
        else:
            break
    return tuple(Challenge(scheme=scheme, parameters=parameters) for scheme, parameters in found)


def chosen_challenge(header: str) -> Challenge | None:
    """Return the way to go: a token where one is offered, else a password; None where it is neither."""
    ways = {each.scheme: each for each in reversed(parse_challenges(header))}
    bearer = ways.get("bearer")
    return bearer if bearer is not None and bearer.parameters.get("realm") else ways.get("basic")
