"""manifest.py PREFIX OUT [WITHOUT]: write what is below PREFIX into OUT, one line for each path.

A line is a JSON array: path without the first slash; type (f, d, l, b, c, p or s); permission bits in octal; user and
group by number; then the SHA-256 of a file's content, the target of a link, or nothing. Lines are sorted by path. OUT
itself is not listed, nor is what lies below WITHOUT.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

Digests = dict[tuple[int, int], str]
BLOCK = 1 << 20
encoded = json.JSONEncoder(separators=(",", ":")).encode
KINDS = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFBLK: "b",
    stat.S_IFCHR: "c",
    stat.S_IFIFO: "p",
    stat.S_IFSOCK: "s",
}


def main(prefix: Path, out: Path, without: frozenset[str]) -> None:
    """Write the manifest of one environment."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    found = (Path(entry.path) for entry in below(str(prefix), without))
    write(out, [line(path, str(path)) for path in (prefix, *found)])


def below(folder: str, without: frozenset[str]) -> Iterator[os.DirEntry[str]]:
    """Yield all that is below a folder; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.path not in without:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    yield from below(entry.path, without)


def line(path: Path | str, name: str, known: Digests | None = None) -> str:
    """Return the line of one path, under the name that it has in the image; ``known`` has digests of files by inode."""
    found = os.lstat(path)
    kind = KINDS[stat.S_IFMT(found.st_mode)]
    content = known_digest(path, found, known) if kind == "f" else str(Path(path).readlink()) if kind == "l" else ""
    mode = f"{stat.S_IMODE(found.st_mode):o}"
    return encoded([name.lstrip("/"), kind, mode, found.st_uid, found.st_gid, content])


def known_digest(path: Path | str, found: os.stat_result, known: Digests | None) -> str:
    """Return the SHA-256 of a file's content, and keep it for its further names and for whoever asks again."""
    if known is None:
        return digest(path)
    key = found.st_dev, found.st_ino
    if key not in known:
        known[key] = digest(path)
    return known[key]


def digest(path: Path | str) -> str:
    """Return the SHA-256 of a file's content. Most files are small: they are read at once."""
    number = os.open(path, os.O_RDONLY)
    try:
        content = os.read(number, min(os.fstat(number).st_size + 1, BLOCK))
        found = hashlib.sha256(content)
        while content := os.read(number, BLOCK):
            found.update(content)
    finally:
        os.close(number)
    return found.hexdigest()


def write(out: Path, lines: Iterable[str]) -> None:
    """Write lines by path, with the permissions that such a file has everywhere."""
    text = "".join(f"{each}\n" for each in sorted(lines, key=lambda each: os.fsencode(json.loads(each)[0])))
    out.write_text(text, encoding="utf-8")
    out.chmod(0o644)


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]), Path(sys.argv[2]), frozenset(sys.argv[3:]))
