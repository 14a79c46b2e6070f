"""conda and mamba: which command does what."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from usertools import condaparser, image
from usertools.console import say
from usertools.errors import become, usage

_HOOK = 'in a script, first: eval "$(conda shell.bash hook)"'


def main(argv: list[str]) -> int:
    """Do one command and return the exit code."""
    program = Path(sys.argv[0]).name
    if argv and argv[0].startswith("shell."):
        from usertools import shell

        return shell.main(argv[0].removeprefix("shell."), argv[1:])
    arguments = condaparser.parser(program).parse_args(argv)
    name = {"upgrade": "update", "uninstall": "remove"}.get(arguments.command, arguments.command)
    if name in ("activate", "deactivate"):
        raise usage(f"{program} {name} works in a terminal, or in a shell that knows conda.", fix=_HOOK)
    if name == "init":
        say("Nothing to do: terminals in this image know conda activate.")
        return 0
    if name == "run":
        return run(arguments)
    if name == "env":
        name = f"env_{arguments.env_command}"
    if name in ("list", "search", "info", "config", "env_list", "env_export"):
        from usertools import condaquestions as commands
    else:
        from usertools import condachanges as commands  # type: ignore[no-redef]
    code: int = getattr(commands, {"list": "list_packages"}.get(name, name))(arguments)
    return code


def run(arguments: argparse.Namespace) -> int:
    """Become a command in an activated environment: its exit code and signals are its own."""
    words = [word for index, word in enumerate(arguments.words) if index or word != "--"]
    if not words:
        raise usage("There is no command to run.", fix="conda run -n NAME COMMAND")
    from usertools.environments import existing

    place = existing(arguments.name, arguments.prefix)
    if arguments.cwd:
        os.chdir(arguments.cwd)
    become(image.ACTIVATED, [place.word, *words])
