"""What a build gave, as a few lines for a person and as values for a program. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from platform_images.building.result import BuildResult, Size

SHOWN_STEPS = 5
_SHORT_ID = 12
_LABEL_WIDTH = 9


def summary(mission: str, result: BuildResult, *, home: Path | None) -> tuple[str, ...]:
    """Return the lines that close a build; the first says that it is done."""
    return (f"+ {mission} ({result.seconds:.0f} s)", *_facts(result, home))


def as_json(mission: str, result: BuildResult) -> dict[str, Any]:
    """Return the same facts as plain values."""
    return {
        "mission": mission,
        "image": result.image_id,
        "tags": list(result.tags),
        "lock_digest": result.lock_digest,
        "drift": [{**asdict(each), "unit": str(each.unit)} for each in result.drift],
        "size": result.size.total if result.size is not None else None,
        "new_size": result.size.new if result.size is not None else None,
        "seconds": round(result.seconds, 1),
        "phases": {name: round(seconds, 1) for name, seconds in asdict(result.phases).items()},
        "ran": result.steps.ran,
        "cached": result.steps.cached,
        "steps": [
            {"title": end.title, "state": end.state, "seconds": end.seconds, "kind": end.kind}
            for end in result.steps.ended
        ],
        "log": str(result.log) if result.log is not None else None,
    }


def tilde(path: Path, home: Path | None) -> str:
    """Return a path as a person writes it: below the home, where there is one, it begins with ``~``."""
    return f"~/{path.relative_to(home)}" if home is not None and path.is_relative_to(home) else str(path)


def bytes_in_words(count: int) -> str:
    """Return a size in GB, or in MB where it is less than one."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _facts(result: BuildResult, home: Path | None) -> Iterator[str]:
    """Yield the lines after the first."""
    times = result.phases
    yield _line("image", f"{_short(result.image_id)}, {', '.join(result.tags)}{_size(result.size)}")
    yield _line("steps", f"{result.steps.ran} ran, {result.steps.cached} from the cache")
    yield _line(
        "time",
        f"solving {times.solving:.0f} s, root {times.root:.0f} s, build {times.build:.0f} s, "
        f"export {times.export:.0f} s",
    )
    for place, end in enumerate(result.steps.longest(SHOWN_STEPS)):
        yield _line("longest" if place == 0 else "", f"{end.title} ({end.seconds:.1f} s)")
    if result.drift:
        count = len(result.drift)
        yield _line("drift", f"{count} {'package is' if count == 1 else 'packages are'} not as locked; see above")
    if result.log is not None:
        yield _line("log", tilde(result.log, home))


def _line(label: str, text: str) -> str:
    """Return one line of facts, its text below that of the others."""
    return f"  {label:<{_LABEL_WIDTH}}{text}"


def _short(image_id: str) -> str:
    """Return as much of an image's id as the docker program shows."""
    return image_id.removeprefix("sha256:")[:_SHORT_ID]


def _size(size: Size | None) -> str:
    """Return a size in words, and the part that is new."""
    if size is None:
        return ""
    if size.new is None:
        return f"; {bytes_in_words(size.total)}"
    new = f"{bytes_in_words(size.new)} of it new" if size.new else "nothing of it new"
    return f"; {bytes_in_words(size.total)}, {new}"
