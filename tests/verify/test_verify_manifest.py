from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from platform_images.model.environment import Environment
from platform_images.verify import manifest
from platform_images.verify.values import Entry, Tree, What

Lines = Callable[[dict[str, Entry]], bytes]
FOLDER = Entry("d", 0o755, 0, 0)
OLD, NEW = Entry("f", 0o644, 0, 0, "aa"), Entry("f", 0o600, 1000, 100, "bb")


def at(name: str) -> str:
    return f"{manifest.FOLDER}/{name}"


def test_a_line_has_type_mode_owner_and_content() -> None:
    line = b'["usr/bin/x","f","4755",0,8,"ab"]\n["usr/bin/y","l","777",0,0,"x"]\n'
    assert dict(manifest.parsed(line)) == {
        "usr/bin/x": Entry("f", 0o4755, 0, 8, "ab"),
        "usr/bin/y": Entry("l", 0o777, 0, 0, "x"),
    }


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b'["a","f","644",0,0]',
        b'["a","z","644",0,0,""]',
        b'["a","f","9",0,0,""]',
        b'{"a":1}',
        b"[1,2,3,4,5,6]",
    ],
)
def test_a_line_in_another_format_is_told_by_its_number(line: bytes) -> None:
    with pytest.raises(ValueError, match="line 2"):
        list(manifest.parsed(b'["a","f","644",0,0,""]\n' + line))


def test_later_manifests_override_and_delete(lines: Lines, base: Environment, kernel: Environment) -> None:
    places = manifest.manifests((base, kernel), ())
    assert [each.layer for each in places] == [
        "root", "system", "opt/conda", "opt/conda/envs/new", "mission", "files"
    ]  # fmt: skip
    texts = {each.path: b"" for each in places}
    texts[at("root.jsonl")] = lines({"etc": FOLDER, "etc/a": OLD, "etc/b": OLD, "usr/doc": FOLDER, "usr/doc/x/y": OLD})
    texts[at("system.jsonl")] = lines({"etc/a": NEW, "usr/doc2": OLD})
    texts[at("system.deleted")] = b'"usr/doc"\n'
    texts[at("mission.deleted")] = b'"etc/b"\n'
    texts[at("mission.jsonl")] = lines({"etc/b": NEW})
    found = manifest.merged(Tree(entries={}, texts=texts), places)
    assert found.findings == ()
    assert found.entries == {"etc": FOLDER, "etc/a": NEW, "usr/doc2": OLD, "etc/b": NEW}
    assert found.layers == {"etc": "root", "etc/a": "system", "usr/doc2": "system", "etc/b": "mission"}


@pytest.mark.parametrize("kind", ["l", "f"])
def test_nothing_is_left_below_a_folder_that_something_else_replaced(
    lines: Lines, base: Environment, kind: str
) -> None:
    """Its names are not among the deleted: through a link they would be those of the link's target."""
    places = manifest.manifests((base,), ())
    other = Entry(kind, 0o777, 0, 0, "other")
    texts = {each.path: b"" for each in places}
    texts[at("root.jsonl")] = lines({"etc": FOLDER, "etc/data/a/b": OLD, "etc/data2": OLD})
    texts[at("mission.jsonl")] = lines({"etc/data": other, "srv/a": NEW})
    found = manifest.merged(Tree(entries={}, texts=texts), places)
    assert found.entries == {"etc": FOLDER, "etc/data": other, "etc/data2": OLD, "srv/a": NEW}
    assert found.layers["etc/data"] == "mission"


def test_patches_come_last_by_number_and_leave_each_path_with_the_layer_that_had_it(
    lines: Lines, base: Environment
) -> None:
    site, names = (
        "opt/conda/lib/a",
        ("patch.10.jsonl", "patch.2.jsonl", "patch.1.jsonl", "patch.1.deleted", "patch.x.jsonl"),
    )
    places = manifest.manifests((base,), map(at, names))
    assert [each.path for each in places[-3:]] == [at(f"patch.{number}.jsonl") for number in (1, 2, 10)]
    texts = {each.path: b"" for each in places}
    texts[at("root.jsonl")] = lines({"etc/a": OLD, "etc/b": OLD, "lib/link": FOLDER, "lib/link/x": OLD})
    texts[at("files.jsonl")] = lines({"opt/record": OLD})
    texts["opt/conda/conda-meta/platform-images.jsonl"] = lines({site: OLD, f"{site}.old": OLD})
    texts[at("patch.1.jsonl")] = lines({"etc/a": NEW, "lib/new": OLD, site: NEW, "lib/link": NEW, "opt/record": NEW})
    texts[at("patch.1.deleted")] = f'"etc/b"\n"{site}.old"\n'.encode()
    texts[at("patch.2.jsonl")] = lines({"etc/b": NEW, "lib/new": NEW, f"{site}.new": NEW})
    found = manifest.merged(Tree(entries={}, texts=texts), places)
    assert found.findings == ()
    assert set(found.entries.values()) == {NEW}
    assert found.layers == {
        "etc/a": "root", "lib/link": "root", "opt/record": "files", site: "opt/conda",
        "etc/b": "patch", "lib/new": "patch", f"{site}.new": "patch",
    }  # fmt: skip
    assert at("patch.2.deleted") in manifest.unlisted(places)


def test_a_manifest_that_is_missing_or_unreadable_is_a_finding(base: Environment) -> None:
    places = manifest.manifests((base,), ())
    texts = {each.path: b"" for each in places if each.layer != "files"} | {at("mission.jsonl"): b"?\n"}
    found = manifest.merged(Tree(entries={}, texts=texts), places).findings
    assert [(each.part, each.name, each.what) for each in found] == [
        ("mission", "/opt/environments/record/manifest/mission.jsonl", What.CONTENT),
        ("files", "/opt/environments/record/manifest/files.jsonl", What.MISSING),
    ]


def test_directories_above_what_is_listed_are_implied() -> None:
    assert manifest.parents(["a/b/c", "a/b/d", "e"]) == {"a", "a/b"}


def test_names_with_odd_characters_are_read_as_json_writes_them() -> None:
    name = 'odd \udcc3\n"name'
    line = json.dumps([name, "f", "644", 0, 0, ""]).encode()
    assert list(manifest.parsed(line)) == [(name, Entry("f", 0o644, 0, 0, ""))]
