"""Why two builds differ: what is known of the places where images stop being equal, and the cure of each. Pure."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How one name differs between two layers."""

    CONTENT = "content"
    SIZE = "size"
    TYPE = "type"
    LINK = "link"
    MODE = "mode"
    OWNER = "owner"
    ATTRIBUTES = "attributes"
    TIME = "time"
    HERE = "only here"
    THERE = "only there"
    DELETION = "deletion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A likely cause.

    Attributes:
        title: What it is, in a few words.
        cure: What to do about it.
    """

    title: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """Which differences a cause explains: those at a path like this, of one of these kinds."""

    pattern: re.Pattern[str]
    kinds: frozenset[Kind]
    cause: Cause


_ANY = frozenset(Kind)
_PRESENCE = frozenset({Kind.HERE, Kind.THERE})
_CHANGED = frozenset({Kind.CONTENT, Kind.SIZE})
_INSIDE = frozenset({Kind.CONTENT, Kind.SIZE, *_PRESENCE})
TOUCHED = Cause(
    title="touched and not changed, or made in one build only",
    cure="keep in a layer only what changed: compare with what lies below, and copy the rest into a stage of its own",
)
UNKNOWN = Cause(title="not known", cure="look at the step that makes the file; run it twice and compare what it writes")
TIMES = Cause(
    title="only times differ",
    cure="let the step settle its files' times at its end: those newer than SOURCE_DATE_EPOCH get that time",
)
RIGHTS = Cause(
    title="owner or permissions depend on the builder",
    cure="set owner and mode in the step itself; do not rely on a umask or on a checkout's modes",
)


def _rule(pattern: str, title: str, cure: str, kinds: frozenset[Kind] = _ANY) -> _Rule:
    return _Rule(pattern=re.compile(pattern), kinds=kinds, cause=Cause(title=title, cure=cure))


_RULES = (
    _rule(
        r"[.]wh[.][.]wh[.][.]opq$",
        "the engine marks a directory as wholly new, or not, depending on how it finds out what a step changed",
        "keep in a layer only what changed: copy it into a stage of its own, on nothing that it could replace",
        frozenset({Kind.DELETION}),
    ),
    _rule(
        r"",
        "a deletion's time is that of the engine",
        "delete in the same step that makes the file, or keep the file out of the layer below",
        frozenset({Kind.DELETION}),
    ),
    _rule(
        r"\.pyc$",
        "bytecode holds its source's time, or depends on the order of compiling",
        "compile with SOURCE_DATE_EPOCH set (hash-based bytecode), in one process, the files sorted",
        _INSIDE,
    ),
    _rule(
        r"^var/log/|^var/lib/apt/lists/|^var/cache/apt/|^var/lib/(dpkg|apt)/.*-old$|^var/cache/debconf/.*-old$",
        "leftovers of apt and dpkg hold the time of the build",
        "delete logs, lists, caches and -old files in the step that installs",
    ),
    _rule(
        r"^var/cache/ldconfig/aux-cache$",
        "ldconfig's cache holds inode numbers and times",
        "delete /var/cache/ldconfig/aux-cache in the step that installs",
    ),
    _rule(
        r"^etc/machine-id$|^var/lib/dbus/machine-id$",
        "the machine's id is random",
        "empty /etc/machine-id, delete /var/lib/dbus/machine-id",
    ),
    _rule(
        r"^etc/g?shadow-?$",
        "a new user's password has the day of the build",
        "set SOURCE_DATE_EPOCH in every step that adds a user",
        _INSIDE,
    ),
    _rule(
        r"^etc/(passwd|group|subuid|subgid)-?$",
        "backups of user files record how often users were changed",
        "delete /etc/passwd- and the like; make users in one step with fixed numbers",
        _INSIDE,
    ),
    _rule(
        r"^usr/lib/locale/|^etc/locale",
        "the locale archive depends on which locales were made, and when",
        "use C.UTF-8, or generate the same list in one step",
    ),
    _rule(
        r"(^|/)(fontconfig|fontlist)[^/]*(/|$|\.json$)",
        "font caches hold the times of directories",
        "delete font caches; they are made again when needed",
    ),
    _rule(
        r"(^|/)conda-meta/history$|(^|/)\.conda/|(^|/)conda/pkgs/|(^|/)urls\.txt$",
        "conda's history and caches hold the time and the command line",
        "empty conda-meta/history, delete pkgs/ and .conda/",
    ),
    _rule(
        r"(^|/)conda-meta/[^/]+\.json$",
        "conda's records name where a package was found",
        "take cache paths, links and requested specs out of conda-meta/*.json",
        _INSIDE,
    ),
    _rule(
        r"\.dist-info/(direct_url|uv_cache|uv_build)\.json$",
        "an installer wrote down where a package came from",
        "install by name from hashed files; delete the file and its row in RECORD",
    ),
    _rule(
        r"\.dist-info/(RECORD|INSTALLER|REQUESTED|WHEEL|METADATA)$",
        "packages were installed by another tool, in another order or with other requests",
        "install all of the lock in one run of one tool; install distributions with a file of the same name by turns",
        _INSIDE,
    ),
    _rule(
        r"(^|/)\.cache/|(^|/)\.npm/|(^|/)node-compile-cache/|(^|/)\.config/|(^|/)\.local/state/|\.wget-hsts$",
        "caches of an installer or of a program that ran in the build",
        "use cache mounts, or delete the cache in the step that fills it",
    ),
    _rule(
        r"(^|/)\.package-lock\.json$",
        "npm's own record of a tree",
        "delete node_modules/.package-lock.json",
    ),
    _rule(
        r"share/jupyter/lab/|share/jupyter/kernels/[^/]+/.*\.(png|svg)$|jupyter_cookie_secret|nbsignatures\.db|"
        r"notebook_secret|history\.sqlite|\.ipynb_checkpoints/|(^|/)\.(jupyter|ipython)/",
        "files that Jupyter made while it ran or was built",
        "never run Jupyter, a kernel or `jupyter lab build` in a step; use prebuilt extensions",
        _INSIDE,
    ),
    _rule(
        r"^etc/ssl/certs/java/|^etc/ssh/ssh_host_|ssl-cert-snakeoil|random-seed$",
        "keys and key stores are random or dated",
        "do not install what makes keys, or delete them",
    ),
    _rule(
        r"^usr/share/(mime|glib-2\.0|icons|man|info)/|^var/cache/man/|^var/lib/systemd/catalog/|"
        r"\.cache$|gschemas\.compiled$|/index\.db$",
        "a generated index depends on the order of a directory",
        "delete what is made again when needed, or make it sorted",
        _INSIDE,
    ),
    _rule(
        r"^var/lib/(dpkg|apt)/|^var/cache/debconf/",
        "dpkg's database tells in how many steps packages were installed",
        "install the whole locked set in one transaction",
        _CHANGED,
    ),
    _rule(
        r"^etc/(hostname|hosts|resolv\.conf|mtab)$|^etc/apt/",
        "settings of the building machine",
        "leave these files out, or write them from the mission's own data",
    ),
    _rule(
        r"^tmp/|^var/tmp/|^run/|^mnt/",
        "leftovers of a step",
        "delete temporary files in the step that makes them",
    ),
    _rule(
        r"\.(so|a|o)(\.[0-9.]+)?$",
        "a package compiled from source holds the path, time or order of its build",
        "compile with -g0 or -ffile-prefix-map, SOURCE_DATE_EPOCH and PYTHONHASHSEED=0; better, take a wheel",
        _INSIDE,
    ),
    _rule(
        r"^etc/environments?|^opt/environments/|^etc/jupyter/|\.json$|\.(txt|conf|toml|ya?ml)$",
        "a generated text with an order, a time or a version of its own",
        "write it sorted and without a date (PYTHONHASHSEED=0); see that both were built from the same sources",
        _INSIDE,
    ),
)


def cause_of(path: str, kinds: Set[Kind]) -> Cause:
    """Return the likely cause of a difference: what is known of such a path, else of such kinds of difference."""
    if kinds <= {Kind.TIME}:
        return TIMES
    for rule in _RULES:
        if rule.kinds & kinds and rule.pattern.search(path):
            return rule.cause
    if kinds <= _PRESENCE:
        return TOUCHED
    return RIGHTS if kinds <= {Kind.MODE, Kind.OWNER, Kind.TIME, Kind.ATTRIBUTES} else UNKNOWN
