"""From measures to a number, and whether it meets its target."""

from __future__ import annotations

from statistics import median

from platform_images.bench.values import Case, Comparison, Measured, Report, Result

_DIGITS = 4


def judged(case: Case, measured: Measured, *, small: bool) -> Result:
    """Return the row of a case that was measured.

    Of several runs the median counts. A peer that was stopped takes at least as long as it was given, so a target that
    is met is met; one that is missed might be met after all, and counts as missed.
    """
    value = round(number(case, measured), _DIGITS)
    target = target_of(case, small=small)
    return Result(
        case=case.name,
        subject=case.subject,
        peer=case.peer,
        comparison=case.comparison,
        unit=case.unit,
        subject_runs=measured.subject,
        peer_runs=measured.peer,
        subject_commands=measured.subject_commands,
        peer_commands=measured.peer_commands,
        capped=measured.capped,
        facts=dict(measured.facts),
        value=value,
        target=target,
        met=value >= target if case.at_least else value <= target,
    )


def not_measured(case: Case, problem: str, *, small: bool) -> Result:
    """Return the row of a case that could not run, with the reason."""
    return Result(
        case=case.name,
        subject=case.subject,
        peer=case.peer,
        comparison=case.comparison,
        unit=case.unit,
        target=target_of(case, small=small),
        problem=problem,
    )


def target_of(case: Case, *, small: bool) -> float:
    """Return the target, or a small benchmark's margin."""
    return case.margin if small and case.margin is not None else case.target


def number(case: Case, measured: Measured) -> float:
    """Return the one number that is compared with the target."""
    ours = median(measured.subject)
    theirs = median(measured.peer) if measured.peer else 0.0
    if case.comparison is Comparison.TIMES_AS_MUCH:
        return ours / theirs
    if case.comparison is Comparison.TIMES_FASTER:
        return theirs / ours
    return ours - theirs if case.comparison is Comparison.MORE else ours


def share_of_target(result: Result) -> float | None:
    """Return how much of what is allowed is used: 1 is just the target, less is better; None without a value."""
    if result.value is None:
        return None
    if result.comparison is Comparison.TIMES_FASTER:
        return result.target / result.value
    return max(result.value, 0.0) / result.target


def verdict(report: Report) -> str:
    """Return what is wrong with a report, in one sentence; empty where nothing is."""
    missed = [result.case for result in report.results if result.met is False]
    stuck = [result.case for result in report.results if result.problem]
    parts = [f"missed: {', '.join(missed)}"] if missed else []
    parts += [f"not measured: {', '.join(stuck)}"] if stuck else []
    return "; ".join(parts)
