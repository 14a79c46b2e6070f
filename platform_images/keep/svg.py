"""A graph as SVG, and as a page that searches it; both need nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from platform_images.keep.layering import HEIGHT, MARGIN, PADDING, Box, Layout
from platform_images.keep.packages import LockGraph

LEGEND = "blue: asked for by a line of a request file; an arrow leads to what is required"
_STYLE = """
text { font: 11px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1b1f24 }
.title { font-size: 15px; font-weight: bold }
.node rect { fill: #f3f4f6; stroke: #8b949e; rx: 4px }
.node.request rect { fill: #cfe4ff; stroke: #0b62c4; stroke-width: 1.5px }
.edge { fill: none; stroke: #57606a; stroke-opacity: .35; marker-end: url(#arrow) }
"""
_PAGE_STYLE = """
body { margin: 0; font: 14px system-ui, sans-serif; color: #1b1f24; background: #fff }
header { position: sticky; top: 0; left: 0; padding: .6em 20px; background: #fff; border-bottom: 1px solid #d0d7de }
input { font: inherit; width: 20em; padding: .2em .4em }
svg.some .node, svg.some .edge { opacity: .08 }
svg.some .node.near, svg.some .node.found { opacity: 1 }
svg.some .edge.near { opacity: 1; stroke-opacity: .9; stroke: #0b62c4 }
.node { cursor: pointer }
.node.found rect { fill: #ffe08a; stroke: #9a6700 }
"""
_SCRIPT = """
const svg = document.querySelector('svg'), box = document.querySelector('input');
const said = document.querySelector('output');
const nodes = [...svg.querySelectorAll('.node')], edges = [...svg.querySelectorAll('.edge')];
function show(text, whole, scroll) {
  const found = new Set(nodes.map(n => n.dataset.name)
    .filter(n => text && (whole ? n === text : n.includes(text))));
  const near = new Set();
  for (const e of edges) {
    const hit = found.has(e.dataset.from) || found.has(e.dataset.to);
    e.classList.toggle('near', hit);
    if (hit) { near.add(e.dataset.from); near.add(e.dataset.to); }
  }
  for (const n of nodes) {
    n.classList.toggle('found', found.has(n.dataset.name));
    n.classList.toggle('near', near.has(n.dataset.name));
  }
  svg.classList.toggle('some', found.size > 0);
  said.textContent = text ? found.size + ' found, ' + [...near].filter(n => !found.has(n)).length + ' beside' : '';
  const first = nodes.find(n => found.has(n.dataset.name));
  if (scroll && first) first.scrollIntoView({block: 'center', inline: 'center'});
}
box.addEventListener('input', () => show(box.value.trim().toLowerCase(), false, true));
for (const n of nodes) n.addEventListener('click', () => { box.value = n.dataset.name; show(box.value, true, false); });
addEventListener('keydown', e => { if (e.key === 'Escape') { box.value = ''; show('', true, false); } });
"""


def title(graph: LockGraph) -> str:
    """Return the heading of a drawing."""
    return f"{graph.label}, Python {graph.python}: {len(graph.packages)} packages"


def svg_text(graph: LockGraph, layout: Layout) -> str:
    """Return a graph as an SVG document."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(_svg(graph, layout)) + "\n"


def page_text(graph: LockGraph, layout: Layout) -> str:
    """Return a page with the drawing, and a box that finds packages in it and shows what they have to do with."""
    heading = escape(title(graph))
    lines = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f"<title>{heading}</title>\n<style>{_PAGE_STYLE}</style>\n</head>\n<body>",
        '<header><label>Package: <input type="search" placeholder="part of a name" autofocus></label>',
        "<output></output> &nbsp; click on a package, or Esc to show all</header>",
        *_svg(graph, layout),
        f"<script>{_SCRIPT}</script>\n</body>\n</html>",
    )
    return "\n".join(lines) + "\n"


def _svg(graph: LockGraph, layout: Layout) -> Iterator[str]:
    """Yield the lines of the drawing."""
    size = f'width="{layout.width:.0f}" height="{layout.height:.0f}"'
    view = f'viewBox="0 0 {layout.width:.0f} {layout.height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img">'
    yield f"<title>{escape(title(graph))}</title>\n<style>{_STYLE}</style>"
    yield '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
    yield '<path d="M0 0 8 4 0 8z" fill="#57606a"/></marker></defs>'
    yield '<rect width="100%" height="100%" fill="#fff"/>'
    yield f'<text class="title" x="{MARGIN:.0f}" y="22">{escape(title(graph))}</text>'
    yield f'<text x="{MARGIN:.0f}" y="38">{escape(LEGEND)}</text>'
    boxes = {box.name: box for box in layout.boxes}
    for edge in layout.edges:
        begin, one, two, end = (f"{x:.1f} {y:.1f}" for x, y in layout.curve(edge, boxes))
        names = f'data-from="{escape(edge[0])}" data-to="{escape(edge[1])}"'
        yield f'<path class="edge" {names} d="M{begin}C{one} {two} {end}"/>'
    for box in layout.boxes:
        yield _node(graph, box)
    yield "</svg>"


def _node(graph: LockGraph, box: Box) -> str:
    """Return one package; what asks for it is shown where the pointer rests."""
    kind = "node request" if box.name in graph.direct else "node"
    shown = "\n".join([box.label, *(f"{each.where}: {each.text}" for each in graph.asking(box.name))])
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{HEIGHT:.0f}"'
    text = f'<text x="{box.x + PADDING:.1f}" y="{box.y + 13:.1f}">{escape(box.label)}</text>'
    return f'<g class="{kind}" data-name="{escape(box.name)}"><title>{escape(shown)}</title><rect {place}/>{text}</g>'
