"""install_pip.py PREFIX FOLDER [NAME=VALUE ...]: install the pip part of an environment from its lock.

FOLDER holds requirements.txt and, where packages are built from source, build-requirements.txt, both with hashes.
Where a mirror is mounted at /mnt/mirror, every file comes from there and no index is asked.
Nothing is resolved: what is not in the lock is not installed. Packages of the conda part stay, which is why this is an
installation without dependencies rather than uv's "sync". NAME=VALUE are variables for building from source.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path("/var/cache/platform-images-uv")
TOOLS = Path("/mnt/tools")
MIRROR = Path("/mnt/mirror")
UV = str(TOOLS / "bin" / "uv")
LOCK, BUILD = "requirements.txt", "build-requirements.txt"
BLOCK = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==[^\n]*(?:\n[ \t]+[^\n]*)*", re.MULTILINE)
LAST_LINES = 40


def main(prefix: Path, folder: Path, variables: list[str]) -> None:
    """Install, check, and take away what only this build step knows."""
    environment = {**os.environ, **dict(word.split("=", 1) for word in variables), "PATH": path_with(prefix)}
    python = str(prefix / "bin" / "python")
    if (folder / BUILD).exists():
        environment = without_debugging(environment)
    run(install_command(python, folder, folder / LOCK), environment)
    install_in_turn(quarrelling(prefix), python, folder, environment)
    check(python, environment)
    for site in sorted(prefix.glob("lib/python3.*/site-packages")):
        scrub(site)


def path_with(prefix: Path) -> str:
    """Return PATH with the environment's programs first, for building from source."""
    return f"{prefix}/bin:{os.environ.get('PATH', os.defpath)}"


def without_debugging(environment: dict[str, str]) -> dict[str, str]:
    """Return variables for compilers: debugging information holds the path of the build, which is new each time."""
    return environment | {name: f"{environment.get(name, '')} -g0".strip() for name in ("CFLAGS", "CXXFLAGS")}


def install_command(python: str, folder: Path, listed: Path) -> list[str]:
    """Return uv's command line. The lock itself names the packages that may be built from source."""
    build = folder / BUILD
    words = [UV, "pip", "install", "--python", python, "--break-system-packages", "--no-config", "--no-progress"]
    words += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"]
    words += ["--cache-dir", str(CACHE), "--requirements", str(listed)]
    words += ["--no-index", "--offline", "--find-links", str(MIRROR)] if MIRROR.is_dir() else []
    if build.exists():
        words += ["--build-constraints", str(build), "--require-build-hashes"]
        words += ["--preview-features", "build-dependency-hashes"]
    return words


def quarrelling(prefix: Path) -> list[str]:
    """Return the distributions that bring a file of the same name with other content, sorted."""
    claims: dict[Path, dict[str, str]] = {}
    for info in sorted(prefix.glob("lib/python3.*/site-packages/*.dist-info")):
        name = normalised(info.name.split("-", 1)[0])
        for path, digest, _ in csv.reader((info / "RECORD").read_text(encoding="utf-8").splitlines()):
            claims.setdefault(Path(os.path.normpath(info.parent / path)), {})[name] = digest
    return sorted({name for found in claims.values() if len(set(found.values())) > 1 for name in found})


def install_in_turn(names: list[str], python: str, folder: Path, environment: dict[str, str]) -> None:
    """Install these again one after the other: which of their files of the same name stays must not be chance."""
    text = (folder / LOCK).read_text(encoding="utf-8")
    options = "".join(line + "\n" for line in text.splitlines() if line.startswith("--"))
    blocks = {normalised(found["name"]): found[0] for found in BLOCK.finditer(text)}
    for name in names:
        if name in blocks:
            with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
                listed.write(f"{options}{blocks[name]}\n")
                listed.flush()
                run([*install_command(python, folder, Path(listed.name)), "--reinstall"], environment)


def normalised(name: str) -> str:
    """Return a distribution's name as every index writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def run(words: list[str], environment: dict[str, str]) -> None:
    """Run uv; its own words are what a person needs where it fails."""
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        sys.exit("the pip part cannot be installed\n" + "\n".join(lines[-LAST_LINES:]))
    print(*[line for line in lines if not line.startswith((" +", " ~"))], sep="\n")  # noqa: T201


def check(python: str, environment: dict[str, str]) -> None:
    """Show requirements that do not fit together: the solver has the last word, so they do not end the build."""
    words = [UV, "pip", "check", "--python", python, "--no-config", "--cache-dir", str(CACHE)]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print("note:", done.stdout.strip())  # noqa: T201


def scrub(site: Path) -> None:
    """Remove what names this build's paths, indexes or times, and the rows that list it."""
    for info in sorted(site.glob("*.dist-info")):
        gone = [name for name in ("direct_url.json", "uv_cache.json", "uv_build.json") if (info / name).exists()]
        if not gone:
            continue
        for name in gone:
            (info / name).unlink()
        listed = info / "RECORD"
        rows = listed.read_text(encoding="utf-8").splitlines(keepends=True)
        names = {f"{info.name}/{name}" for name in gone}
        listed.write_text("".join(row for row in rows if row.split(",", 1)[0] not in names), encoding="utf-8")


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
