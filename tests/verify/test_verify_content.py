from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from platform_images.locks.values import DebPackage, RootSystem
from platform_images.model.environment import Environment
from platform_images.verify import manifest
from platform_images.verify.content import LockedContent, LockedEnvironment, base_findings, content_result
from platform_images.verify.parts import Parts
from platform_images.verify.values import ContentResult, Entry, Tree, What

Lines = Callable[[dict[str, Entry]], bytes]
Verify = Callable[..., ContentResult]
FOLDER, FILE = Entry("d", 0o755, 0, 0), Entry("f", 0o644, 0, 0, "aa")
LINK = Entry("l", 0o777, 0, 0, "target")
ENGINE = dict.fromkeys(("dev", "dev/pts", "proc", "etc/hosts", ".dockerenv"), FOLDER)
LISTED: dict[str, dict[str, Entry]] = {
    "root": {"etc": FOLDER, "etc/a": FILE, "usr/b": FILE, "etc/hosts": FILE},
    "system": {"usr/b": LINK},
    "opt/conda": {"opt/conda/bin/x": FILE},
    "opt/conda/envs/new": {"opt/conda/envs/new/bin/x": FILE},
    "mission": {"srv": FOLDER, "srv/x": FILE, "srv/y": FILE},
    "files": {"etc/jupyter/conf": FILE},
}
IMPLIED = ("usr", "opt", "opt/conda", "opt/conda/bin", "opt/conda/envs", "opt/conda/envs/new", "etc/jupyter")
MORE = ("opt/conda/envs/new/bin", "opt/environments", "opt/environments/record", manifest.FOLDER)


@pytest.fixture
def verified(lines: Lines, base: Environment, kernel: Environment, locked_root: RootSystem) -> Iterator[Verify]:
    """``verified({path: entry or None})``: an image as listed but for these names, verified."""

    def result(
        changes: dict[str, Entry | None] | None = None,
        *,
        texts: dict[str, bytes] | None = None,
        patches: int | None = 0,
    ) -> ContentResult:
        places = manifest.manifests((base, kernel), ())
        entries: dict[str, Entry] = {**ENGINE, **dict.fromkeys((*IMPLIED, *MORE, "opt/conda/conda-meta"), FOLDER)}
        entries["opt/conda/envs/new/conda-meta"] = FOLDER
        for each in places:
            entries |= LISTED[each.layer] | {each.path: FILE}
        for path, entry in (changes or {}).items():
            entries.pop(path, None)
            entries |= {path: entry} if entry is not None else {}
        written = {each.path: lines(LISTED[each.layer]) for each in places} | (texts or {})
        tree = Tree(entries=entries, texts=written)
        environments = tuple(LockedEnvironment(environment=each, conda=()) for each in (base, kernel))
        locked = LockedContent(mission="small", root=locked_root, environments=environments)
        return content_result(tree, locked, patches=patches)

    return result  # type: ignore[return-value]


def short(result: ContentResult) -> list[tuple[str, str, What]]:
    return [(each.part, each.name, each.what) for each in result.findings]


def test_an_image_as_listed_has_no_findings(verified: Verify) -> None:
    result = verified()
    assert result.findings == ()
    assert {row.part: row.files for row in result.rows} == {
        "root": 1, "common/os": 1, "base conda": 1, "new conda": 1, "mission": 2, "files": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"etc/a": Entry("f", 0o644, 0, 0, "bb")}, ("root", "/etc/a", What.CONTENT)),
        ({"etc/a": Entry("f", 0o600, 0, 0, "aa")}, ("root", "/etc/a", What.MODE)),
        ({"etc/a": Entry("f", 0o4644, 0, 0, "aa")}, ("root", "/etc/a", What.MODE)),
        ({"etc/a": Entry("f", 0o644, 1, 0, "aa")}, ("root", "/etc/a", What.OWNER)),
        ({"etc/a": Entry("f", 0o644, 0, 1, "aa")}, ("root", "/etc/a", What.OWNER)),
        ({"usr/b": Entry("l", 0o777, 0, 0, "other")}, ("common/os", "/usr/b", What.LINK)),
        ({"etc/a": Entry("d", 0o644, 0, 0)}, ("root", "/etc/a", What.TYPE)),
        ({"etc/a": None}, ("root", "/etc/a", What.MISSING)),
        ({"etc/new": FILE}, ("elsewhere", "/etc/new", What.EXTRA)),
        ({"opt/conda/envs/new/bin/y": FILE}, ("new conda", "/opt/conda/envs/new/bin/y", What.EXTRA)),
        ({"opt/conda/bin": Entry("d", 0o777, 0, 0)}, ("base conda", "/opt/conda/bin", What.MODE)),
        ({f"{manifest.FOLDER}/other.jsonl": FILE}, ("elsewhere", f"/{manifest.FOLDER}/other.jsonl", What.EXTRA)),
    ],
)
def test_one_change_is_one_finding(
    verified: Verify, changes: dict[str, Entry | None], found: tuple[str, str, What]
) -> None:
    assert short(verified(changes)) == [found]


def test_what_the_engine_puts_in_place_is_not_compared(verified: Verify) -> None:
    changes = {"etc/hosts": Entry("f", 0o600, 5, 5, "x"), "dev/console": FILE, "etc/mtab": LINK, "sys": None}
    assert verified(changes).findings == ()


def test_a_whole_directory_is_one_finding(verified: Verify) -> None:
    result = verified({"srv": None, "srv/x": None, "srv/y": None, "new": FOLDER, "new/a": FILE})
    assert [(each.name, each.what, each.expected, each.found) for each in result.findings] == [
        ("/new", What.EXTRA, "-", "a directory and 1 names below it"),
        ("/srv", What.MISSING, "a directory and 2 names below it", "-"),
    ]


