"""`invoke graph`: who requires whom in a kernel, as a picture, from its lock alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from platform_images import console
from platform_images.errors import UsageError
from platform_images.files import write_text
from platform_images.keep.layering import lay_out
from platform_images.keep.lockgraph import environment_of, locked, read_graph
from platform_images.keep.packages import LockGraph
from platform_images.keep.svg import page_text, svg_text
from platform_images.keep.why import locked_name
from platform_images.model import load_mission, load_platform

ENDINGS = (".svg", ".html", ".png")


def run(
    folder: Path, mission: str, *, kernel: str | None, packages: Sequence[str], reverse: bool, out: Path | None
) -> int:
    """Draw a kernel's packages into a file; what `invoke graph` does.

    Args:
        folder: The project.
        mission: The mission.
        kernel: The kernel, or the base environment.
        packages: Only what these require, and they themselves; all without them.
        reverse: Only what requires them instead.
        out: The file, whose ending says of which kind it is.

    Raises:
        PlatformError: A file has a mistake, the lock is missing or has no such package, the file cannot be written.
    """
    place = _checked(out)
    if reverse and not packages:
        raise UsageError("--reverse is about packages, and none is named.", fix="name one, such as --package numpy")
    platform = load_platform(folder)
    environment = environment_of(platform, load_mission(platform, mission), kernel)
    graph = read_graph(platform, environment, locked(platform, environment))
    if packages:
        names = frozenset(locked_name(graph, each) for each in packages)
        graph = graph.only(graph.reached(names, reverse=reverse))
    _write(place, graph)
    console.say(f"+ {graph.label}: {len(graph.packages)} packages, {len(graph.edges)} requirements", style="green")
    console.stdout().print(place, soft_wrap=True)
    return 0


def _checked(out: Path | None) -> Path:
    """Return the file to write.

    Raises:
        UsageError: None is named, or its kind is not known.
    """
    if out is None:
        raise UsageError("No file is named.", fix="give one, for example --out reports/graph.svg")
    if out.suffix.lower() not in ENDINGS or out.is_dir():
        raise UsageError(
            f"{out} is no name of a picture.",
            why=f"known endings: {', '.join(ENDINGS)}",
            fix=f"name a file, for example --out {out.with_suffix('.svg')}",
        )
    return out


def _write(place: Path, graph: LockGraph) -> None:
    """Write a picture of the kind that the file's ending says."""
    layout = lay_out(graph)
    if place.suffix.lower() == ".png":
        from platform_images.keep.png import png_bytes

        _write_bytes(place, png_bytes(graph, layout))
    else:
        write_text(place, (svg_text if place.suffix.lower() == ".svg" else page_text)(graph, layout))


def _write_bytes(place: Path, data: bytes) -> None:
    """Write a file so that nobody sees a part of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(place)
    except OSError as error:
        _drop(partial)
        raise OSError(error.errno, error.strerror, str(place)) from error  # it would name the partial file
    except BaseException:
        _drop(partial)
        raise


def _drop(partial: Path) -> None:
    """Take what there is of a file away; where none can be, there is none."""
    with suppress(OSError):
        partial.unlink()
