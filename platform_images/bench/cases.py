"""The cases, in the order in which they run, and what each is to reach."""

from __future__ import annotations

from collections.abc import Sequence

from platform_images.bench.values import Case, Comparison, Unit
from platform_images.errors import UsageError
from platform_images.model.spelling import nearest

PIP_TOOLS_CAP = 300.0
_LIMIT = "the same locks installed by uv and rattler alone, two environments at a time, without layers"
_USUAL = "the usual Dockerfile: one environment after the other, each a RUN with pip install -r"

CASES = (
    Case(
        name="start-tasks",
        subject="`invoke --list`",
        peer="Python that does nothing",
        comparison=Comparison.MORE,
        target=0.5,
        margin=2.0,
        runs=7,
    ),
    Case(
        name="start-list",
        subject="`invoke list`",
        peer="Python that does nothing",
        comparison=Comparison.MORE,
        target=0.5,
        margin=2.0,
        runs=7,
    ),
    Case(
        name="lock-unchanged",
        subject="solve everything again, nothing changed",
        peer="Python and the imports",
        comparison=Comparison.IN_ALL,
        target=2.0,
        margin=10.0,
        runs=5,
    ),
    Case(
        name="lock-cold",
        subject="solve all environments anew, empty caches",
        peer="bare `uv pip compile --generate-hashes` of the same inputs, one after the other",
        comparison=Comparison.TIMES_AS_MUCH,
        target=1.2,
        margin=5.0,
        runs=3,
    ),
    Case(
        name="lock-pip-tools",
        subject="solve one kernel anew, empty caches",
        peer="`pip-compile --generate-hashes` of pip-tools, the same inputs",
        comparison=Comparison.TIMES_FASTER,
        target=30.0,
        margin=0.5,
    ),
    Case(
        name="build-cold-limit",
        subject="build, every step anew, downloads at hand",
        peer=_LIMIT,
        comparison=Comparison.TIMES_AS_MUCH,
        target=1.5,
        margin=20.0,
    ),
    Case(
        name="build-cold-usual",
        subject="build, every step anew, downloads at hand",
        peer=_USUAL,
        comparison=Comparison.TIMES_FASTER,
        target=3.0,
        margin=0.1,
    ),
    Case(
        name="build-exact",
        subject="build bit for bit, every step anew, downloads at hand",
        peer="a plain build by BuildKit: a stage for each environment, in parallel, nothing that makes it exact",
        comparison=Comparison.TIMES_AS_MUCH,
        target=1.25,
        margin=10.0,
    ),
    Case(
        name="build-memory",
        subject="peak memory of a build, all processes of this program, without the engine",
        peer="",
        comparison=Comparison.IN_ALL,
        target=300.0,
        margin=1000.0,
        unit=Unit.MEGABYTES,
    ),
    Case(
        name="build-unchanged",
        subject="build again, nothing changed",
        peer="the engine's own answer: the time in which its client runs",
        comparison=Comparison.MORE,
        target=1.0,
        margin=10.0,
        runs=5,
    ),
    Case(
        name="change-usual",
        subject="build after one package has changed in the second kernel of three",
        peer=f"{_USUAL}; all after the change runs again",
        comparison=Comparison.TIMES_FASTER,
        target=10.0,
        margin=0.1,
        runs=3,
    ),
    Case(
        name="change-seconds",
        subject="build after one package has changed in the second kernel of three",
        peer="",
        comparison=Comparison.IN_ALL,
        target=15.0,
        margin=120.0,
        runs=3,
    ),
    Case(
        name="change-bytes",
        subject="what is pushed or pulled after that change: layers that are new, compressed",
        peer="the whole image, compressed",
        comparison=Comparison.TIMES_AS_MUCH,
        target=0.05,
        margin=0.9,
        unit=Unit.MEGABYTES,
    ),
    Case(
        name="size-jwebbinar",
        subject="what the kernels of jwebbinar take in the image",
        peer="each kernel installed apart",
        comparison=Comparison.TIMES_AS_MUCH,
        target=0.7,
        margin=1.5,
        unit=Unit.MEGABYTES,
    ),
    Case(
        name="size-roman",
        subject="what the kernels of roman and jwst take in one image",
        peer="each kernel installed apart",
        comparison=Comparison.TIMES_AS_MUCH,
        target=0.7,
        margin=None,
        unit=Unit.MEGABYTES,
    ),
)


def select(names: Sequence[str], *, small: bool) -> tuple[Case, ...]:
    """Return the named cases in their own order, or all; with ``small`` those that have a margin.

    Raises:
        UsageError: There is no such case.
    """
    here = tuple(case for case in CASES if not small or case.margin is not None)
    known = tuple(case.name for case in here)
    for name in names:
        if name not in known:
            raise UsageError(
                f"There is no case {name!r}{' of the small benchmark' if small else ''}{nearest(name, known)}.",
                why=f"Cases: {', '.join(known)}",
                fix="nox -s bench -- --list shows what each measures",
            )
    return tuple(case for case in here if not names or case.name in names)
