"""kernel-create, kernel-create-venv, kernel-list, kernel-export and kernel-delete."""

from __future__ import annotations

from pathlib import Path

from usertools import commandline
from usertools.console import confirm, put, put_json, put_table, say
from usertools.errors import usage

_READY = "Ready: {name} is in the launcher of JupyterLab as {shown!r} (reload the page where it is not)."


def create(argv: list[str]) -> int:
    """Make a kernel with a Python of its own."""
    parser = commandline.parser(
        "kernel-create",
        "Make an environment of your own, with its own Python, and a Jupyter kernel of it.\n"
        "It is kept in ~/.conda/envs/NAME and stays when the image is upgraded.",
        "kernel-create stars                             the newest Python\n"
        "kernel-create stars 3.11\n"
        "kernel-create stars environment.yml 'My stars'",
    )
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("source", nargs="?", default="", metavar="PYTHON|FILE", help="a version, or an environment.yml")
    parser.add_argument("display_name", nargs="?", default="", metavar="DISPLAY_NAME")
    parser.add_argument("-c", "--channel", action="append", default=[], help="a channel to look in first")
    found = parser.parse_args(argv)
    from usertools import kernelmaking  # after --help, which is to be quick

    kernelmaking.make_conda(found.name, found.source, found.display_name, asked=tuple(found.channel))
    say(_READY.format(name=found.name, shown=found.display_name or found.name))
    say(f"More packages: conda activate {found.name}, then pip install or conda install")
    return 0


def create_venv(argv: list[str]) -> int:
    """Make a kernel on another environment's Python."""
    parser = commandline.parser(
        "kernel-create-venv",
        "Make a virtual environment on the Python of another environment, and a Jupyter kernel of it.\n"
        "It is kept in ~/.venvs/NAME. Where an upgrade of the image takes that Python away, --rebuild makes it anew.",
        "kernel-create-venv notes                        on the base environment's Python\n"
        "kernel-create-venv more-tess tess --system-site-packages\n"
        "                                                the kernel tess, and packages of your own over it\n"
        "kernel-create-venv --rebuild more-tess          after an upgrade of the image\n"
        "kernel-create-venv --rebuild more-tess jwst-cal the same on another kernel's Python",
    )
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("interpreter", nargs="?", default="", metavar="KERNEL|PYTHON")
    parser.add_argument("display_name", nargs="?", default="", metavar="DISPLAY_NAME")
    parser.add_argument("--system-site-packages", action="store_true", help="see the packages of KERNEL as well")
    parser.add_argument("--rebuild", action="store_true", help="make it anew from what is installed in it")
    found = parser.parse_args(argv)
    from usertools import kernelmaking

    if found.rebuild:
        if found.display_name or found.system_site_packages:
            raise usage("--rebuild keeps the display name and what it extends.", fix="leave them out")
        kernelmaking.rebuild(found.name, found.interpreter)
        say(f"{found.name} is made anew. Restart its notebooks' kernels.")
        return 0
    kernelmaking.make_venv(
        found.name, found.interpreter, found.display_name, system_site_packages=found.system_site_packages
    )
    say(_READY.format(name=found.name, shown=found.display_name or found.name))
    say(f"More packages: source ~/.venvs/{found.name}/bin/activate, then pip install")
    return 0


def list_kernels(argv: list[str]) -> int:
    """List all kernels."""
    parser = commandline.parser(
        "kernel-list", "List the kernels of the image and your own.", "kernel-list\nkernel-list --json"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    found = parser.parse_args(argv)
    from usertools import kernelspecs

    kernels = kernelspecs.listed()
    if found.json:
        put_json([{**vars(kernel), "prefix": str(kernel.prefix)} for kernel in kernels])
        return 0
    rows = [(k.name, k.kind, k.python, k.display_name, f"broken: {k.broken}" if k.broken else "ok") for k in kernels]
    put_table(rows, head=("NAME", "KIND", "PYTHON", "DISPLAY NAME", "STATE"))
    for kernel in kernels:
        if kernel.cure:
            say(f"To mend {kernel.name}: {kernel.cure}")
    return 0


def export(argv: list[str]) -> int:
    """Write a kernel's environment.yml."""
    parser = commandline.parser(
        "kernel-export",
        "Write an environment.yml that kernel-create makes the kernel from again, every package pinned.",
        "kernel-export stars                  to standard output\nkernel-export stars stars.yml",
    )
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("file", nargs="?", metavar="FILE")
    found = parser.parse_args(argv)
    from usertools import kernelmaking, kernelspecs
    from usertools.files import write_text

    text = kernelmaking.exported(kernelspecs.named(found.name))
    if found.file:
        write_text(Path(found.file), text)
        say(f"Written: {found.file}")
    else:
        put(text.rstrip("\n"))
    return 0


def delete(argv: list[str]) -> int:
    """Delete a kernel and its environment."""
    parser = commandline.parser(
        "kernel-delete",
        "Delete a kernel of yours, and its environment where these tools made it.",
        "kernel-delete stars\nkernel-delete --dry-run stars\nkernel-delete -y stars",
    )
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only say what would be deleted")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    found = parser.parse_args(argv)
    from usertools import kernelmaking, kernelrecord, kernelspecs
    from usertools.files import remove

    kernel = kernelspecs.named(found.name)
    folders = kernelmaking.to_delete(kernel)
    for folder in folders:
        say(f"{'Would delete' if found.dry_run else 'Deleting'} {folder}")
    if found.dry_run:
        return 0
    confirm(f"Delete the kernel {kernel.name}?", yes=found.yes)
    for folder in folders:
        remove(folder)
    if kernel.own and kernel.kind == kernelrecord.CONDA:
        say("Its packages stay in the cache: cache-size, cache-clear")
    return 0
