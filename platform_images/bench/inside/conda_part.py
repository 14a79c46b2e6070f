"""conda_part.py PREFIX LIST CACHE: install the conda part of a lock by rattler, and nothing more.

LIST is JSON: {"platform": subdir, "channels": {name: {"mount": folder} or {"url": address}}, "packages": [...]}.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any


def record(package: dict[str, Any], channel: dict[str, str]) -> Any:
    """Return a package of the lock as rattler's own record."""
    import rattler

    place = Path(channel["mount"]).as_uri() if "mount" in channel else channel["url"]
    return rattler.RepoDataRecord(
        rattler.PackageRecord(
            package["name"],
            package["version"],
            rattler.BuildString(package["build"]),
            0,
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


async def install(prefix: Path, listed: Path, cache: Path) -> None:
    """Download and link every package."""
    import rattler

    content = json.loads(listed.read_text(encoding="utf-8"))
    await rattler.install(
        [record(package, content["channels"][package["channel"]]) for package in content["packages"]],
        target_prefix=prefix,
        cache_dir=cache,
        platform=rattler.Subdir(content["platform"]),
        execute_link_scripts=True,
        show_progress=False,
    )


if __name__ == "__main__":
    asyncio.run(install(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
