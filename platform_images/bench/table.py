"""A report as a page with a table, for people."""

from __future__ import annotations

from statistics import median

from platform_images.bench.values import Comparison, Machine, Report, Result, Unit

PLOT = "results.svg"
_HEAD = ("case", "measured", "against", "result", "target", "")
_EXPLAINED = "../benchmark.md"


def page(report: Report) -> str:
    """Return ``docs/benchmarks/README.md``."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `nox -s bench`, never by hand. [What each case means, and how to run it]({_EXPLAINED}).",
        "",
        machine_line(report.machine),
        "",
        f"![How much of each target is used]({PLOT})",
        "",
        *table(report),
        "",
        "## Commands",
        "",
        "Run in a copy of the project. [results.json](results.json) has the time of each run.",
        "",
        *[line for result in report.results for line in commands(result)],
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def machine_line(machine: Machine) -> str:
    """Return the machine in one sentence."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(machine.versions.items()))
    parts = [f"{machine.cores} cores", f"{machine.memory:.0f} GB of memory", f"Linux {machine.kernel}"]
    parts += [machine.engine] if machine.engine else []
    return f"Measured in one run on one machine: {', '.join(parts)}{f'; {versions}' if versions else ''}."


def table(report: Report) -> list[str]:
    """Return the table's lines."""
    rows = [_HEAD, tuple("---" for _ in _HEAD), *(cells(result) for result in report.results)]
    return [f"| {' | '.join(row)} |" for row in rows]


def cells(result: Result) -> tuple[str, ...]:
    """Return one row."""
    ours = f"{result.subject}: {amount(result.subject_runs, result.unit)}" if result.subject_runs else result.subject
    theirs = result.peer
    if result.peer_runs:
        theirs += f": {'>= ' if result.capped else ''}{amount(result.peer_runs, result.unit)}"
    return (f"`{result.case}`", _cell(ours), _cell(theirs), _cell(found(result)), wanted(result), mark(result))


def amount(runs: tuple[float, ...], unit: Unit) -> str:
    """Return the median of some runs with its unit."""
    value = median(runs)
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def found(result: Result) -> str:
    """Return the number that has a target; or why there is none."""
    if result.value is None:
        return f"not measured: {result.problem}"
    return f"{'>= ' if result.capped else ''}{_number(result.value, result)}"


def wanted(result: Result) -> str:
    """Return the target."""
    return f"{'>=' if result.comparison is Comparison.TIMES_FASTER else '<='} {_number(result.target, result)}"


def mark(result: Result) -> str:
    """Return whether the target is met, in a word."""
    return {True: "met", False: "**missed**", None: "**not measured**"}[result.met]


def commands(result: Result) -> list[str]:
    """Return what was run for one row."""
    ran = [("measured", result.subject_commands), ("against", result.peer_commands)]
    if not any(words for _, words in ran):
        return []
    lines = [f"### {result.case}", ""]
    for title, words in ran:
        if words:
            lines += [f"{title}:", "", "```text", *words, "```", ""]
    lines += [f"- {name}: {_fact(value)}" for name, value in sorted(result.facts.items())]
    return [*lines, ""] if result.facts else lines


def _number(value: float, result: Result) -> str:
    """Return a value or a target as its comparison reads."""
    if result.comparison in (Comparison.MORE, Comparison.IN_ALL):
        more = " more" if result.comparison is Comparison.MORE else ""
        return f"{value:.{0 if result.unit is Unit.MEGABYTES else 2}f} {result.unit}{more}"
    if result.comparison is Comparison.TIMES_AS_MUCH and result.target < 0.1:
        return f"{value:.1%}".replace("%", " %")
    return f"{value:.{1 if value >= 10 else 2}f} x"


def _fact(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}" if value < 1e6 else f"{value:.0f}"


def _cell(text: str) -> str:
    """Return text that stays in its cell."""
    return " ".join(text.replace("|", "\\|").split())
