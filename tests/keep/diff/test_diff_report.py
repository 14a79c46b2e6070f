from __future__ import annotations

import pytest

from platform_images.keep.diffcells import licence, shown_chain, shown_version, size
from platform_images.keep.diffmarkdown import FOLDED, code, escaped, markdown
from platform_images.keep.diffreport import as_json, show
from platform_images.keep.diffvalues import Chain, Change, Diff, Kind, Level, Package, UnitDiff, What, counted


def added(name: str = "a", *, chain: Chain | None = None) -> Change:
    return Change(kind=Kind.PIP, name=name, what=What.ADDED, new=Package(version="1"), chain=chain)


def changed(old: Package, new: Package, level: Level = Level.MINOR, *, kind: Kind = Kind.PIP) -> Change:
    return Change(kind=kind, name="c", what=What.CHANGED, level=level, old=old, new=new)


BACK = Change(
    kind=Kind.DEB,
    name="lib|x",
    what=What.CHANGED,
    level=Level.PATCH,
    downgrade=True,
    old=Package(version="1.0~1", size=3_000_000),
    new=Package(version="1.0", size=1_000_000),
)
FILE = "deployments/m/kernels/k/requirements.in"
CHAIN = Chain(file=FILE, line=3, packages=("top", "a"))


def diff(*changes: Change) -> Diff:
    return Diff(old="HEAD", new="the locks here", units=(UnitDiff(name="m/k", changes=changes),))


def test_counts_in_words() -> None:
    one, two = Package(version="1"), Package(version="2")
    assert counted([]) == "the same packages, otherwise recorded"
    assert counted([added(), changed(one, two), BACK]) == "1 added, 2 changed (1 minor, 1 patch), 1 downgrade"
    assert counted([BACK, BACK]) == "2 changed (2 patch), 2 downgrades"


def test_reasons_are_short_below_their_own_unit() -> None:
    assert shown_chain("m/k", CHAIN) == "requirements.in:3 > top"
    assert shown_chain("m/other", CHAIN) == "kernels/k/requirements.in:3 > top"
    assert shown_chain("m/os", Chain(file="deployments/m/apt.txt", line=1, packages=("a",))) == "apt.txt:1"
    assert shown_chain("common/os", Chain(file="common/apt.txt", line=1, packages=("a",))) == "common/apt.txt:1"


def test_versions() -> None:
    one, two = Package(version="3.4", build="h1"), Package(version="3.4", build="h2")
    assert shown_version(changed(one, two, Level.BUILD), two) == "3.4 h2"
    assert shown_version(changed(one, Package(version="3.5", build="h2")), one) == "3.4"
    commit = changed(Package(version="ab" * 20), Package(version="main"), Level.OTHER, kind=Kind.NOTEBOOKS)
    assert (shown_version(commit, commit.old), shown_version(commit, commit.new)) == ("abababababab", "main")
    assert shown_version(commit, None) == ""


@pytest.mark.parametrize(
    ("old", "new", "words", "grown"),
    [
        (Package(version="1", licence="MIT", size=1000), Package(version="2", licence="MIT", size=3000), "MIT", "+2.0"),
        (Package(version="1", licence="MIT", size=3000), Package(version="2", licence="BSD", size=1000), "", "-2.0 kB"),
        (Package(version="1", licence="MIT"), Package(version="2", size=1), "MIT -> ?", "?"),
        (Package(version="1", size=5), Package(version="2", size=5), "?", "same"),
    ],
)
def test_licences_and_sizes(old: Package, new: Package, words: str, grown: str) -> None:
    change = changed(old, new)
    assert licence(change, asked=True) == (words or "MIT -> BSD")
    assert size(change, asked=True).startswith(grown)


def test_what_nobody_asked_for_is_left_out() -> None:
    assert (licence(added(), asked=False), size(added(), asked=False)) == ("", "")
    assert (licence(added(), asked=True), size(added(), asked=True)) == ("?", "?")


def test_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    show(diff(added(chain=CHAIN), BACK), json=False, as_markdown=False)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "What changed from HEAD to the locks here",
        "",
        "m/k: 1 added, 1 changed (1 patch), 1 downgrade",
        "kind  package  change            from   to      size  asked for by",
        "pip   a        added                    1             requirements.in:3 > top",
        "deb   lib|x    patch, downgrade  1.0~1  1.0  -2.0 MB",
    ]


def test_markdown() -> None:
    assert markdown(diff(added("a_b", chain=CHAIN), BACK)).splitlines() == [
        "## What changed from HEAD to the locks here",
        "",
        "- **m/k**: 1 added, 1 changed (1 patch), 1 downgrade",
        "",
        "### m/k",
        "",
        "| kind | package | change | from | to | size | asked for by |",
        "| --- | --- | --- | --- | --- | ---: | --- |",
        "| pip | `a_b` | added |  | `1` |  | `requirements.in:3 > top` |",
        "| deb | `lib\\|x` | patch, downgrade | `1.0~1` | `1.0` | -2.0 MB |  |",
    ]


def test_a_long_table_is_folded() -> None:
    assert "<details>" not in markdown(diff(*[added()] * FOLDED))
    text = markdown(diff(*[added()] * (FOLDED + 1)))
    assert f"<details><summary>{FOLDED + 1} packages: {FOLDED + 1} added</summary>\n\n| kind" in text
    assert text.endswith("|\n\n</details>\n")


def test_signs_of_markdown_are_only_text() -> None:
    assert code("a`b|c\nd") == "``a`b\\|c d``"
    assert code("`x`") == "`` `x` ``"
    assert code("") == ""
    assert escaped("main_`x`|<b>") == "main\\_\\`x\\`\\|\\<b\\>"


def test_json_has_every_key_and_all_counts() -> None:
    found = as_json(diff(added(), BACK))
    assert found["differs"] is True
    assert found["counts"] == {
        "added": 1,
        "removed": 0,
        "changed": 1,
        "major": 0,
        "minor": 0,
        "patch": 1,
        "build": 0,
        "other": 0,
        "downgrades": 1,
    }
    first, second = found["units"][0]["changes"]
    assert set(first) == set(second)
    assert first["from"] is None
    assert as_json(Diff(old="a", new="b", units=()))["differs"] is False
