"""A pip solver's failure in words that a person can act on; its own explanation is shown as it is."""

from __future__ import annotations

import re
from pathlib import Path

from platform_images.errors import ToolError
from platform_images.locks.requests import requesting_lines
from platform_images.locks.store import LockStore
from platform_images.locks.values import REQUIREMENTS
from platform_images.model.environment import Environment
from platform_images.model.platform import Platform
from platform_images.model.spelling import nearest
from platform_images.process import Completed, redacted

_UNKNOWN = (
    re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*) was not found in the package registry"),
    re.compile(
        r"that satisfies the requirement (?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)[^\n]* \(from versions: none\)", re.DOTALL
    ),
)
_MALFORMED = re.compile(r"Couldn't parse requirement in `(?P<file>[^`]+)`|Invalid requirement")
_NO_WHEEL = re.compile(r"Wheels are required for `(?P<name>[^`]+)`")
_CONFLICT = re.compile(r"No solution found when resolving|requirements are unsatisfiable|ResolutionImpossible")
_TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t]+.*\n)+", re.MULTILINE)
_UNREACHABLE = re.compile(
    r"error sending request|dns error|[Cc]onnection refused|timed? ?out|Max retries exceeded|NewConnectionError"
    r"|Request failed after|\b40[13] (?:Unauthorized|Forbidden)|\b50\d [A-Z]"
    r"|invalid peer certificate|CERTIFICATE_VERIFY"
)
_NONSENSE = re.compile(r"Received some unexpected (?:JSON|HTML|msgpack)|[Ii]nvalid (?:JSON|HTML) response")
_URL = re.compile(r"https?://[^\s`'\"<>()]+")
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.MULTILINE)
LAST_LINES = 60


def explain(platform: Platform, environment: Environment, done: Completed) -> ToolError:
    """Return the error for a pip part that could not be solved."""
    said = _said(done)
    label = f"{environment.scope}/{environment.name}"
    why = "\n".join(said.splitlines()[-LAST_LINES:])
    what, fix = _special(platform, environment, said) or (
        f"The pip part of {label} cannot be solved.",
        "loosen one of the requests named above, in " + ", ".join(_request_names(platform, environment)),
    )
    return ToolError(what, why=why, fix=fix, argv=done.argv, returncode=done.returncode)


def conflicting(platform: Platform, environment: Environment, done: Completed) -> bool:
    """Whether a solver says that requests exclude each other, and not that something else is wrong."""
    return says_no_solution(done) and _special(platform, environment, _said(done)) is None


def says_no_solution(done: Completed) -> bool:
    """Whether a solver has all that it asked for, and says that there is no solution."""
    said = _said(done)
    return _CONFLICT.search(said) is not None and not unreachable(said)


def _said(done: Completed) -> str:
    """Return what a solver said of its failure."""
    return _TRACEBACK.sub("", redacted(done.stderr.strip() or done.stdout.strip()))


def _special(platform: Platform, environment: Environment, said: str) -> tuple[str, str] | None:
    """Return what happened and its cure, where it is something else than requests that exclude each other."""
    label = f"{environment.scope}/{environment.name}"
    return (
        _unreachable(label, said)
        or _nonsense(label, said)
        or _malformed(label, said)
        or _unknown(platform, environment, said)
        or _no_wheel(environment, said)
    )


def _unreachable(label: str, said: str) -> tuple[str, str] | None:
    """Say which index did not answer."""
    if not unreachable(said):
        return None
    return (
        f"The package index{_where(said)} did not answer while {label} was solved.",
        "invoke doctor --network shows the index, proxy and certificate settings in use; then try again",
    )


def _nonsense(label: str, said: str) -> tuple[str, str] | None:
    """Say which index answered something that no index answers: a login page, perhaps, or half a file."""
    if _NONSENSE.search(said) is None:
        return None
    return (
        f"The package index{_where(said)} did not answer as an index does while {label} was solved.",
        "invoke doctor --network shows the index and proxy settings in use; see what the address gives, then try again",
    )


def unreachable(said: str) -> bool:
    """Whether a solver's words are those of a server that did not answer."""
    return _UNREACHABLE.search(said) is not None


def _where(said: str) -> str:
    """Return the place of the first address that is named, for a sentence; nothing where none is."""
    url = _URL.search(said)
    return f" at {_host(url.group())}" if url else ""


def _host(url: str) -> str:
    """Return a URL's scheme, host and port, without credentials and path."""
    return "/".join(redacted(url).split("/")[:3])


def _unknown(platform: Platform, environment: Environment, said: str) -> tuple[str, str] | None:
    """Say which name no index has, which line asks for it, and the nearest name that is known here."""
    found = next((match for pattern in _UNKNOWN if (match := pattern.search(said))), None)
    if found is None:
        return None
    name = found["name"]
    asked = (*environment.request_files, *environment.constraint_files)
    lines = requesting_lines(asked, name, folder=platform.folder)
    hint = nearest(name, known_names(platform.locks))
    label = f"{environment.scope}/{environment.name}"
    return (
        f"{label} asks for {name!r}, which the package index does not have{hint}.",
        "correct " + "; ".join(lines) if lines else f"find what depends on {name} in the explanation above",
    )


def _malformed(label: str, said: str) -> tuple[str, str] | None:
    """Say which file has a line that is not a request."""
    found = _MALFORMED.search(said)
    if found is None:
        return None
    file = found["file"] or "a request file"
    return f"{label} has a line that is not a request, in {file}.", f"correct {file} as shown above"


def _no_wheel(environment: Environment, said: str) -> tuple[str, str] | None:
    """Say which package would have to be built from source."""
    found = _NO_WHEEL.search(said)
    if found is None:
        return None
    label, name = f"{environment.scope}/{environment.name}", found["name"]
    return (
        f"The pip part of {label} cannot be solved: {name} has no wheel that fits.",
        f"ask for another version of {name}; or, to build it from source, add to kernel.toml of {label}:\n"
        f'[sdist.{name}]\nbuild_requires = ["setuptools"]\nreason = "..."',
    )


def known_names(locks: Path) -> tuple[str, ...]:
    """Return every pip package that any lock of the project names, sorted."""
    store = LockStore(locks)
    paths = (store.place(unit) / REQUIREMENTS for unit in store.units())
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file())
    return tuple(sorted({name for text in texts for name in _PINNED.findall(text)}))


def _request_names(platform: Platform, environment: Environment) -> tuple[str, ...]:
    """Return the names of the files that a person may edit."""
    paths = (*environment.request_files, *environment.constraint_files)
    return tuple(path.relative_to(platform.folder).as_posix() for path in paths)
