"""Packages laid out a second time for another environment: what is the same file, and what is written anew."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from platform_images.compose.sources import PROGRAMS

SITE = "lib/python3.13/site-packages"


@pytest.fixture
def twin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inside_twin", PROGRAMS / "twin.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def laid(twin: ModuleType, tmp_path: Path) -> tuple[Path, Path]:
    """Where the packages are for the environment ``one``, and for ``one-more``."""
    first, place = tmp_path / "one", tmp_path / "one-more"
    info = first / SITE / "tool-1.dist-info"
    info.mkdir(parents=True)
    place.mkdir()
    script = b"#!/envs/one/bin/python\nimport tool\n"
    (first / "bin").mkdir()
    (first / "bin/tool").write_bytes(script)
    (first / "bin/tool").chmod(0o755)
    (first / "bin/plain").write_text("#!/bin/sh\n")
    (first / "bin/link").symlink_to("tool")
    (first / SITE / "tool.py").write_text("where = '/envs/one/'\n")
    (first / SITE / "empty.py").touch()
    rows = f"../../../bin/tool,{twin.row(script)}\ntool.py,sha256=x,1\ntool-1.dist-info/RECORD,,\n"
    (info / "RECORD").write_text(rows)
    other = first / SITE / "other-1.dist-info"
    other.mkdir()
    (other / "RECORD").write_text("other.py,sha256=y,1\n")
    twin.lay_out(first, place, prefix="/envs/one", other="/envs/one-more")
    return first, place


def test_every_path_is_there_again(laid: tuple[Path, Path]) -> None:
    first, place = laid
    assert [p.relative_to(place) for p in sorted(place.rglob("*"))] == [
        p.relative_to(first) for p in sorted(first.rglob("*"))
    ]
    assert (place / "bin/link").readlink() == Path("tool")


def test_a_script_that_names_the_environment_names_the_other_one_and_keeps_its_mode(laid: tuple[Path, Path]) -> None:
    first, place = laid
    assert (place / "bin/tool").read_text() == "#!/envs/one-more/bin/python\nimport tool\n"
    assert (place / "bin/tool").stat().st_mode & 0o777 == 0o755
    assert (first / "bin/tool").read_text() == "#!/envs/one/bin/python\nimport tool\n"


def test_the_record_has_hash_and_size_of_the_script_that_is_there(twin: ModuleType, laid: tuple[Path, Path]) -> None:
    first, place = laid
    script = (place / "bin/tool").read_bytes()
    rows = (place / SITE / "tool-1.dist-info/RECORD").read_text().splitlines()
    assert rows == [f"../../../bin/tool,{twin.row(script)}", "tool.py,sha256=x,1", "tool-1.dist-info/RECORD,,"]
    assert rows[0].endswith(f",{len(script)}")
    assert (first / SITE / "tool-1.dist-info/RECORD").read_text() != "\n".join(rows) + "\n"


def test_all_else_is_the_same_file_but_for_empty_ones(laid: tuple[Path, Path]) -> None:
    first, place = laid
    alike = {
        str(path.relative_to(place))
        for path in place.rglob("*")
        if path.is_file() and not path.is_symlink() and path.samefile(first / path.relative_to(place))
    }
    assert alike == {"bin/plain", f"{SITE}/tool.py", f"{SITE}/other-1.dist-info/RECORD"}
    assert (place / SITE / "empty.py").read_bytes() == b""
