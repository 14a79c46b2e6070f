"""What verifying found, as tables and as JSON: two views of one value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from platform_images import console
from platform_images.errors import ExitCode
from platform_images.verify.comparison import Comparison, Difference
from platform_images.verify.patched import Patched
from platform_images.verify.values import Check, ContentResult, Finding, LabelsResult

if TYPE_CHECKING:
    from rich.table import Table

SHOWN = 20
_GOOD, _BAD = "green", "bold red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks of one image.

    Attributes:
        mission: Name of the mission.
        image: As it was asked for.
        digest: The image's id.
        labels: What it says of itself.
        content: What it holds.
        comparisons: It beside a second build or a published image.
        patched: How it came about, where it is a patched image.
    """

    mission: str
    image: str
    digest: str
    labels: LabelsResult
    content: ContentResult
    comparisons: tuple[Comparison, ...] = ()
    patched: Patched | None = None

    @property
    def exit_codes(self) -> dict[Check, ExitCode]:
        """Each check's own exit code, in the order in which the first failure decides."""
        return {
            Check.LABELS: self.labels.exit_code,
            Check.CONTENT: self.content.exit_code,
            **{each.check: each.exit_code for each in self.comparisons},
        }

    @property
    def exit_code(self) -> ExitCode:
        """The exit code: that of the first check that fails."""
        return next((code for code in self.exit_codes.values() if code), ExitCode.OK)


def show(report: Report, *, json: bool) -> None:
    """Print the result: JSON, or tables and a last line that says it all."""
    if json:
        from platform_images.cli import print_json

        print_json(as_json(report))
        return
    out = console.stdout()
    for table in tables(report):
        out.print(table)
    if report.patched is not None:
        out.print(report.patched.line, markup=False, highlight=False)
    out.print(verdict(report), style=_BAD if report.exit_code else _GOOD)


def verdict(report: Report) -> str:
    """Return the result in one line."""
    if report.exit_code is ExitCode.OK:
        return f"exact: {report.digest}, {report.content.packages} packages, {report.content.files} files"
    reasons = {
        ExitCode.DRIFTED: f"drifted: {report.image}, {len(report.labels.drift)} packages are not the locked ones",
        ExitCode.LABELS_DIFFER: f"not exact: the labels of {report.image} do not name these locks",
        ExitCode.CONTENT_DIFFERS: f"not exact: {len(report.content.findings)} findings in {report.image}",
        ExitCode.REBUILD_DIFFERS: f"not exact: a second build differs from {report.image}",
        ExitCode.PUBLISHED_DIFFERS: f"not exact: the published image differs from {report.image}",
    }
    return reasons[report.exit_code]


def tables(report: Report) -> list[Table]:
    """Return each check's tables."""
    found = [_labels_table(report), _content_table(report)]
    if report.labels.drift:
        found.insert(1, _drift_table(report.labels))
    if report.content.findings:
        found.append(_findings_table(report.content.findings))
    for comparison in report.comparisons:
        found += comparison_tables(comparison)
    return found


def comparison_tables(comparison: Comparison) -> list[Table]:
    """Return the tables of two images side by side."""
    found = [_layers_table(comparison)]
    if comparison.differences:
        found += [_differences_table(comparison.differences), _causes_table(comparison.differences)]
    return found


def as_json(report: Report) -> dict[str, Any]:
    """Return the report for machines, with every finding."""
    return {
        "mission": report.mission,
        "image": report.image,
        "id": report.digest,
        "exact": report.exit_code is ExitCode.OK,
        "exit_code": int(report.exit_code),
        "packages": report.content.packages,
        "files": report.content.files,
        "patched": report.patched.as_json() if report.patched is not None else None,
        "checks": {str(check): int(code) for check, code in report.exit_codes.items()},
        "labels": {
            "compared": dict(report.labels.compared),
            "findings": [asdict(each) for each in report.labels.findings],
            "drift": [
                {"unit": str(each.unit), "name": each.name, "locked": each.locked, "installed": each.installed}
                for each in report.labels.drift
            ],
        },
        "content": {
            "parts": [asdict(each) for each in report.content.rows],
            "findings": [asdict(each) for each in report.content.findings],
        },
        "comparisons": [_comparison_json(each) for each in report.comparisons],
    }


