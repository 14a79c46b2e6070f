"""`invoke why`: who requires a package, with which bounds, and what holds it back from the newest release."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platform_images import cli, console
from platform_images.errors import UsageError
from platform_images.keep.index import site_index
from platform_images.keep.judging import Judge, Judgement
from platform_images.keep.lockgraph import environment_of, locked, read_graph
from platform_images.keep.packages import Edge, LockGraph
from platform_images.locks.lines import Request
from platform_images.model import Environment, Platform, load_mission, load_platform
from platform_images.model.spelling import nearest

if TYPE_CHECKING:
    from rich.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why a package is there.

    Attributes:
        graph: The packages that require it, directly or not, and itself.
        name: The package.
        judgement: What the index says of it; None where it was not asked.
        unknown: Packages whose bounds nobody knows; empty where nobody was asked.
    """

    graph: LockGraph
    name: str
    judgement: Judgement | None = None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of the tree and those below it."""

    text: str
    below: tuple[Branch, ...] = ()


def run(folder: Path, mission: str, *, kernel: str | None, package: str, offline: bool, json: bool) -> int:
    """Print why a package is in a kernel; what `invoke why` does.

    Raises:
        PlatformError: A file has a mistake, the lock is missing or has no such package, the index does not answer.
    """
    platform = load_platform(folder)
    environment = environment_of(platform, load_mission(platform, mission), kernel)
    graph = read_graph(platform, environment, locked(platform, environment))
    name = locked_name(graph, package)
    answer = Answer(graph=ancestors(graph, name), name=name) if offline else ask(platform, environment, graph, name)
    if json:
        cli.print_json(as_json(answer))
        return 0
    show(answer)
    if offline and (more := _more(graph, name)):
        console.say(f"  {more}")
    return 0


def _more(graph: LockGraph, name: str) -> str:
    """Return what the index would tell besides; nothing where it would not."""
    if not graph.packages[name].conda:
        return "the lock has names only; without --offline, the index is asked for the bounds"
    if graph.open_to_pip(name):
        return "the lock does not say which pip packages require it; without --offline, the index is asked"
    return ""


def locked_name(graph: LockGraph, text: str) -> str:
    """Return a package's name as the lock has it.

    Raises:
        UsageError: It has none of that name.
    """
    from packaging.utils import canonicalize_name

    if not text:
        raise UsageError("No package is named.", fix=f"give one, for example --package {min(graph.packages)}")
    for name in (canonicalize_name(text), text.lower()):
        if name in graph.packages:
            return name
    if provider := graph.provider(canonicalize_name(text)):
        return provider
    raise UsageError(
        f"The lock of {graph.label} has no package {text!r}{nearest(canonicalize_name(text), tuple(graph.packages))}.",
        why=_like(canonicalize_name(text), tuple(graph.packages)),
        fix="correct the name, or ask for another --kernel",
    )


def _like(name: str, names: tuple[str, ...]) -> str:
    """Return which names are most like one, or how many there are."""
    near = difflib.get_close_matches(name, names, n=5)
    return f"it has {', '.join(near)}" if near else f"none of its {len(names)} packages has a name like that"


def ancestors(graph: LockGraph, name: str) -> LockGraph:
    """Return the part of a graph that requires a package."""
    return graph.only(graph.reached(frozenset({name}), reverse=True))


def ask(platform: Platform, environment: Environment, graph: LockGraph, name: str) -> Answer:
    """Ask the index which bounds there are, and for the newest release.

    Raises:
        MismatchError: Metadata have not the hash that the index gives.
        ToolError: The index did not answer.
    """
    if graph.packages[name].conda and not graph.open_to_pip(name):
        return Answer(graph=ancestors(graph, name), name=name)
    with site_index(platform) as index:
        judge = Judge.of(platform, environment, graph, index, {})
        if graph.packages[name].conda:
            judge.learn_conda(name)
            found = ancestors(judge.graph, name)
            silent = {each.name for each in graph.packages.values() if not each.conda} - judge.known.keys()
            return Answer(graph=found, name=name, unknown=tuple(sorted({*_unknown(found), *silent})))
        judge.learn({name})
        judgement = judge.judge([name])[name]
    found = ancestors(judge.graph, name)
    return Answer(graph=found, name=name, judgement=judgement, unknown=_unknown(found))


def _unknown(graph: LockGraph) -> tuple[str, ...]:
    """Return the packages whose bounds on another nobody knows."""
    return tuple(sorted({edge.parent for edge in graph.edges if edge.bound is None}))


def branches(answer: Answer) -> tuple[Branch, ...]:
    """Return the tree: lines that ask, and below each what leads from there to the package.

    Every package that requires it stands there once, by its shortest way from a line; what only is on the way of
    others stands there as often as they need it.
    """
    chains = [way for edge in answer.graph.edges if edge.child == answer.name for way in (_way(answer.graph, edge),)]
    result = []
    for request in answer.graph.requests:
        own = [chain for chain in chains if chain and _root(answer.graph, chain[0].parent) == request]
        if request.name == answer.name or own:
            result.append(Branch(f"{request.where}  {request.text}", _below(answer.graph, request, own)))
    rootless = [chain for chain in chains if chain and _root(answer.graph, chain[0].parent) is None]
    result += [Branch(_label(answer.graph, chain[0].parent), _merged(answer.graph, [chain])) for chain in rootless]
    return tuple(result)


def _below(graph: LockGraph, request: Request, chains: list[list[Edge]]) -> tuple[Branch, ...]:
    """Return what stands below a line."""
    if not chains:
        return ()
    return (Branch(_label(graph, request.name), _merged(graph, chains)),)


def _merged(graph: LockGraph, chains: list[list[Edge]]) -> tuple[Branch, ...]:
    """Return chains as a tree: what they begin with alike stands there once."""
    steps: dict[Edge, list[list[Edge]]] = {}
    for first, *rest in chains:
        steps.setdefault(first, []).append(rest)
    return tuple(
        Branch(_step(graph, edge, last=not any(rests)), _merged(graph, [rest for rest in rests if rest]))
        for edge, rests in sorted(steps.items(), key=lambda item: any(item[1]))
    )


def _step(graph: LockGraph, edge: Edge, *, last: bool) -> str:
    """Return a step: what is required, and where that is not the package itself, which version there is."""
    return f"requires {bound_text(edge)}" + ("" if last else f": {_label(graph, edge.child)}")


def _way(graph: LockGraph, last: Edge) -> list[Edge]:
    """Return the shortest chain of edges from a package that a line asks for, ending with this edge."""
    before: dict[str, Edge | None] = {last.parent: None}
    todo = [last.parent]
    incoming: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        incoming.setdefault(edge.child, []).append(edge)
    for name in todo:
        if name in graph.direct:
            chain, step = [], before[name]
            while step is not None:
                chain.append(step)
                step = before[step.child]
            return [*chain, last]
        for edge in incoming.get(name, ()):
            if edge.parent not in before and edge.parent != last.child:
                before[edge.parent] = edge
                todo.append(edge.parent)
    return [last]


def _root(graph: LockGraph, name: str) -> Request | None:
    """Return the first line that asks for a package."""
    return next((each for each in graph.asking(name) if not each.constraint), None)


def _label(graph: LockGraph, name: str) -> str:
    """Return a package with its version."""
    return f"{name} {graph.packages[name].version}"


def bound_text(edge: Edge) -> str:
    """Return what an edge requires, as a requirement; where nobody knows the bounds, the name alone."""
    bound = edge.bound or ""
    return f"{edge.child}{'' if bound[:1] in ('', *'<>=!~') else ' '}{bound}"


def verdict(answer: Answer) -> tuple[str, ...]:
    """Return the lines on the newest release: which it is, and what keeps it out."""
    if answer.judgement is None:
        return ()
    name, python, newest = answer.name, answer.graph.python, answer.judgement.newest
    if newest is None:
        return (f"the index has no final release of {name} for Python {python}",)
    if answer.judgement.ahead:
        return (answer.judgement.ahead_text(python),)
    if not answer.judgement.behind:
        return (f"{answer.judgement.version} is the newest release for Python {python}",)
    lines = [f"the newest release for Python {python} is {newest.version}"]
    lines += [f"  held back by {each}" for each in answer.judgement.held]
    if not answer.judgement.held:
        lines.append(f"  no known bound excludes it; to ask for it: {session(answer.graph, name)}")
    return tuple(lines)


def session(graph: LockGraph, name: str) -> str:
    """Return the command that moves one package on."""
    scope, _, part = graph.label.partition("/")
    return f'nox -s "lock({scope}, {part})" -- --upgrade-package {name}'


def show(answer: Answer) -> None:
    """Print the answer: a tree on a terminal, the same indented elsewhere."""
    out, package = console.stdout(), answer.graph.packages[answer.name]
    title = f"{package.name} {package.version} in {answer.graph.label}{', a conda package' if package.conda else ''}"
    if out.is_terminal:
        out.print(_tree(Branch(title, branches(answer))))
    else:
        for line in indented(Branch(title, branches(answer))):
            out.print(line, soft_wrap=True)
    for line in verdict(answer):
        out.print(line, soft_wrap=True)
    if answer.unknown:
        out.print(f"nobody tells the bounds of: {', '.join(answer.unknown)}", soft_wrap=True)


def indented(branch: Branch, depth: int = 0) -> tuple[str, ...]:
    """Return a tree as lines, two spaces a step."""
    return (f"{'  ' * depth}{branch.text}", *(line for each in branch.below for line in indented(each, depth + 1)))


def _tree(branch: Branch) -> Tree:
    """Return a tree for a terminal."""
    from rich.tree import Tree

    result = Tree(branch.text)
    for each in branch.below:
        result.children.append(_tree(each))
    return result


def as_json(answer: Answer) -> dict[str, object]:
    """Return the answer for machines, with every edge."""
    graph, judged, package = answer.graph, answer.judgement, answer.graph.packages[answer.name]
    scope, _, part = graph.label.partition("/")
    return {
        "scope": scope,
        "environment": part,
        "package": package.name,
        "version": package.version,
        "part": "conda" if package.conda else "pip",
        "newest": judged.newest.version if judged and judged.newest else None,
        "final": judged.final.version if judged and judged.final else None,
        "outdated": judged.behind if judged else None,
        "held_by": [{"by": each.by, "bound": each.bound} for each in (judged.held if judged else ())],
        "requests": [{"file": each.file, "line": each.line, "text": each.text} for each in graph.asking(package.name)],
        "required_by": [
            {"name": each.parent, "version": graph.packages[each.parent].version, "bound": each.bound}
            for each in graph.edges
            if each.child == package.name
        ],
        "edges": [{"from": each.parent, "to": each.child, "bound": each.bound} for each in graph.edges],
        "lines": [
            {"file": each.file, "line": each.line, "text": each.text, "package": each.name} for each in graph.requests
        ],
        "bounds_unknown": list(answer.unknown),
    }