def test_without_its_manifests_an_image_is_not_said_to_have_extra_files(verified: Verify, base: Environment) -> None:
    result = verified(texts={f"{manifest.FOLDER}/files.jsonl": b"?"})
    assert short(result) == [("files", f"/{manifest.FOLDER}/files.jsonl", What.CONTENT)]


def patched(
    lines: Lines, listed: dict[str, Entry], *, number: int = 1
) -> tuple[dict[str, Entry | None], dict[str, bytes]]:
    """What a patch changes in an image, and its manifest."""
    path = manifest.patch_path(number)
    return {**listed, path: FILE}, {path: lines(listed)}


def test_what_a_patch_has_changed_counts_with_the_part_that_had_it(verified: Verify, lines: Lines) -> None:
    changes, texts = patched(lines, {"etc/a": LINK, "usr/c": FILE, "opt/conda/bin/y": FILE, "etc/jupyter/conf": LINK})
    result = verified(changes, texts=texts, patches=1)
    assert result.findings == ()
    assert {row.part: row.files for row in result.rows} == {
        "root": 1, "common/os": 2, "base conda": 2, "new conda": 1, "mission": 2, "files": 1
    }  # fmt: skip


def test_a_patched_file_that_is_another_one_is_a_finding_of_its_part(verified: Verify, lines: Lines) -> None:
    changes, texts = patched(lines, {"etc/a": LINK})
    other = Entry("l", 0o777, 0, 0, "other")
    assert short(verified({**changes, "etc/a": other}, texts=texts, patches=1)) == [("root", "/etc/a", What.LINK)]


@pytest.mark.parametrize(
    ("patches", "found"),
    [
        (1, []),
        (None, []),
        (0, [("patches", "/opt/environments/record/manifest/patch.1.jsonl", What.EXTRA)]),
        (2, [("patches", "/opt/environments/record/manifest/patch.2.jsonl", What.MISSING)]),
    ],
)
def test_an_image_has_as_many_manifests_of_patches_as_its_label_names(
    verified: Verify, lines: Lines, patches: int | None, found: list[tuple[str, str, What]]
) -> None:
    changes, texts = patched(lines, {"etc/a": LINK})
    result = verified(changes, texts=texts, patches=patches)
    assert short(result) == found
    assert [row.findings for row in result.rows if row.part == "patches"] == [1 for _ in found]


def test_a_patch_s_manifest_that_cannot_be_read_is_a_finding(verified: Verify) -> None:
    path = manifest.patch_path(1)
    assert short(verified({path: FILE}, texts={path: b"?"}, patches=1)) == [("patches", f"/{path}", What.CONTENT)]


def test_new_files_of_a_patched_package_count_with_it(base: Environment) -> None:
    new = ("usr/lib/a.so.2", "usr/lib/b.so.2", "usr/lib/c.so.2", "var/lib/dpkg/info/a.list")
    site = "opt/conda/lib/python3.13/site-packages/requests/new.py"
    parts = Parts(
        mission_os="small/os",
        environments=(base,),
        layers=dict.fromkeys((*new, site, "srv/x"), manifest.PATCH) | {"usr/lib/d.so": manifest.MISSION},
        owners={
            "usr/lib/a.so.2": "deb a 2", "usr/lib/b.so.2": "deb b 2", "usr/lib/c.so.2": "deb c 2",
            "usr/lib/d.so": "deb b 2", site: "pip requests 2.33.0",
        },
        debian={"a": "common/os", "b": "small/os"},
    )  # fmt: skip
    assert [parts.of(path) for path in new] == ["common/os", "small/os", "small/os", "common/os"]
    assert (parts.of("usr/lib/d.so"), parts.of(site), parts.of("srv/x")) == ("small/os", "base pip", "common/os")


def test_a_foreign_base_is_a_finding(locked_root: RootSystem) -> None:
    assert base_findings(["sha256:1", "sha256:2"], locked_root) == []
    (found,) = base_findings(["sha256:3"], locked_root)
    assert (found.name, found.expected, found.found) == ("layer 1", "sha256:1", "sha256:3")
    assert len(base_findings([], locked_root)) == 1
    registry = locked_root.model_copy(update={"provider": "image"})
    assert base_findings(["sha256:3"], registry) == []
    assert base_findings(["sha256:3"], registry, present=["sha256:3"]) == []
    assert len(base_findings(["sha256:3"], registry, present=["sha256:1", "sha256:2"])) == 2


def test_later_units_decide_a_debian_package_s_version_and_part(locked_root: RootSystem) -> None:
    package = DebPackage(name="a", version="1", architecture="amd64", sha256="0" * 64, size=1, path="pool/a")
    with_one = locked_root.model_copy(update={"packages": (package,)})
    debian = LockedContent(mission="small", root=with_one, common_os={"a": "2", "b": "1"}).debian
    assert debian.versions == {"a": "2", "b": "1"}
    assert debian.parts == {"a": "common/os", "b": "common/os"}


def test_bytecode_belongs_to_the_package_of_its_source(base: Environment) -> None:
    parts = Parts(mission_os="small/os", environments=(base,), owners={"opt/conda/lib/x.py": "pip x 1"})
    assert parts.owner("opt/conda/lib/__pycache__/x.cpython-313.pyc") == "pip x 1"
    assert parts.of("opt/conda/lib/__pycache__/x.cpython-313.pyc") == "base pip"
    assert parts.of("opt/conda/lib/y.py") == "base conda"
