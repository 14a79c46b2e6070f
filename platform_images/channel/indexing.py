"""indexing.py FOLDER: write a channel's ``repodata.json`` files.

A program of its own: rattler's threads may outlive the work and crash an interpreter that is winding up, so this one
ends without winding up, and the exit code of whoever asked for the index stays true.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path


def main(folder: str) -> None:
    """Index every subdir of the channel anew."""
    from rattler.index import index_fs

    asyncio.run(index_fs(Path(folder), write_zst=False, write_shards=False, force=True))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:  # rattler has one exception type for each of its parts
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
