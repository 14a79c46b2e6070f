"""A pip solver's failure in words that a person can act on; its own explanation is shown as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from platform_images.errors import ToolError
from platform_images.locks.requests import name_lines, requesting_lines
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
_BUILD = re.compile(r"[Ff]ailed to (?:download and )?build `?(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")
_CONFLICT = re.compile(r"No solution found when resolving|requirements are unsatisfiable|ResolutionImpossible")
_NO_VERSION = re.compile(r"Could not find a version that|No matching distribution found")
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
_SEE_INDEX = "invoke doctor --network shows the index, proxy and certificate settings in use"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for what could not be solved.

    Attributes:
        label: The environment, for messages: ``<scope>/<name>``.
        what: What could not be solved, for a sentence.
        files: What a person may edit, by names relative to the project.
        lines: Where a package of a name is asked for, each as file and line, or file and key.
        locks: The folder of all locks.
    """

    label: str
    what: str
    files: tuple[str, ...]
    lines: Callable[[str], tuple[str, ...]]
    locks: Path


def asked_by_requests(platform: Platform, environment: Environment) -> Asked:
    """Return who asks for an environment's packages: its request files."""
    paths = (*environment.request_files, *environment.constraint_files)
    label = f"{environment.scope}/{environment.name}"
    return Asked(
        label=label,
        what=f"The pip part of {label}",
        files=tuple(path.relative_to(platform.folder).as_posix() for path in paths),
        lines=lambda name: requesting_lines(paths, name, folder=platform.folder),
        locks=platform.locks,
    )


def asked_by_sdists(platform: Platform, environment: Environment) -> Asked:
    """Return who asks for what building an environment's sdists needs: keys of its ``kernel.toml``."""
    file = (environment.folder / "kernel.toml").relative_to(platform.folder).as_posix()
    label, sdists = f"{environment.scope}/{environment.name}", environment.settings.sdist

    def lines(name: str) -> tuple[str, ...]:
        return tuple(
            f"key 'sdist.{key}.build_requires' of {file}: {text}"
            for key in sorted(sdists)
            for text in sdists[key].build_requires
            if any(name_lines(text, name))
        )

    return Asked(
        label=label,
        what=f"What building the sdists of {label} needs",
        files=tuple(f"key 'sdist.{key}.build_requires' of {file}" for key in sorted(sdists)),
        lines=lines,
        locks=platform.locks,
    )


def explain(asked: Asked, done: Completed) -> ToolError:
    """Return the error for what could not be solved."""
    said = _said(done)
    why = "\n".join(said.splitlines()[-LAST_LINES:])
    what, fix = _special(asked, said) or _usual(asked, said)
    return ToolError(what, why=why, fix=fix, argv=done.argv, returncode=done.returncode)


def _usual(asked: Asked, said: str) -> tuple[str, str]:
    """Return what happened and its cure, where it has no sentence of its own."""
    if _CONFLICT.search(said) or _NO_VERSION.search(said):
        return f"{asked.what} cannot be solved.", f"loosen one of the requests named above, in {', '.join(asked.files)}"
    return (
        f"{asked.what} was not solved: the solver could not do its work.",
        "see what it says above; look at the cache folder (UV_CACHE_DIR), the temporary folder (TMPDIR), their room, "
        f"uv's settings (UV_CONFIG_FILE, uv.toml) and the index: {_SEE_INDEX}",
    )


def conflicting(asked: Asked, done: Completed) -> bool:
    """Whether a solver says that requests exclude each other, and not that something else is wrong."""
    return says_no_solution(done) and _special(asked, _said(done)) is None


def says_no_solution(done: Completed) -> bool:
    """Whether a solver has all that it asked for, and says that there is no solution."""
    said = _said(done)
    return _CONFLICT.search(said) is not None and not unreachable(said)


def _said(done: Completed) -> str:
    """Return what a solver said of its failure."""
    return _TRACEBACK.sub("", redacted(done.stderr.strip() or done.stdout.strip()))


def _special(asked: Asked, said: str) -> tuple[str, str] | None:
    """Return what happened and its cure, where it is something else than requests that exclude each other."""
    return (
        _unreachable(asked.label, said)
        or _nonsense(asked.label, said)
        or _malformed(asked.label, said)
        or _unknown(asked, said)
        or _no_wheel(asked, said)
        or _build(asked, said)
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


def _unknown(asked: Asked, said: str) -> tuple[str, str] | None:
    """Say which name no index has, which line asks for it, and the nearest name that is known here."""
    found = next((match for pattern in _UNKNOWN if (match := pattern.search(said))), None)
    if found is None:
        return None
    name, known = found["name"], known_names(asked.locks)
    lines = "; ".join(asked.lines(name))
    correct = f"correct {lines}" if lines else f"find what depends on {name} in the explanation above"
    if canonicalize_name(name) in known:
        return (
            f"The package index does not have {name!r}, which the saved locks have; {asked.label} asks for it.",
            f"see that the index is the right one: {_SEE_INDEX}; where it has dropped the package, {correct}",
        )
    return f"{asked.label} asks for {name!r}, which the package index does not have{nearest(name, known)}.", correct


def _malformed(label: str, said: str) -> tuple[str, str] | None:
    """Say which file has a line that is not a request."""
    found = _MALFORMED.search(said)
    if found is None:
        return None
    file = found["file"] or "a request file"
    return f"{label} has a line that is not a request, in {file}.", f"correct {file} as shown above"


def _no_wheel(asked: Asked, said: str) -> tuple[str, str] | None:
    """Say which package would have to be built from source."""
    found = _NO_WHEEL.search(said)
    if found is None:
        return None
    name = found["name"]
    return (
        f"{asked.what} cannot be solved: {name} has no wheel that fits.",
        f"ask for another version of {name}; or, to build it from source, add to kernel.toml of {asked.label}:\n"
        f'[sdist.{name}]\nbuild_requires = ["setuptools"]\nreason = "..."',
    )


def _build(asked: Asked, said: str) -> tuple[str, str] | None:
    """Say which package's own build failed, by which a solver learns what it depends on."""
    found = _BUILD.search(said)
    if found is None:
        return None
    name = found["name"]
    return (
        f"{asked.what} was not solved: the build of {name} from source failed.",
        f"see what the build says above; what it needs stands in [sdist.{name}] of kernel.toml; or ask for "
        f"another version of {name}",
    )


def known_names(locks: Path) -> tuple[str, ...]:
    """Return every pip package that any lock of the project names, sorted."""
    store = LockStore(locks)
    paths = (store.place(unit) / REQUIREMENTS for unit in store.units())
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file())
    return tuple(sorted({name for text in texts for name in _PINNED.findall(text)}))
