"""An installed conda, mamba or micromamba behind the same front: channel names go in as URLs and come out as names."""

from __future__ import annotations

import json
import shutil
import sys

from platform_images.errors import UsageError
from platform_images.process import run
from platform_images.solve.conda_front import FrontSettings, fail


def executable(name: str) -> str:
    """Return the path of the solver that ``platform.toml`` names.

    Raises:
        UsageError: It is not on PATH.
    """
    path = shutil.which(name)
    if path is None:
        raise UsageError(
            f"platform.toml: key 'conda.solver' names {name!r}, which is not on PATH.",
            fix=f'install {name}, or use conda.solver = "rattler", which needs nothing installed',
        )
    return path


def forward(settings: FrontSettings, words: list[str]) -> int:
    """Run the chosen executable with the caller's words, and pass on what it says with names for URLs."""
    argv = [str(settings.solver), *(_with_url(word, settings.channels) for word in words)]
    done = run(argv, ok=range(256))
    out = done.stdout
    for name, base in settings.channels.items():
        out = out.replace(base.rstrip("/") + "/", f"{name}/")
    if done.returncode:
        return fail(settings, _explanation(out) or done.stderr.strip() or out.strip())
    sys.stdout.write(out)
    return 0


def _with_url(word: str, channels: dict[str, str]) -> str:
    """Return one word of the command line with a channel's URL for its name."""
    name, separator, rest = word.partition("::")
    return f"{channels.get(name, name)}{separator}{rest}"


def _explanation(out: str) -> str:
    """Return what the solver says in its JSON."""
    try:
        answer = json.loads(out[out.index("{") : out.rindex("}") + 1])
    except ValueError:
        return ""
    found = answer.get("message") or answer.get("solver_problems") or ""
    return "\n".join(map(str, found)) if isinstance(found, list) else str(found)
