"""A report as a picture: a bar for each case, as long as the part of its target that is used."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from platform_images.bench.judging import share_of_target
from platform_images.bench.table import found, wanted
from platform_images.bench.values import Report, Result

ROW, LEFT, WIDTH, RIGHT, TOP, BOTTOM = 26, 150, 420, 220, 34, 30
LOWEST, HIGHEST = 0.01, 10.0
MET, MISSED, INK, FAINT = "#2a7f62", "#b3402f", "#1f2328", "#8c959f"
_TICKS = (0.01, 0.1, 1.0, 10.0)
_STYLE = "font-family:sans-serif;font-size:12px"


def svg(report: Report) -> str:
    """Return the picture as SVG: left of the line at 1 a target is met; the scale is logarithmic."""
    height = TOP + ROW * len(report.results) + BOTTOM
    width = LEFT + WIDTH + RIGHT
    bottom = height - BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" style="{_STYLE}">',
        "<title>How much of each target is used</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 18, "part of the target that is used; less is better", FAINT, anchor="start"),
        *(line for value in _TICKS for line in _tick(value, bottom)),
        *(line for number, result in enumerate(report.results) for line in _bar(result, TOP + ROW * number)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def place(value: float) -> float:
    """Return where a value lies across; values off the scale lie at its ends."""
    inside = min(max(value, LOWEST), HIGHEST)
    return round(LEFT + WIDTH * math.log(inside / LOWEST) / math.log(HIGHEST / LOWEST), 1)


def _tick(value: float, bottom: int) -> list[str]:
    """Return one line of the scale and its number."""
    x = place(value)
    colour, stroke = (INK, 1.5) if value == 1.0 else ("#d0d7de", 1)
    line = f'<line x1="{x}" y1="{TOP - 6}" x2="{x}" y2="{bottom}" stroke="{colour}" stroke-width="{stroke}"/>'
    return [line, _text(x, bottom + 18, "target" if value == 1.0 else f"{value:g}", FAINT, anchor="middle")]


def _bar(result: Result, top: int) -> list[str]:
    """Return one case: its name, its bar, and its number with the target."""
    share = share_of_target(result)
    name = _text(LEFT - 8, top + 16, result.case, INK, anchor="end")
    if share is None:
        return [name, _text(LEFT + 6, top + 16, "not measured", MISSED, anchor="start")]
    colour = MET if result.met else MISSED
    width = round(max(place(share) - LEFT, 2.0), 1)
    bar = f'<rect x="{LEFT}" y="{top + 4}" width="{width}" height="{ROW - 8}" rx="2" fill="{colour}"/>'
    said = f"{found(result)} ({wanted(result)})"
    return [name, bar, _text(LEFT + WIDTH + 8, top + 16, said, INK, anchor="start")]


def _text(x: float, y: float, text: str, colour: str, *, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
