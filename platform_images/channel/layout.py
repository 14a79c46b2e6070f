"""Where each file of Debian's Python packages goes in a conda prefix, and what is edited on the way. Pure.

Debian spreads an interpreter over ``/usr/bin``, ``/usr/lib/python3.X`` and ``/usr/include`` and teaches it Debian's own
habits (a second ``site-packages``, no ``ensurepip``). Here it becomes one relocatable prefix with upstream's habits.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from platform_images.channel.deb import Member
from platform_images.errors import MismatchError

_DROPPED = re.compile(
    r"(^|/)__pycache__/|\.a$|\.pyc$|(^|/)EXTERNALLY-MANAGED$|(^|/)sitecustomize\.py$"
    r"|/lib-dynload/(_test|_xxtestfuzz|_ctypes_test|xx)[^/]*$|^lib/python3\.\d+/test/|/lib2to3/tests/"
)
_SITE_README = b"This directory contains packages. Manage them with conda, uv or pip.\n"
_RELOCATION = '''

def _relocate(values):
    """Say where this interpreter really is: the prefix may be anywhere."""
    import sys

    prefix = sys.base_prefix
    library = prefix + "/lib/python{series}"
    values.update(
        prefix=prefix,
        exec_prefix=prefix,
        BINDIR=prefix + "/bin",
        BINLIBDEST=library,
        CONFINCLUDEDIR=prefix + "/include",
        CONFINCLUDEPY=prefix + "/include/python{series}",
        DESTLIB=library,
        DESTSHARED=library + "/lib-dynload",
        INCLUDEDIR=prefix + "/include",
        INCLUDEPY=prefix + "/include/python{series}",
        LIBDEST=library,
        LIBDIR=prefix + "/lib",
        LIBPL=library + "/config-{series}-x86_64-linux-gnu",
        MACHDESTLIB=library,
        SCRIPTDIR=prefix + "/lib",
    )


_relocate(build_time_vars)
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change of text that must be there to be changed: Debian's file may have moved on."""

    old: str
    new: str


def prefix_files(members: Iterable[Member], *, series: str) -> tuple[Member, ...]:
    """Return the files of a conda prefix made of Debian's files, sorted by path.

    Args:
        members: Files of all .deb packages.
        series: Python series, such as ``3.13``.

    Raises:
        MismatchError: A file that must be edited is not as expected.
    """
    found: dict[str, Member] = {}
    for member in members:
        place = place_of(member.path, series=series)
        if place is not None and not _DROPPED.search(place):
            found[place] = replace(member, path=place)
    for place in sorted(found):
        found[place] = _edited(found[place], series=series)
    for extra in _extras(series):
        found[extra.path] = extra
    kept = {path: member for path, member in found.items() if not _dangles(member, found)}
    return tuple(kept[path] for path in sorted(kept))


def place_of(path: str, *, series: str) -> str | None:
    """Return where a file of Debian goes below the prefix; None where it is not needed."""
    library = f"lib/python{series}/"
    if path == f"usr/bin/python{series}":
        return f"bin/python{series}"
    if path == f"usr/include/x86_64-linux-gnu/python{series}/pyconfig.h":
        return f"include/python{series}/pyconfig.h"
    if path == f"usr/include/python{series}/pyconfig.h":
        return None  # only points to the one above
    if path.startswith("usr/share/python-wheels/") and path.endswith(".whl"):
        return f"{library}ensurepip/_bundled/{posixpath.basename(path)}"
    for kept in (f"usr/include/python{series}/", f"usr/lib/python{series}/"):
        if path.startswith(kept):
            return path.removeprefix("usr/")
    shared = "usr/lib/python3/dist-packages/"  # distutils and lib2to3 of Debian 12
    if path.startswith((f"{shared}distutils/", f"{shared}lib2to3/")):
        return library + path.removeprefix(shared)
    return None


def _extras(series: str) -> tuple[Member, ...]:
    """Return the files that Debian has no counterpart of."""

    def link(path: str, target: str) -> Member:
        return Member(path=path, link=target, data=b"", executable=False, mtime=0)

    library = f"lib/python{series}"
    return (
        link("bin/python", f"python{series}"),
        link("bin/python3", f"python{series}"),
        # Debian's frozen ``site`` looks in dist-packages only.
        link(f"{library}/dist-packages", "site-packages"),
        Member(path=f"{library}/site-packages/README.txt", link=None, data=_SITE_README, executable=False, mtime=0),
    )


def _edits(path: str, series: str) -> tuple[Edit, ...]:
    """Return the changes that a file needs."""
    library = f"lib/python{series}/"
    if path in (f"{library}sysconfig.py", f"{library}sysconfig/__init__.py"):
        return (
            Edit(old="'DEB_PYTHON_INSTALL_LAYOUT', 'posix_local'", new="'DEB_PYTHON_INSTALL_LAYOUT', 'posix_prefix'"),
            Edit(old="prefix_scheme = 'posix_local'", new="prefix_scheme = 'posix_prefix'"),
        )
    if path == f"{library}ensurepip/__init__.py":
        return (
            Edit(
                old="sysconfig.get_config_var('WHEEL_PKG_DIR')",
                new="os.path.join(os.path.dirname(__file__), '_bundled')",
            ),
            Edit(
                old='if sys.prefix != getattr(sys, "base_prefix", sys.prefix):\n        return',
                new="return  # this is no system Python: its users manage it with pip",
            ),
        )
    return ()


def _edited(member: Member, *, series: str) -> Member:
    """Return a file with its changes."""
    if member.link is not None:
        return member
    if re.search(r"/_sysconfigdata_[^/]*\.py$", member.path):
        text = member.data.decode("utf-8").replace("x86_64-linux-gnu-g", "g").replace("x86_64-linux-gnu-ar", "ar")
        return replace(member, data=(text + _RELOCATION.replace("{series}", series)).encode("utf-8"))
    edits = _edits(member.path, series)
    if not edits:
        return member
    text = member.data.decode("utf-8")
    for edit in edits:
        if edit.old not in text:
            raise MismatchError(
                f"{member.path} of Debian's Python {series} is not as expected.",
                why=f"it lacks the text: {edit.old}",
                fix="look at the new file and correct platform_images/channel/layout.py",
            )
        text = text.replace(edit.old, edit.new)
    return replace(member, data=text.encode("utf-8"))


def _dangles(member: Member, found: dict[str, Member]) -> bool:
    """Whether a symbolic link leads to nothing in the prefix."""
    if member.link is None or member.path.endswith("/dist-packages"):
        return False
    target = posixpath.normpath(posixpath.join(posixpath.dirname(member.path), member.link))
    return member.link.startswith("/") or target not in found
