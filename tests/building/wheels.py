"""Wheels and locks made up for the tests of the programs that lay out the pip part."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.building.records import row


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str], *, script: str = "") -> str:
    """Make a wheel; return its lines of a lock."""
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{script} = {name}:main\n"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [*([each, *row(content[each]).split(",")] for each in content), [f"{info}/RECORD", "", ""]]
    )
    with zipfile.ZipFile(path, "w") as archive:
        for each, data in {**content, f"{info}/RECORD": text.getvalue()}.items():
            archive.writestr(each, data)
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def lock_of(folder: Path, *lines: str) -> Path:
    folder.mkdir()
    (folder / "requirements.txt").write_text("--only-binary :all:\n" + "".join(lines))
    return folder
