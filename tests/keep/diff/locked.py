"""A small project with hand-made locks, and what locks are made of."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from platform_images.files import json_text, sha256_bytes

FILES = {
    "platform.toml": 'title = "T"\n[[channels]]\nname = "embedded"\npath = "common/channel"\n',
    "common/apt.txt": "# tools\ngit\n",
    "common/base/kernel.toml": 'display_name = "Base"\n',
    "common/base/environment.yml": "dependencies: [python=3.13]\n",
    "common/base/requirements.in": "jupyterlab>=4\n",
    "common/kernel/requirements.in": "# all\nipykernel>=7\n",
    "deployments/survey/mission.toml": 'title = "S"\nversion = "1"\nkernels = ["sky", "sea"]\n',
    "deployments/survey/apt.txt": "figlet\n",
    "deployments/survey/npm.txt": "outer@^1\n",
    "deployments/survey/kernels/sky/kernel.toml": 'display_name = "Sky"\n',
    "deployments/survey/kernels/sky/environment.yml": "channels: [embedded]\ndependencies:\n  - python=3.11\n",
    "deployments/survey/kernels/sky/requirements.in": "# Light\nlightkurve>=2\n",
    "deployments/survey/kernels/sea/kernel.toml": 'display_name = "Sea"\n',
    "deployments/survey/kernels/sea/environment.yml": "dependencies:\n  - python=3.11\n",
    "deployments/survey/kernels/sea/requirements.in": "xarray\n",
}
ALONE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
Write = Callable[..., None]


def deb(name: str, version: str, *, size: int = 1000, architecture: str = "amd64") -> dict[str, object]:
    digest = sha256_bytes(f"{name} {version}".encode())
    path = f"pool/{name}.deb"
    return {
        "name": name,
        "version": version,
        "architecture": architecture,
        "sha256": digest,
        "size": size,
        "path": path,
    }


def debs(*packages: dict[str, object]) -> str:
    return json_text({"packages": list(packages)})


def pin(name: str, version: str, *via: str, digest: str = "a") -> str:
    lines = [f"{name}=={version} \\", f"    --hash=sha256:{digest * 64}"]
    if len(via) == 1:
        lines.append(f"    # via {via[0]}")
    elif via:
        lines += ["    # via", *(f"    #   {each}" for each in via)]
    return "\n".join(lines)


def pip_lock(*blocks: str) -> str:
    return "\n".join(["# head", "--only-binary :all:", "", *blocks]) + "\n"


def conda(name: str, version: str, build: str = "0", **dependencies: str) -> str:
    needs = ", ".join(f"{key}: '{spec}'" for key, spec in dependencies.items())
    return (
        f"- name: {name}\n  version: '{version}'\n  manager: conda\n  platform: linux-64\n"
        f"  dependencies: {{{needs}}}\n  url: embedded/linux-64/{name}-{version}-{build}.conda\n"
        f"  hash: {{md5: {'1' * 32!r}, sha256: {(build + '0' * 64)[:64]!r}}}\n"
    )


def conda_lock(*blocks: str) -> str:
    return "version: 1\npackage:\n" + "".join(blocks)


def root_system(**values: object) -> str:
    plain = {"provider": "debootstrap", "source": "trixie", "digest": "sha256:00", "epoch": 1, "glibc": "2.41"}
    return json_text({**plain, "packages": [], **values})


LOCKS: dict[tuple[str, str], dict[str, str]] = {
    ("common", "root"): {"packages.json": root_system()},
    ("common", "os"): {"packages.json": debs(deb("git", "1:2.47-1"))},
    ("common", "base"): {
        "conda-lock.yml": conda_lock(conda("python", "3.13.1")),
        "requirements.txt": pip_lock(pin("jupyterlab", "4.5.0", "-r common/base/requirements.in")),
    },
    ("survey", "os"): {"packages.json": debs(deb("figlet", "2.2.5-3"), deb("libfig", "1.0", size=500))},
    ("survey", "npm"): {
        "package.json": "{}\n",
        "package-lock.json": json_text(
            {
                "packages": {
                    "": {"dependencies": {"outer": "^1"}},
                    "node_modules/outer": {"version": "1.0.0", "license": "MIT", "dependencies": {"inner": "^2"}},
                    "node_modules/outer/node_modules/inner": {"version": "2.0.0", "license": "MIT"},
                }
            }
        ),
    },
    ("survey", "sky"): {
        "conda-lock.yml": conda_lock(conda("python", "3.11.2", libffi="*"), conda("libffi", "3.4.4", "h1")),
        "requirements.txt": pip_lock(
            pin("ipykernel", "7.0", "-r common/kernel/requirements.in"),
            pin("lightkurve", "2.5.0", "-r deployments/survey/kernels/sky/requirements.in"),
            pin("memoization", "0.4.0", "lightkurve"),
            pin("numpy", "2.3.0", "lightkurve", "memoization"),
        ),
    },
    ("survey", "sea"): {
        "conda-lock.yml": conda_lock(conda("python", "3.11.2")),
        "requirements.txt": pip_lock(pin("xarray", "2026.4.0", "-r deployments/survey/kernels/sea/requirements.in")),
    },
}


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True
    ).stdout
