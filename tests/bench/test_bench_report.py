"""Cases, judging, the table, the picture and the figures: all without measuring anything."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from platform_images.bench import session
from platform_images.bench.cases import CASES, select
from platform_images.bench.judging import judged, not_measured, share_of_target, verdict
from platform_images.bench.options import options
from platform_images.bench.plot import HIGHEST, LEFT, LOWEST, WIDTH, place, svg
from platform_images.bench.table import page
from platform_images.bench.values import Case, Comparison, Machine, Measured, Report, Unit, parse_report, report_text
from platform_images.errors import UsageError

MACHINE = Machine(cores=2, memory=8.2, kernel="6.12.1", engine="Docker Engine 29.1 (overlay2, 2 cores)")


def case(comparison: Comparison, target: float, *, margin: float | None = None) -> Case:
    return Case(
        name="one", subject="ours", peer="a | b", comparison=comparison, target=target, margin=margin, unit=Unit.SECONDS
    )


def measured(ours: tuple[float, ...], theirs: tuple[float, ...] = (), *, capped: bool = False) -> Measured:
    return Measured(
        subject=ours, peer=theirs, subject_commands=("python -m ours",), peer_commands=("uv theirs",), capped=capped
    )


def report() -> Report:
    rows = (
        judged(case(Comparison.TIMES_AS_MUCH, 1.5), measured((3.0, 2.0, 9.0), (2.0, 2.5, 2.0)), small=False),
        judged(case(Comparison.TIMES_FASTER, 30.0), measured((2.0,), (600.0,), capped=True), small=False),
        judged(case(Comparison.MORE, 0.5), measured((0.9,), (0.1,)), small=False),
        not_measured(case(Comparison.IN_ALL, 15.0), "no index answers", small=False),
    )
    return Report(machine=MACHINE, results=rows)


@pytest.mark.parametrize(
    ("comparison", "target", "value", "met"),
    [
        (Comparison.TIMES_AS_MUCH, 0.5, 0.5, True),
        (Comparison.TIMES_AS_MUCH, 0.49, 0.5, False),
        (Comparison.TIMES_FASTER, 2.0, 2.0, True),
        (Comparison.TIMES_FASTER, 2.1, 2.0, False),
        (Comparison.MORE, -2.0, -2.0, True),
        (Comparison.IN_ALL, 1.9, 2.0, False),
    ],
)
def test_the_median_is_compared_with_the_target(comparison: Comparison, target: float, value: float, met: bool) -> None:
    found = judged(case(comparison, target), measured((2.0, 9.0, 1.0), (4.0, 3.0, 100.0)), small=False)
    assert (found.value, found.met) == (value, met)


def test_a_small_benchmark_has_wide_margins() -> None:
    slow = measured((4.0,), (2.0,))
    assert judged(case(Comparison.TIMES_AS_MUCH, 1.5, margin=5.0), slow, small=False).met is False
    assert judged(case(Comparison.TIMES_AS_MUCH, 1.5, margin=5.0), slow, small=True).met is True


def test_the_figures_come_back_as_they_were() -> None:
    assert parse_report(report_text(report())) == report()
    assert report_text(parse_report(report_text(report()))) == report_text(report())


def test_a_text_that_is_no_report_is_refused() -> None:
    with pytest.raises(UsageError, match="not the result of a benchmark"):
        parse_report('{"machine": {}}')


def test_the_table_has_a_row_for_each_case_with_its_number_target_and_verdict() -> None:
    rows = [line for line in page(report()).splitlines() if line.startswith("| `")]
    assert rows == [
        "| `one` | ours: 3.00 s | a \\| b: 2.00 s | 1.50 x | <= 1.50 x | met |",
        "| `one` | ours: 2.00 s | a \\| b: >= 600 s | >= 300.0 x | >= 30.0 x | met |",
        "| `one` | ours: 0.90 s | a \\| b: 0.10 s | 0.80 s more | <= 0.50 s more | **missed** |",
        "| `one` | ours | a \\| b | not measured: no index answers | <= 15.00 s | **not measured** |",
    ]


def test_the_page_names_machine_and_commands() -> None:
    text = page(report())
    assert "2 cores, 8 GB of memory, Linux 6.12.1, Docker Engine 29.1 (overlay2, 2 cores)" in text
    assert "```text\nuv theirs\n```" in text
    assert text.endswith("\n") and not text.endswith("\n\n")


def test_what_is_wrong_is_told_in_one_sentence() -> None:
    assert verdict(report()) == "missed: one; not measured: one"
    assert verdict(Report(machine=MACHINE, results=report().results[:2])) == ""


def test_the_picture_has_a_bar_for_each_number_and_says_what_has_none() -> None:
    drawn = ElementTree.fromstring(svg(report()))
    space = "{http://www.w3.org/2000/svg}"
    bars = [each for each in drawn.iter(f"{space}rect") if each.get("rx")]
    texts = [each.text or "" for each in drawn.iter(f"{space}text")]
    assert len(bars) == 3
    assert bars[0].get("fill") == bars[1].get("fill") != bars[2].get("fill")
    assert texts.count("one") == 4
    assert "not measured" in texts


def test_the_scale_is_logarithmic_and_has_ends() -> None:
    assert place(0.0) == place(LOWEST) == LEFT
    assert place(HIGHEST * 9) == LEFT + WIDTH
    assert place(1.0) - place(0.1) == pytest.approx(WIDTH / 3, abs=0.2)


def test_less_of_the_target_is_used_by_what_is_better() -> None:
    shares = [share_of_target(result) for result in report().results]
    assert shares == [1.0, 0.1, pytest.approx(1.6), None]


def test_every_case_has_a_name_of_its_own_and_something_that_measures_it() -> None:
    names = [each.name for each in CASES]
    assert len(set(names)) == len(names)
    assert set(names) == session.WITHOUT_ENGINE.keys() | session.WITH_ENGINE.keys()
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)


def test_every_case_is_explained(project: Path) -> None:
    text = (project / "docs" / "benchmark.md").read_text(encoding="utf-8")
    assert [each.name for each in CASES if f"`{each.name}`" not in text] == []


def test_margins_are_wider_than_targets() -> None:
    for each in CASES:
        if each.margin is not None:
            assert each.margin < each.target if each.at_least else each.margin > each.target, each.name


def test_cases_are_chosen_by_name_and_keep_their_order() -> None:
    chosen = select(["lock-cold", "start-list"], small=False)
    assert [each.name for each in chosen] == ["start-list", "lock-cold"]
    assert select((), small=False) == CASES
    assert all(each.margin is not None for each in select((), small=True))


def test_a_case_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"There is no case 'lock-cool'.*lock-cold"):
        select(["lock-cool"], small=False)
    with pytest.raises(UsageError, match="of the small benchmark"):
        select(["size-roman"], small=True)


def test_words_are_options() -> None:
    found = options(["--case", "a", "--case", "b", "--runs", "3", "--small"])
    assert (found.cases, found.runs, found.small, found.whole) == (("a", "b"), 3, True, False)
    assert options([]).whole


@pytest.mark.parametrize("words", [["--runs", "0"], ["--runs", "x"], ["--small", "--mission", "m"], ["fast"]])
def test_a_wrong_word_is_a_usage_error(words: list[str]) -> None:
    with pytest.raises(UsageError, match="nox -s bench") as caught:
        options(words)
    assert "usage: nox -s bench" in str(caught.value.fix)
