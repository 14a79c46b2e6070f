"""What goes into a test container, as one tar: no folder of this machine is mounted, so any engine will do."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from platform_images.errors import UsageError
from platform_images.run.plan import Item

FOLDER = "/tmp/platform-images-test"  # noqa: S108 - in the container
PLAN = f"{FOLDER}/plan/plan.json"
LIMIT_BYTES = 1 << 30
_INSIDE = Path(__file__).with_name("inside")
_IN_MEMORY = 1 << 24
_IGNORED = frozenset({".git", ".ipynb_checkpoints", "__pycache__"})


@contextmanager
def archive(kernel: str, items: Mapping[int, Item], jobs: int | None, *, token: str) -> Iterator[IO[bytes]]:
    """Give a tar with the programs, the plan and every folder that an item asks for, each folder once.

    The plan lies in a folder from which the image's user may delete it: no test shall read the token.

    Raises:
        UsageError: A folder is too large to be copied for a test.
    """
    sources = tuple(dict.fromkeys(item.source for item in items.values() if item.source is not None))
    places = {source: f"files/{number}" for number, source in enumerate(sources)}
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            _add_folder(tar, _INSIDE, "inside")
            _add_directory(tar, "plan", mode=0o777)
            _add_text(tar, "plan/plan.json", _plan_text(kernel, items, jobs, places, token))
            for source, place in places.items():
                _add_folder(tar, source, place)
        file.seek(0)
        yield file


def _plan_text(kernel: str, items: Mapping[int, Item], jobs: int | None, places: Mapping[Path, str], token: str) -> str:
    """Return the plan as the program in the container reads it."""
    return json.dumps(
        {
            "token": token,
            "kernel": kernel,
            "jobs": jobs,
            "items": [
                {
                    "id": number,
                    "kind": item.kind.value,
                    "name": item.name,
                    "timeout": item.timeout,
                    "serial": item.serial,
                    "folder": places[item.source] if item.source is not None else None,
                    "file": item.file,
                }
                for number, item in items.items()
            ],
        }
    )


def _add_folder(tar: tarfile.TarFile, folder: Path, place: str) -> None:
    """Add the files below a folder, readable for everyone: the image's user is another than this machine's."""
    size = 0
    _add_directory(tar, place)
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if _IGNORED.intersection(inner.parts):
            continue
        if path.is_dir() and not path.is_symlink():
            _add_directory(tar, f"{place}/{inner.as_posix()}")
        elif path.is_file():
            size += path.stat().st_size
            if size > LIMIT_BYTES:
                raise UsageError(
                    f"The folder {str(folder)!r} is too large to be copied for its notebooks.",
                    why=f"It holds more than {LIMIT_BYTES >> 20} MB.",
                    fix="put the notebook into a folder of its own, with only what it needs",
                )
            _add_file(tar, path, f"{place}/{inner.as_posix()}")


def _add_directory(tar: tarfile.TarFile, place: str, *, mode: int = 0o755) -> None:
    member = _member(place)
    member.type = tarfile.DIRTYPE
    member.mode = mode
    tar.addfile(member)


def _add_file(tar: tarfile.TarFile, path: Path, place: str) -> None:
    """Add a file, what a link points to in the link's place."""
    member = _member(place)
    with path.open("rb") as stream:
        member.size = path.stat().st_size
        member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
        tar.addfile(member, stream)


def _add_text(tar: tarfile.TarFile, place: str, text: str) -> None:
    data = text.encode()
    member = _member(place)
    member.size = len(data)
    member.mode = 0o644
    tar.addfile(member, BytesIO(data))


def _member(place: str) -> tarfile.TarInfo:
    return tarfile.TarInfo(str(PurePosixPath(FOLDER.lstrip("/")) / place))
