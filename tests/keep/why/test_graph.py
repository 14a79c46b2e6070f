from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from platform_images import console
from platform_images.errors import UsageError
from platform_images.keep import graph as room
from platform_images.keep.layering import HEIGHT, lay_out, layers, ordered
from platform_images.keep.packages import Edge, LockGraph, Package
from tests.keep.why.server import Index

SVG = "{http://www.w3.org/2000/svg}"


def draw(folder: Path, out: Path, *packages: str, reverse: bool = False) -> str:
    assert room.run(folder, "survey", kernel=None, packages=packages, reverse=reverse, out=out) == 0
    return out.read_text(encoding="utf-8") if out.suffix != ".png" else ""


def names(text: str) -> list[str]:
    return re.findall(r'data-name="([^"]*)"', text)


def test_columns_are_by_longest_path() -> None:
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("x", "c")]
    assert layers(["a", "b", "c", "x"], edges) == (("a", "x"), ("b",), ("c",))
    assert layers([], []) == ()


def test_circles_are_broken_and_what_is_below_stays_below() -> None:
    edges = [("top", "one"), ("one", "two"), ("two", "one"), ("two", "below"), ("below", "deep")]
    assert layers(["one", "two", "top", "below", "deep"], edges) == (
        ("top",),
        ("one",),
        ("two",),
        ("below",),
        ("deep",),
    )


def test_names_are_near_what_they_have_edges_with() -> None:
    columns = (("a", "b", "c"), ("x", "y", "z"))
    assert ordered(columns, [("a", "z"), ("b", "y"), ("c", "x")]) in (
        (("a", "b", "c"), ("z", "y", "x")),
        (("c", "b", "a"), ("x", "y", "z")),
    )


def test_boxes_do_not_overlap_and_edges_lead_to_the_right() -> None:
    packages = {f"p{number:02}": Package(name=f"p{number:02}", version="1.0") for number in range(60)}
    edges = {Edge(parent=f"p{a:02}", child=f"p{b:02}") for a in range(60) for b in range(a + 1, 60) if (a * b) % 7 == 1}
    layout = lay_out(LockGraph(label="a/b", python="3.13", packages=packages, edges=tuple(sorted(edges)), requests=()))
    boxes = {box.name: box for box in layout.boxes}
    assert len(boxes) == 60
    assert all(boxes[parent].right[0] < boxes[child].left[0] for parent, child in layout.edges)
    for one in layout.boxes:
        assert one.x >= 0 and one.x + one.width <= layout.width and one.y + HEIGHT <= layout.height
        beside = [two for two in layout.boxes if two.x == one.x and two.name != one.name]
        assert all(abs(one.y - two.y) >= HEIGHT for two in beside)


def test_an_svg_stands_alone_and_shows_requests(sky: Path, tmp_path: Path, index: Index) -> None:
    text = draw(sky, tmp_path / "new" / "sky.svg")
    root = ElementTree.fromstring(text)
    assert set(names(text)) == {
        *("colours", "gdal", "kernel-part", "libgdal", "numbers", "plotting", "python", "stars", "viewer")
    }
    asked = [node.get("data-name") for node in root.iter(f"{SVG}g") if "request" in str(node.get("class"))]
    assert asked == ["gdal", "kernel-part", "numbers", "python", "stars", "viewer"]
    assert "deployments/survey/kernels/sky/requirements.in:2: stars[plots]&gt;=2" in text
    assert not re.search(r"(?:href|src|url)=|@import|https?://(?!www\.w3\.org)", text)
    assert index.asked == []


def test_the_same_lock_gives_the_same_bytes(sky: Path, tmp_path: Path) -> None:
    for end in ("svg", "html", "png"):
        one, two = tmp_path / f"one.{end}", tmp_path / f"two.{end}"
        draw(sky, one)
        draw(sky, two)
        assert one.read_bytes() == two.read_bytes()


def test_only_what_a_package_requires_or_what_requires_it(sky: Path, tmp_path: Path) -> None:
    assert names(draw(sky, tmp_path / "a.svg", "plotting")) == ["numbers", "plotting"]
    assert names(draw(sky, tmp_path / "b.svg", "plotting", reverse=True)) == ["plotting", "stars"]
    assert names(draw(sky, tmp_path / "c.svg", "plotting", "Colours")) == ["colours", "numbers", "plotting"]


def test_a_page_has_its_drawing_and_its_script_in_it(sky: Path, tmp_path: Path) -> None:
    text = draw(sky, tmp_path / "sky.html")
    assert "<svg " in text and '<input type="search"' in text and "stars 2.1" in text
    assert not re.search(r"(?:href|src)=|@import|https?://(?!www\.w3\.org)", text)
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL)
    assert script is not None
    if shutil.which("node"):
        (tmp_path / "script.js").write_text(script[1])
        subprocess.run(["node", "--check", str(tmp_path / "script.js")], check=True)


def test_a_png_is_a_picture(sky: Path, tmp_path: Path) -> None:
    from PIL import Image

    draw(sky, tmp_path / "sky.png")
    with Image.open(io.BytesIO((tmp_path / "sky.png").read_bytes())) as image:
        assert image.format == "PNG" and image.width > 600
        found = image.convert("RGB").getcolors(1 << 24)
        assert found is not None and (0xCF, 0xE4, 0xFF) in {colour for _, colour in found}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["sky.gif", "sky", "sky.dot"])
def test_a_kind_that_is_not_known_is_refused_with_one_that_is(sky: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a picture") as caught:
        draw(sky, tmp_path / name)
    assert "sky.svg" in str(caught.value) and ".svg, .html, .png" in str(caught.value)


def test_what_makes_no_sense_is_refused(sky: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No file is named"):
        room.run(sky, "survey", kernel=None, packages=(), reverse=False, out=None)
    with pytest.raises(UsageError, match="--reverse"):
        draw(sky, tmp_path / "a.svg", reverse=True)
    with pytest.raises(UsageError, match="did you mean 'stars'"):
        draw(sky, tmp_path / "a.svg", "star")


@pytest.mark.parametrize("ending", room.ENDINGS)
def test_a_file_that_cannot_be_written_is_named_as_it_was_given(sky: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"{'a' * 250}{ending}"  # room for no temporary name
    with pytest.raises(OSError, match="too long") as caught:
        room.run(sky, "survey", kernel=None, packages=(), reverse=False, out=out)
    assert caught.value.filename == str(out) and list(tmp_path.iterdir()) == [sky]


def test_the_file_s_name_is_one_line_however_narrow(
    sky: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    console.stdout.cache_clear()
    try:
        draw(sky, tmp_path / "a file of a long name.svg")
    finally:
        console.stdout.cache_clear()
    assert capsys.readouterr().out == f"{tmp_path}/a file of a long name.svg\n"
