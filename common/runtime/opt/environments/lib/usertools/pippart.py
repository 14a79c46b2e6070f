"""The pip part of an environment: uv installs it, and pip itself comes from the image."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from usertools import image, installed, processes
from usertools.errors import ToolError

UV = image.CONDA / "bin" / "uv"
_LISTS = {"extra_index_url": "UV_INDEX", "find_links": "UV_FIND_LINKS", "trusted_host": "UV_INSECURE_HOST"}
_YES = ("1", "true", "yes", "on")
# A kernel reads no more than 127 letters of a first line, and no blanks: the shell finds the interpreter.
_SCRIPT = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

from pip._internal.cli.main import main

sys.exit(main())
"""


def install(prefix: Path, requirements: Sequence[str], *, folder: Path) -> None:
    """Install requirements into an environment; relative paths in them are below ``folder``.

    Raises:
        ToolError: There is no Python in it, or uv cannot install them.
    """
    python = prefix / "bin" / "python"
    if not python.exists():
        raise ToolError(
            "The pip part cannot be installed: the environment has no Python.",
            fix="add python to its conda packages, such as python=3.13",
        )
    settings = pip_settings()
    words = [str(UV), "pip", "install", "--python", str(python), "--requirements", "-"]
    words += ["--no-index"] if settings.get("no_index", "").lower() in _YES else []
    processes.run(
        words,
        env=uv_environment(processes.plain_environment(), settings),
        cwd=folder,
        given="".join(f"{line}\n" for line in requirements),
        failed="The pip part cannot be installed.",
        fix="correct what is named above; where the index cannot be reached, see: pip config list",
    )


def make_venv(prefix: Path, python: Path, *, system_site_packages: bool) -> None:
    """Make a virtual environment on an interpreter."""
    words = [str(UV), "venv", "--quiet", "--no-project", "--python", str(python)]
    words += ["--system-site-packages"] if system_site_packages else []
    processes.run(
        [*words, str(prefix)],
        env=uv_environment(processes.plain_environment(), {}),
        failed="The virtual environment cannot be made.",
    )


def pip_settings() -> dict[str, str]:
    """Return what pip's configuration files and variables say, by key: uv does not read them."""
    text = processes.output([sys.executable, "-I", "-m", "pip", "config", "list"]) or ""
    return parse_pip_settings(text)


def parse_pip_settings(text: str) -> dict[str, str]:
    """Return the settings that ``pip config list`` prints; variables count more than files."""
    found: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):
        for line in text.splitlines():
            name, separator, value = line.partition("=")
            if separator and name.startswith(section):
                try:
                    found[name.removeprefix(section).replace("-", "_")] = str(ast.literal_eval(value))
                except (ValueError, SyntaxError):
                    continue
    return found


def uv_environment(variables: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """Return variables for uv: those that there are, and what pip's configuration says where they say nothing."""
    found = dict(variables)
    found.setdefault("UV_PYTHON_DOWNLOADS", "never")
    if pip.get("index_url") and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & set(found):
        found["UV_DEFAULT_INDEX"] = pip["index_url"]
    for key, name in _LISTS.items():
        if pip.get(key) and name not in found and not (name == "UV_INDEX" and "UV_EXTRA_INDEX_URL" in found):
            separator = "," if name == "UV_FIND_LINKS" else " "
            found[name] = separator.join(pip[key].split())
    if "UV_INDEX" in found and "UV_INDEX" not in variables:
        found.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # pip takes the best version over all indexes
    if pip.get("constraint"):
        found.setdefault("UV_CONSTRAINT", pip["constraint"])
    bundle = variables.get("REQUESTS_CA_BUNDLE") or pip.get("cert")
    if bundle:
        found.setdefault("SSL_CERT_FILE", bundle)
    return found


def seed_pip(prefix: Path) -> bool:
    """Put the image's own pip into an environment, without a network; say whether its Python can use it."""
    from importlib.metadata import distribution

    from packaging.specifiers import SpecifierSet

    python = prefix / "bin" / "python"
    words = [
        str(python),
        "-I",
        "-c",
        "import sys, sysconfig; print(sysconfig.get_path('purelib'), sys.version.split()[0])",
    ]
    said = processes.output(words)
    if said is None:
        raise ToolError(f"The Python of {prefix} cannot be started.", why=str(python))
    folder, _, version = said.strip().rpartition(" ")
    pip = distribution("pip")
    if not SpecifierSet(pip.metadata["Requires-Python"] or "").contains(version, prereleases=True):
        return False
    base = Path(str(pip.locate_file("")))
    wanted = [str(file) for file in pip.files or () if ".." not in file.parts and "__pycache__" not in file.parts]
    for name in wanted:
        target = Path(folder, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(base / name, target)
    _write_scripts(prefix, Path(folder), wanted)
    return True


def _write_scripts(prefix: Path, folder: Path, names: Sequence[str]) -> None:
    """Write ``pip`` and ``pip3``, and the record by which pip removes itself."""
    scripts = [prefix / "bin" / name for name in ("pip", "pip3")]
    for script in scripts:
        script.write_text(_SCRIPT.format(python=prefix / "bin" / "python"), encoding="utf-8")
        script.chmod(0o755)
    record = next(folder / name for name in names if name.endswith(".dist-info/RECORD"))
    kept = [line for line in record.read_text(encoding="utf-8").splitlines() if not line.startswith("..")]
    kept += [f"{os.path.relpath(script, folder)},," for script in scripts]
    record.write_text("".join(f"{line}\n" for line in kept if "__pycache__" not in line), encoding="utf-8")


def has_pip(prefix: Path) -> bool:
    """Whether an environment has a pip of its own."""
    return any((folder / "pip").is_dir() for folder in installed.site_folders(prefix))


def can_import(python: Path, *modules: str) -> bool:
    """Whether modules can be imported; what is compiled for that makes the first start of a kernel quick."""
    return processes.output([str(python), "-I", "-c", f"import {', '.join(modules)}"], timeout=600) is not None


def can_find(python: Path, module: str) -> bool:
    """Whether an interpreter finds a module."""
    words = [str(python), "-I", "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"]
    return processes.output(words) is not None
