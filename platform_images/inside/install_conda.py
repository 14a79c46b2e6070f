"""install_conda.py PREFIX LIST [CACHE]: install the conda part of an environment from its lock.

LIST is JSON: {"channels": {name: {"mount": folder} or {"url": address}}, "packages": [...]}, the packages each after
those that it needs, with name, version, build, subdir, file, channel, sha256, md5 and depends. Nothing is resolved.
Where a mirror is mounted at /mnt/mirror, all packages come from there.

The program ends without winding up: rattler's threads may outlive the work and crash an interpreter that does.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

CACHE = Path("/var/cache/platform-images-conda")
MIRROR = Path("/mnt/mirror")


def main(prefix: Path, listed: Path, cache: Path = CACHE) -> None:
    """Install, then take away what only this build step knows."""
    content = json.loads(listed.read_text(encoding="utf-8"))
    if MIRROR.is_dir():
        for name, channel in content["channels"].items():
            channel["mount"] = str(MIRROR / name)
    for package in content["packages"]:
        check_local(package, content["channels"][package["channel"]])
    try:
        asyncio.run(install(prefix, content, cache))
    except Exception as error:  # rattler has one exception type for each of its parts
        fail(f"the conda part cannot be installed: {error}")
    scrub(prefix, content)


def check_local(package: dict[str, Any], channel: dict[str, str]) -> None:
    """Compare a file of a channel in the repository with the lock; rattler checks what it downloads itself."""
    if "mount" not in channel:
        return
    path = Path(channel["mount"], package["subdir"], package["file"])
    if not path.is_file():
        fail(f"{package['channel']}/{package['subdir']}/{package['file']} is not in the channel")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package["sha256"]:
        fail(f"hash mismatch: {package['file']}\n  expected sha256 {package['sha256']}\n  found sha256    {found}")


async def install(prefix: Path, content: dict[str, Any], cache: Path) -> None:
    """Download and link every package."""
    import rattler

    await rattler.install(
        [record(package, content["channels"][package["channel"]]) for package in content["packages"]],
        target_prefix=prefix,
        cache_dir=cache,
        platform=rattler.Subdir(content["platform"]),
        execute_link_scripts=True,
        show_progress=False,
    )


def record(package: dict[str, Any], channel: dict[str, str]) -> Any:
    """Return a package of the lock as rattler's own record."""
    import rattler

    place = Path(channel["mount"]).as_uri() if "mount" in channel else channel["url"]
    number = re.search(r"(\d+)(?:_cp\d+)?$", package["build"])
    return rattler.RepoDataRecord(
        rattler.PackageRecord(
            package["name"],
            package["version"],
            rattler.BuildString(package["build"]),
            int(number[1]) if number else 0,
            package["subdir"],
            noarch="python" if package["noarch_python"] else None,
            depends=package["depends"],
            sha256=bytes.fromhex(package["sha256"]),
            md5=bytes.fromhex(package["md5"]),
        ),
        file_name=package["file"],
        url=f"{place}/{package['subdir']}/{package['file']}",
        channel=place,
    )


def scrub(prefix: Path, content: dict[str, Any]) -> None:
    """Remove caches and history, and give each record its name in the lock in place of where the file was found."""
    meta = prefix / "conda-meta"
    by_name = {package["name"]: package for package in content["packages"]}
    for path in sorted(meta.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        package = by_name[found["name"]]
        channel = content["channels"][package["channel"]].get("url", package["channel"])
        found.update(channel=channel, url=f"{channel}/{package['subdir']}/{package['file']}", requested_specs=[])
        for key in ("extracted_package_dir", "package_tarball_full_path", "requested_spec"):
            found.pop(key, None)
        if "link" in found:
            found["link"] = {"source": "", "type": 1}
        path.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        path.chmod(0o644)
    (meta / "history").write_text("", encoding="utf-8")
    (prefix / "CACHEDIR.TAG").unlink(missing_ok=True)
    shutil.rmtree(prefix / "pkgs", ignore_errors=True)
    for cache in sorted(prefix.rglob("__pycache__")):
        shutil.rmtree(cache)  # written again, with hashes in place of times, by bytecode.py


def fail(text: str) -> NoReturn:
    """End the build step with words for a person."""
    sys.stderr.write(f"{text}\n")
    end(1)


def end(code: int) -> NoReturn:
    """End at once."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    os.umask(0o022)
    main(*(Path(word) for word in sys.argv[1:]))
    end(0)
