"""A graph as a PNG, drawn with Pillow: for places that show no SVG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from platform_images.keep.layering import HEIGHT, MARGIN, PADDING, Box, Layout, Point
from platform_images.keep.packages import LockGraph
from platform_images.keep.svg import LEGEND, title

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

SHARP_PIXELS = 24_000_000
_STEPS = 24
_INK, _EDGE = "#1b1f24", "#b8bdc3"
_PLAIN, _ASKED = ("#f3f4f6", "#8b949e"), ("#cfe4ff", "#0b62c4")


def png_bytes(graph: LockGraph, layout: Layout) -> bytes:
    """Return a drawing as PNG: two pixels a point, one where that would be very many."""
    from PIL import Image, ImageDraw, ImageFont

    scale = 2 if 4 * layout.width * layout.height <= SHARP_PIXELS else 1
    image = Image.new("RGB", (round(layout.width * scale), round(layout.height * scale)), "#ffffff")
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN * scale, 8 * scale), title(graph), _INK, ImageFont.load_default(15 * scale))
    small = ImageFont.load_default(11 * scale)
    draw.text((MARGIN * scale, 27 * scale), LEGEND, _INK, small)
    boxes = {box.name: box for box in layout.boxes}
    for edge in layout.edges:
        _arrow(draw, points(layout.curve(edge, boxes)), scale)
    for box in layout.boxes:
        _box(draw, box, _ASKED if box.name in graph.direct else _PLAIN, scale, small)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=False, compress_level=9)
    return stream.getvalue()


def points(curve: tuple[Point, Point, Point, Point]) -> list[Point]:
    """Return a cubic curve as points on it."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = curve
    found = []
    for step in range(_STEPS + 1):
        t = step / _STEPS
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        found.append((a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3))
    return found


def _arrow(draw: ImageDraw, line: list[Point], scale: int) -> None:
    """Draw an edge with its head."""
    draw.line([(x * scale, y * scale) for x, y in line], fill=_EDGE, width=scale, joint="curve")
    x, y = line[-1]
    head = [(x, y), (x - 6, y - 3), (x - 6, y + 3)]
    draw.polygon([(a * scale, b * scale) for a, b in head], fill="#57606a")


def _box(draw: ImageDraw, box: Box, colours: tuple[str, str], scale: int, font: FreeTypeFont | ImageFont) -> None:
    """Draw a package."""
    corners = (box.x * scale, box.y * scale, (box.x + box.width) * scale, (box.y + HEIGHT) * scale)
    draw.rounded_rectangle(corners, 4 * scale, fill=colours[0], outline=colours[1], width=scale)
    middle = (box.y + HEIGHT / 2) * scale
    draw.text(((box.x + PADDING) * scale, middle), box.label, _INK, font, anchor="lm")
