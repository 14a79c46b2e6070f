"""limit.py FOLDER CACHE TARGET NAME...: install environments from their locks, two at a time, and nothing more.

FOLDER has the tools and, for each NAME, conda.json, requirements.txt, perhaps build-requirements.txt, and variables.
The last line of output is JSON: how many seconds it took, and how many bytes the files of each environment have.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

AT_A_TIME = 2


def commands(name: str, folder: Path, cache: Path, target: Path) -> list[str]:
    """Return what installs one environment, each command as a shell reads it."""
    files, prefix, tools = folder / name, target / name, folder / "tools" / "bin"
    build = files / "build-requirements.txt"
    backends = f" --build-constraints {build}" if build.exists() else ""
    return [
        f"{tools}/python3 -B -s {folder}/install_conda.py {prefix} {files}/conda.json {cache}/conda",
        f"{prefix}/bin/python -m compileall -q -j 0 -x site-packages {prefix}/lib",
        f"{tools}/uv pip install --quiet --no-config --python {prefix}/bin/python --break-system-packages --no-deps "
        f"--require-hashes --link-mode copy --compile-bytecode --cache-dir {cache}/uv{backends} "
        f"--requirements {files}/requirements.txt",
    ]


def install(name: str, folder: Path, cache: Path, target: Path) -> None:
    """Install one environment, or end with its last words.

    A module that is not valid Python, such as a template, gets no bytecode, and that is well.
    """
    conda, compiled, pip = commands(name, folder, cache, target)
    script = f". {folder}/{name}/variables\n{conda}\n{compiled} || true\n{pip}\n"
    done = subprocess.run(["sh", "-e", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout.strip()}\n{name} could not be installed: {done.stdout.strip()[-200:]}")
    print(f"{name} is installed", flush=True)  # noqa: T201


def size(prefix: Path) -> int:
    """Return the bytes of all files, those with several names once."""
    seen: dict[tuple[int, int], int] = {}
    for top, _, names in os.walk(prefix):
        for name in names:
            found = Path(top, name).lstat()
            if not Path(top, name).is_symlink():
                seen[found.st_dev, found.st_ino] = found.st_size
    return sum(seen.values())


def main(folder: Path, cache: Path, target: Path, names: list[str]) -> None:
    """Install all, and say how long that took."""
    start = time.monotonic()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for done in [pool.submit(install, name, folder, cache, target) for name in names]:
            done.result()
    seconds = time.monotonic() - start
    sizes = {name: size(target / name) for name in names}
    print(json.dumps({"seconds": round(seconds, 3), "bytes": sizes}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
