"""Where the packages of a graph are drawn: columns by longest path, ordered so that edges are short. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platform_images.keep.packages import LockGraph

CHARACTER = 6.7
HEIGHT, ROW = 18.0, 25.0
PADDING, GAP, MARGIN, TOP = 8.0, 90.0, 20.0, 48.0
SWEEPS = 12
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One package's place.

    Attributes:
        label: What stands in it.
        x: Its left.
        y: Its top.
    """

    name: str
    label: str
    x: float
    y: float
    width: float

    @property
    def left(self) -> Point:
        """Where edges end."""
        return self.x, self.y + HEIGHT / 2

    @property
    def right(self) -> Point:
        """Where edges begin."""
        return self.x + self.width, self.y + HEIGHT / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A drawing without its ink.

    Attributes:
        boxes: Sorted by name.
        edges: Names of who requires and of what is required, sorted.
    """

    boxes: tuple[Box, ...]
    edges: tuple[tuple[str, str], ...]
    width: float
    height: float

    def curve(self, edge: tuple[str, str], boxes: Mapping[str, Box]) -> tuple[Point, Point, Point, Point]:
        """Return an edge as a cubic curve: its beginning, two points that bend it, its end."""
        begin, end = boxes[edge[0]].right, boxes[edge[1]].left
        reach = max(abs(end[0] - begin[0]) / 2, GAP / 2)
        return begin, (begin[0] + reach, begin[1]), (end[0] - reach, end[1]), end


def lay_out(graph: LockGraph) -> Layout:
    """Return where everything is drawn; the same graph gives the same places."""
    edges = tuple(sorted({(edge.parent, edge.child) for edge in graph.edges if edge.parent != edge.child}))
    columns = ordered(layers(tuple(graph.packages), edges), edges)
    tallest = max((len(column) for column in columns), default=0)
    boxes, x = [], MARGIN
    for column in columns:
        labels = {name: f"{name} {graph.packages[name].version}" for name in column}
        width = max(len(label) for label in labels.values()) * CHARACTER + 2 * PADDING
        top = TOP + (tallest - len(column)) * ROW / 2
        for place, name in enumerate(column):
            boxes.append(Box(name=name, label=labels[name], x=x, y=top + place * ROW, width=_width(labels[name])))
        x += width + GAP
    return Layout(
        boxes=tuple(sorted(boxes, key=lambda box: box.name)),
        edges=edges,
        width=max(x - GAP + MARGIN, 420.0),
        height=TOP + tallest * ROW + MARGIN,
    )


def layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Return names in columns, each to the right of all that requires it; circles are broken where least is lost."""
    parents: dict[str, set[str]] = {name: set() for name in names}
    for parent, child in edges:
        parents[child].add(parent)
    column: dict[str, int] = {}
    waiting = set(names)
    while waiting:
        free = sorted(name for name in waiting if not parents[name] & waiting)
        for name in free or [_breaking(waiting, parents)]:
            column[name] = max((column[parent] + 1 for parent in parents[name] if parent in column), default=0)
        waiting -= set(column)
    count = max(column.values(), default=-1) + 1
    return tuple(tuple(sorted(name for name in names if column[name] == number)) for number in range(count))


def _breaking(waiting: set[str], parents: Mapping[str, set[str]]) -> str:
    """Return where to break a circle: in one that nothing else that waits leads to, where the least is lost."""

    def above(name: str) -> int:
        found, todo = {name}, [name]
        while todo:
            new = (parents[todo.pop()] & waiting) - found
            found |= new
            todo += new
        return len(found)

    return min(waiting, key=lambda name: (above(name), len(parents[name] & waiting), name))


def ordered(columns: Sequence[Sequence[str]], edges: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Return columns in which each name is near the middle of those that it has edges with."""
    near: dict[str, list[str]] = {name: [] for column in columns for name in column}
    for parent, child in edges:
        near[parent].append(child)
        near[child].append(parent)
    number = {name: index for index, column in enumerate(columns) for name in column}
    result = [list(column) for column in columns]
    place = {name: _place(index, len(column)) for column in result for index, name in enumerate(column)}
    for sweep in range(SWEEPS):
        step = 1 if sweep % 2 == 0 else -1
        for index in range(len(result))[::step]:
            middles = {
                name: _middle([place[other] for other in near[name] if (number[other] - index) * step < 0], place[name])
                for name in result[index]
            }
            result[index].sort(key=lambda name: (middles[name], name))
            place.update({name: _place(at, len(result[index])) for at, name in enumerate(result[index])})
    return tuple(tuple(column) for column in result)


def _width(label: str) -> float:
    """Return how wide the box of a label is."""
    return round(len(label) * CHARACTER + 2 * PADDING, 1)


def _place(index: int, count: int) -> float:
    """Return how far a row is from the middle of its column."""
    return index - (count - 1) / 2


def _middle(places: Sequence[float], otherwise: float) -> float:
    """Return the mean of some places."""
    return round(sum(places) / len(places), 6) if places else otherwise