def _comparison_json(comparison: Comparison) -> dict[str, Any]:
    here, there = comparison.here, comparison.there
    return {
        "check": str(comparison.check),
        "equal": comparison.equal,
        "image": {"name": here.name, "id": here.image, "revision": here.revision},
        "other": {"name": there.name, "id": there.image, "revision": there.revision},
        "layers": [{**asdict(row), "equal": row.equal} for row in comparison.rows],
        "differences": [asdict(each) for each in comparison.differences],
    }


def _table(title: str, *names: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in names:
        justify = "right" if name in ("packages", "files", "layer", "times") else "left"
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type] # rich's own literals
    return table


def _row(table: Table, *cells: object, style: str = "") -> None:
    """Add a row; its cells are shown as they are."""
    from rich.text import Text

    table.add_row(*(Text(str(cell)) for cell in cells[:-1]), Text(str(cells[-1]), style))


def _state(count: int) -> tuple[str, str]:
    return (f"{count} differ", _BAD) if count else ("exact", _GOOD)


def _labels_table(report: Report) -> Table:
    table = _table(f"labels: {report.image} ({report.digest})", "label", "image", "state")
    wrong = {finding.name: finding for finding in report.labels.findings}
    for name, value in report.labels.compared.items():
        finding = wrong.get(name)
        state = f"expected {finding.expected}" if finding else "as locked"
        _row(table, name, value or "(empty)", state, style=_BAD if finding else _GOOD)
    return table


def _drift_table(labels: LabelsResult) -> Table:
    table = _table("drift: not as locked", "unit", "package", "locked", "installed")
    for each in labels.drift:
        _row(table, each.unit, each.name, each.locked, each.installed)
    return table


def _content_table(report: Report) -> Table:
    table = _table("content", "part", "packages", "files", "state")
    for row in report.content.rows:
        state, style = _state(row.findings)
        _row(table, row.part, row.packages if row.packages is not None else "", row.files, state, style=style)
    return table


def _findings_table(findings: Sequence[Finding]) -> Table:
    table = _table(_title("findings", len(findings)), "part", "what", "name", "expected", "found", "package")
    for each in findings[:SHOWN]:
        _row(table, each.part, each.what, each.name, _short(each.expected), _short(each.found), each.owner)
    return table


def _layers_table(comparison: Comparison) -> Table:
    same = "the same image" if comparison.same_id else f"{comparison.here.image} and {comparison.there.image}"
    table = _table(f"{comparison.check}: {same}", "layer", "step", "state")
    for row in comparison.rows:
        state, style = ("equal", _GOOD) if row.equal else _state(row.differences)
        if not row.equal and not row.differences:
            state, style = "differs", _BAD
        _row(table, row.number, row.step, state, style=style)
    if comparison.here.revision != comparison.there.revision:
        _row(table, "", "label org.opencontainers.image.revision", "another commit; it does not count")
    return table


def _differences_table(differences: Sequence[Difference]) -> Table:
    table = _table(_title("differences", len(differences)), "layer", "name", "how", "image", "other", "likely cause")
    for each in differences[:SHOWN]:
        layer = each.layer or "config"
        _row(table, layer, each.name, ", ".join(each.kinds), _short(each.here), _short(each.there), each.cause.title)
    return table


def _causes_table(differences: Sequence[Difference]) -> Table:
    table = _table("likely causes", "times", "cause", "cure")
    for cause, count in Counter(each.cause for each in differences).most_common():
        _row(table, count, cause.title, cause.cure)
    return table


def _title(what: str, count: int) -> str:
    return f"{what}: the first {SHOWN} of {count}, --json has all" if count > SHOWN else f"{what}: {count}"


def _short(text: str) -> str:
    """Return a text for a cell: of a SHA-256, its first digits."""
    word = text.removeprefix("md5 ").removeprefix("sha256:")
    hexadecimal = len(word) >= 32 and all(character in "0123456789abcdef" for character in word)
    return text.replace(word, word[:12]) if hexadecimal else text
