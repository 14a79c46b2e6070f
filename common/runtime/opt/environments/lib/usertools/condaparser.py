"""The command line of conda, as far as this conda has it."""

from __future__ import annotations

import argparse

from usertools import VERSION

_EXAMPLES = """examples:
  conda create -n stars python=3.13          an environment of your own, in ~/.conda/envs/stars
  conda env create -f environment.yml        the same from a file
  conda activate stars                       use it in this terminal; conda deactivate leaves it
  conda install -n stars numpy               more packages; -c CHANNEL names where from
  conda run -n stars python program.py       one command in it
  conda env export -n stars > environment.yml
  kernel-create NAME 3.13                    an environment that is a Jupyter kernel as well
"""


def parser(program: str) -> argparse.ArgumentParser:
    """Return the parser."""
    top = argparse.ArgumentParser(
        prog=program,
        description="Conda environments. A small conda on py-rattler: conda info says more.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("-V", "--version", action="version", version=f"{program} {VERSION}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_changes(commands)
    _add_questions(commands)
    _add_env(commands)
    _add_running(commands)
    return top


def _add_changes(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add what changes environments."""
    create = commands.add_parser("create", help="make an environment", parents=[_target(), _asking(), _sources()])
    create.add_argument("--file", action="append", default=[], help="environment.yml, or a list of packages")
    create.add_argument("specs", nargs="*", metavar="PACKAGE")
    install = commands.add_parser("install", help="install packages", parents=[_target(), _asking(), _sources()])
    install.add_argument("--file", action="append", default=[], help="environment.yml, or a list of packages")
    install.add_argument("specs", nargs="*", metavar="PACKAGE")
    update = commands.add_parser(
        "update", aliases=["upgrade"], help="move packages on", parents=[_target(), _asking(), _sources()]
    )
    update.add_argument("--all", action="store_true", help="all packages")
    update.add_argument("specs", nargs="*", metavar="PACKAGE")
    remove = commands.add_parser(
        "remove", aliases=["uninstall"], help="remove packages", parents=[_target(), _asking()]
    )
    remove.add_argument("--all", action="store_true", help="the whole environment")
    remove.add_argument("specs", nargs="*", metavar="PACKAGE")
    clean = commands.add_parser("clean", help="empty the cache of packages", parents=[_asking()])
    for flag in ("-a", "--all"), ("-p", "--packages"), ("-t", "--tarballs"), ("-i", "--index-cache"):
        clean.add_argument(*flag, action="store_true")


def _add_questions(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add what only looks."""
    listing = commands.add_parser("list", help="packages of an environment", parents=[_target(), _json()])
    listing.add_argument("-e", "--export", action="store_true", help="as name=version=build")
    listing.add_argument("pattern", nargs="?", metavar="REGEX")
    search = commands.add_parser("search", help="packages of the channels", parents=[_sources(), _json()])
    search.add_argument("spec", metavar="PACKAGE")
    info = commands.add_parser("info", help="what this conda is and uses", parents=[_json()])
    info.add_argument("--base", action="store_true", help="the folder of the base environment")
    info.add_argument("-e", "--envs", action="store_true", help="the environments")
    config = commands.add_parser("config", help="~/.condarc", parents=[_json()])
    config.add_argument("--show", nargs="*", metavar="KEY")
    for flag in ("--add", "--prepend", "--append", "--remove"):
        config.add_argument(flag, nargs=2, action="append", default=[], metavar=("KEY", "VALUE"))


def _add_env(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands below ``conda env``."""
    env = commands.add_parser("env", help="list, create, update, export, remove").add_subparsers(
        dest="env_command", metavar="COMMAND", required=True
    )
    env.add_parser("list", help="all environments", parents=[_json()])
    for name in ("create", "update"):
        command = env.add_parser(name, help=f"{name} from environment.yml", parents=[_target(), _asking(), _sources()])
        command.add_argument("-f", "--file", default="environment.yml")
        if name == "update":
            command.add_argument("--prune", action="store_true", help="remove what the file does not ask for")
    export = env.add_parser("export", help="write environment.yml", parents=[_target(), _json()])
    export.add_argument("--from-history", action="store_true", help="only what was asked for")
    export.add_argument("--no-builds", action="store_true", help="leave builds out")
    export.add_argument("-f", "--file", help="the file to write; without it, standard output")
    env.add_parser("remove", help="remove an environment", parents=[_target(), _asking()])


def _add_running(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add what runs in environments."""
    run = commands.add_parser("run", help="run a command in an environment", parents=[_target()])
    for flag in ("--no-capture-output", "--live-stream", "-v", "--verbose"):
        run.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    run.add_argument("--cwd", help="the folder to run it in")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    for name, text in (("activate", "use an environment in this terminal"), ("deactivate", "leave it")):
        commands.add_parser(name, help=text).add_argument("words", nargs="*")
    init = commands.add_parser("init", help="not needed: terminals of the image know conda activate")
    init.add_argument("words", nargs="*")


def _target() -> argparse.ArgumentParser:
    """Return the options that name an environment."""
    found = argparse.ArgumentParser(add_help=False)
    group = found.add_mutually_exclusive_group()
    group.add_argument("-n", "--name", help="name of the environment")
    group.add_argument("-p", "--prefix", help="folder of the environment")
    return found


def _json() -> argparse.ArgumentParser:
    """Return the option for programs."""
    found = argparse.ArgumentParser(add_help=False)
    found.add_argument("--json", action="store_true", help="the result as JSON")
    return found


def _asking() -> argparse.ArgumentParser:
    """Return the options of what changes something."""
    found = argparse.ArgumentParser(add_help=False, parents=[_json()])
    found.add_argument("-y", "--yes", action="store_true", help="do not ask")
    found.add_argument("-d", "--dry-run", action="store_true", help="only say what would be done")
    found.add_argument("-q", "--quiet", action="store_true", help="do not list the packages")
    return found


def _sources() -> argparse.ArgumentParser:
    """Return the options that name channels."""
    found = argparse.ArgumentParser(add_help=False)
    found.add_argument("-c", "--channel", action="append", default=[], help="a channel to look in first")
    found.add_argument("--override-channels", action="store_true", help="look in the channels of -c only")
    return found
