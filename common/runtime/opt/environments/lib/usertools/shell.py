"""``conda shell.bash hook`` and its kin: code for shells that are to know ``conda activate``."""

from __future__ import annotations

import os
import shlex
import subprocess

from usertools import environments, image
from usertools.console import put
from usertools.errors import ToolError, usage

BASH = image.LIBRARY / "conda.sh"
_OTHER = """\
conda() {
    case "${1-}" in
        activate | deactivate) eval "$(command conda shell.posix "$@" || echo false)" ;;
        *) command conda "$@" ;;
    esac
}
mamba() { conda "$@"; }
"""
_SCRIPT = """\
source "$1/activation.sh"
if [ "$2" = deactivate ]; then environments_deactivate; else environments_activate "$3"; fi >&2 && exec env -0
"""
_OF_BASH = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})


def main(name: str, words: list[str]) -> int:
    """Print code for a shell."""
    match (name, words):
        case ("bash", ["hook"]):
            put(f". {BASH}")
        case ("zsh" | "posix", ["hook"]):
            put(_OTHER.rstrip("\n"))
        case ("bash", ["word", *rest]):
            put(place(rest).word)
        case ("posix", ["activate", *rest]):
            put(changes("activate", place(rest).word))
        case ("posix", ["deactivate"]):
            put(changes("deactivate"))
        case _:
            raise usage(
                f"conda shell.{name} {' '.join(words)} is not known.", fix="conda shell.bash hook, or shell.zsh"
            )
    return 0


def place(words: list[str]) -> environments.Place:
    """Return the environment that ``conda activate`` is given."""
    match words:
        case []:
            return environments.existing("base")
        case [name] | ["-n", name] | ["--name", name]:
            return environments.existing(name)
        case ["-p", prefix] | ["--prefix", prefix]:
            return environments.existing(prefix=prefix)
    raise usage("conda activate takes one environment.", fix="conda activate NAME, or the path of its folder")


def changes(verb: str, word: str = "") -> str:
    """Return what an activation changes, as code for any shell: bash does it, and the difference is told."""
    argv = ["/bin/bash", "-c", _SCRIPT, "bash", str(image.LIBRARY), verb, word]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ToolError(f"{word or 'The environment'} cannot be activated.", why="its scripts' words are above")
    after = dict(pair.split("=", 1) for pair in done.stdout.split("\0") if "=" in pair)
    return difference(dict(os.environ), after)


def difference(before: dict[str, str], after: dict[str, str]) -> str:
    """Return code that turns one set of variables into another."""
    names = sorted((set(before) | set(after)) - _OF_BASH)
    names = [name for name in names if name.isidentifier() and before.get(name) != after.get(name)]
    lines = [f"export {name}={shlex.quote(after[name])}" if name in after else f"unset {name}" for name in names]
    return "\n".join([*lines, "hash -r"])
