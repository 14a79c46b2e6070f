"""bytecode.py PREFIX CACHE: compile every module of an environment, taking from CACHE what was compiled before.

Run by the environment's own Python. The files are checked-hash pyc files (PEP 552): they hold no time, and stay true
when times change. The cache is shared by all environments of a Python release: a file's name there is the hash of all
that decides its content. The path inside is that below the prefix; the import system puts the real one in its place.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from importlib._bootstrap_external import _code_to_hash_pyc  # type: ignore[attr-defined]
from itertools import repeat
from pathlib import Path
from types import CodeType

CHUNK = 100
FORMAT = "2"


def main(prefix: Path, cache: Path) -> None:
    """Compile what has no bytecode yet."""
    todo = sorted(str(path.relative_to(prefix)) for path in modules(prefix / "lib"))
    chunks = [todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK)]
    place = cache / f"{sys.implementation.cache_tag}-{importlib.util.MAGIC_NUMBER.hex()}-{FORMAT}"
    place.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        made = sum(pool.map(compile_all, repeat(str(prefix)), chunks, repeat(str(place))))
    print(f"{len(todo)} modules, {made} of them compiled now")  # noqa: T201


def modules(lib: Path) -> Iterator[Path]:
    """Return the Python files below ``lib/python3.X`` that have no bytecode."""
    for top in lib.glob("python3.*"):
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if name == "site-packages" or importable(name)]
            for name in names:
                path = Path(folder, name)
                if name.endswith(".py") and not path.is_symlink() and not target_of(str(path)).exists():
                    yield path


def importable(folder: str) -> bool:
    """Whether a folder can hold modules that are imported by name."""
    return folder.isidentifier() and folder != "__pycache__"


def target_of(path: str) -> Path:
    """Return where the import system looks for a file's bytecode."""
    return Path(importlib.util.cache_from_source(path))


def compile_all(prefix: str, names: Iterable[str], place: str) -> int:
    """Give each file its bytecode; return how many were not in the cache."""
    warnings.simplefilter("ignore")
    return sum(compile_one(prefix, name, place) for name in names)


def compile_one(prefix: str, name: str, place: str) -> bool:
    """Give one file its bytecode; a file that is not valid Python, such as a template, gets none."""
    source = Path(prefix, name).read_bytes()
    key = hashlib.sha256(name.encode() + b"\0" + source).hexdigest()
    cached = Path(place, key[:2], key)
    target = target_of(f"{prefix}/{name}")
    if not target.parent.is_dir():
        target.parent.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):  # not compiled before
        shutil.copyfile(cached, target)
        return False
    try:
        data = bytecode(source, name)
    except (SyntaxError, ValueError, RecursionError):
        return False
    target.write_bytes(data)
    cached.parent.mkdir(exist_ok=True)
    keep(data, cached)
    return True


def keep(data: bytes, cached: Path) -> None:
    """Put a file into the cache as a whole; steps that run at the same time may have the same process ids."""
    number, partial = tempfile.mkstemp(prefix=f"{cached.name}.", dir=cached.parent)
    with open(number, "wb") as stream:  # noqa: PTH123 - a number, not a path
        stream.write(data)
    Path(partial).replace(cached)


def bytecode(source: bytes, name: str) -> bytes:
    """Return a module's pyc file: the same bytes whatever this process has seen before.

    marshal writes an object that something else holds otherwise than one that nothing does, so all are held. CPython
    shares a constant with a name of the same text only where that name is new to the process, so the code is made
    twice, and the second one finds every name known.
    """
    first = compile(source, name, "exec", dont_inherit=True, optimize=0)
    code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    held = (*parts(first), *parts(code))
    data = bytes(_code_to_hash_pyc(code, importlib.util.source_hash(source), True))
    del held
    return data


def parts(value: object) -> Iterator[object]:
    """Return a code object and everything that it refers to."""
    yield value
    if isinstance(value, (tuple, frozenset)):
        for each in value:
            yield from parts(each)
    elif isinstance(value, CodeType):
        names = (*value.co_names, *value.co_varnames, *value.co_freevars, *value.co_cellvars)
        yield from (value.co_name, value.co_qualname, value.co_filename, *names)
        yield from parts(value.co_consts)


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
