"""What the steps that install packages of the pip part have in common: how uv is called, and what it must not leave.

Nothing is resolved: what is not in the lock is not installed. Where a mirror is mounted at /mnt/mirror, every file
comes from there and no index is asked.
"""

from __future__ import annotations

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
LEFT_OUT, SETTLED = "left-out.txt", "settled.json"
"""What plan_pip.py writes for a layer."""
LAST_LINES = 40
SAID = "METADATA", "PKG-INFO", "WHEEL"
"""What a distribution says of itself, and uv reads."""
BLOCK = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==[^\n]*(?:\n[ \t]+[^\n]*)*", re.MULTILINE)
"""A release in a lock, with its hashes."""
NO_BINARY = "--no-binary "
REQUIRES = " requires "
"""What is in each line of uv's about a requirement; what else it has to say is about files that are only looked at."""


def environment_of(prefix: Path, folder: Path, variables: list[str]) -> dict[str, str]:
    """Return the environment for uv: with the variables for building from source, and the prefix's programs first."""
    environment = {**os.environ, **dict(word.split("=", 1) for word in variables)}
    environment["PATH"] = f"{prefix}/bin:{os.environ.get('PATH', os.defpath)}"
    if (folder / BUILD).exists():
        # Debugging information holds the path of the build, which is new each time.
        environment |= {name: f"{environment.get(name, '')} -g0".strip() for name in ("CFLAGS", "CXXFLAGS")}
    return environment


def install_command(prefix: Path, place: Path, folder: Path, listed: Path) -> list[str]:
    """Return uv's command line: packages for the Python of ``prefix``, laid out below ``place``.

    The lock itself names the packages that may be built from source.
    """
    build = folder / BUILD
    words = [UV, "pip", "install", "--python", python(prefix), "--prefix", str(place)]
    words += ["--break-system-packages", "--no-config", "--no-progress"]
    words += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    words += ["--cache-dir", str(CACHE), "--requirements", str(listed)]
    words += ["--no-index", "--offline", "--find-links", str(MIRROR)] if MIRROR.is_dir() else []
    if build.exists():
        words += ["--build-constraints", str(build), "--require-build-hashes"]
        words += ["--preview-features", "build-dependency-hashes"]
    return words


def python(prefix: Path) -> str:
    """Return the interpreter of an environment."""
    return str(prefix / "bin" / "python")


def run(words: list[str], environment: dict[str, str]) -> None:
    """Run uv; its own words are what a person needs where it fails."""
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        sys.exit("the pip part cannot be installed\n" + "\n".join(lines[-LAST_LINES:]))
    print(*[line for line in lines if not line.startswith((" +", " ~"))], sep="\n")  # noqa: T201


def run_from_cache(words: list[str], environment: dict[str, str]) -> None:
    """Run uv without a network; with one where the cache has been cleared since everything was fetched into it."""
    if "--offline" not in words:  # as those with a mirror are
        done = subprocess.run([*words, "--offline"], env=environment, capture_output=True, text=True)
        if not done.returncode:
            return
        print("the cache does not have everything any more: fetching")  # noqa: T201
    run(words, environment)


def note(prefix: Path, place: Path, environment: dict[str, str]) -> None:
    """Show requirements that do not fit together: the solver has the last word, so they do not end the build."""
    with tempfile.TemporaryDirectory(prefix="check-", dir=CACHE) as name:
        words = [UV, "pip", "check", "--python", beside(prefix, place, Path(name))]
        words += ["--no-config", "--no-cache", "--offline"]
        done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in sorted(line for line in done.stdout.splitlines() if REQUIRES in line):
        print("note:", line)  # noqa: T201


def beside(prefix: Path, place: Path, folder: Path) -> str:
    """Make a virtual environment of what the distributions in both places say of themselves; return its interpreter.

    uv looks at one environment alone, and what is laid out in ``place`` is not yet in that of ``prefix``.
    """
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(python(prefix))
    (folder / "pyvenv.cfg").write_text(f"home = {prefix}/bin\n", encoding="utf-8")
    seen = set()
    for top in (place, prefix):
        for info in sorted(top.glob("lib/python3.*/site-packages/*-info")):
            name = normalised(info.name.split("-", 1)[0].removesuffix(".egg"))
            # conda's Python may have a second name for its folder; of two of one name, the pip part's counts.
            if info.parent.parent.is_symlink() or not info.is_dir() or name in seen:
                continue
            seen.add(name)
            said = folder / info.relative_to(top)
            said.mkdir(parents=True)
            for file in (each for each in SAID if (info / each).exists()):
                (said / file).symlink_to((info / file).resolve())
    return python(folder)


def infos(top: Path) -> list[Path]:
    """Return the folders in which the distributions below a prefix say what they are."""
    # conda's Python may have a second name for its folder.
    found = sorted(top.glob("lib/python3.*/site-packages/*.dist-info"))
    return [info for info in found if not info.parent.parent.is_symlink()]


def options(text: str) -> list[str]:
    """Return the options that a lock begins with."""
    return [line for line in text.splitlines() if line.startswith("--")]


def releases(text: str) -> dict[str, str]:
    """Return the lines of each release of a lock, by normalised name, without comments."""
    blocks = ((normalised(found["name"]), found[0].splitlines()) for found in BLOCK.finditer(text))
    return {name: "".join(f"{x}\n" for x in lines if not x.lstrip().startswith("#")) for name, lines in blocks}


def built(text: str) -> set[str]:
    """Return the normalised names of what a lock has built from source."""
    return {normalised(x.removeprefix(NO_BINARY).strip()) for x in options(text) if x.startswith(NO_BINARY)}


def requirements(text: str, names: set[str]) -> str:
    """Return a lock with some of its releases alone, by name."""
    found = releases(text)
    return "".join([*(f"{line}\n" for line in options(text)), *(found[name] for name in sorted(names))])


def normalised(name: str) -> str:
    """Return a distribution's name as every index writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


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
