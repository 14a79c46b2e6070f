from __future__ import annotations

import base64
import hashlib
import json

import pytest

from platform_images.locks.values import CondaPackage
from platform_images.verify.records.conda import conda_part
from platform_images.verify.records.debian import LockedDebian, debian_part, diverted, left_out
from platform_images.verify.records.npm import npm_part
from platform_images.verify.records.pip import claimed, pip_part, same_version
from platform_images.verify.values import Entry, Finding, Tree, What

SITE = "opt/conda/lib/python3.13/site-packages"
FOLDER = Entry("d", 0o755, 0, 0)
Found = list[tuple[str, What]]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def file(text: str) -> Entry:
    return Entry("f", 0o644, 0, 0, digest(text))


def short(findings: tuple[Finding, ...]) -> Found:
    return [(each.name, each.what) for each in findings]


def record(*rows: tuple[str, str]) -> bytes:
    def encoded(text: str) -> str:
        return base64.urlsafe_b64encode(bytes.fromhex(digest(text))).rstrip(b"=").decode()

    return "".join(f"{path},sha256={encoded(text)},{len(text)}\n" for path, text in rows).encode()


def pip_tree(**changes: Entry) -> Tree:
    """Two distributions that both bring ``shared/README``: the last by name wins."""
    entries = {
        f"{SITE}/Alpha-1.0.dist-info": FOLDER,
        f"{SITE}/beta_two-2.dist-info": FOLDER,
        f"{SITE}/alpha.py": file("alpha"),
        f"{SITE}/shared/README": file("of beta"),
        "opt/conda/bin/beta": file("program"),
    }
    texts = {
        f"{SITE}/Alpha-1.0.dist-info/RECORD": record(("alpha.py", "alpha"), ("shared/README", "of alpha"))
        + b"Alpha-1.0.dist-info/RECORD,,\n",
        f"{SITE}/beta_two-2.dist-info/RECORD": record(("shared/README", "of beta"), ("../../../bin/beta", "program")),
    }
    entries |= dict.fromkeys(texts, FOLDER)
    return Tree(entries=entries | changes, texts=texts)


LOCKED = (
    "alpha==1.0.0 \\\n    --hash=sha256:00\nbeta-two==2 ; python_version >= '3' \\\n    --hash=sha256:00\n# via x\n"
)


def test_a_pip_part_as_locked_has_no_findings() -> None:
    held = pip_part(pip_tree(), "opt/conda", LOCKED, part="base pip", conda=frozenset())
    assert held.findings == ()
    assert held.packages == 2
    assert held.owners["opt/conda/bin/beta"] == "pip beta-two 2"


def test_of_two_distributions_with_the_same_file_the_last_by_name_has_it() -> None:
    infos = {f"{SITE}/Alpha-1.0.dist-info": ("Alpha", "1.0"), f"{SITE}/beta_two-2.dist-info": ("beta_two", "2")}
    assert claimed(pip_tree(), infos)[f"{SITE}/shared/README"] == ("beta-two", digest("of beta"))


def test_pip_s_changed_missing_and_unlocked_are_found() -> None:
    tree = pip_tree(**{f"{SITE}/alpha.py": file("other"), f"{SITE}/gamma-3.dist-info": FOLDER})
    held = pip_part(tree, "opt/conda", LOCKED.replace("==2", "==3") + "delta==1\n", part="p", conda=frozenset())
    assert short(held.findings) == [
        ("pip beta-two", What.VERSION),
        ("pip delta", What.MISSING),
        ("pip gamma", What.EXTRA),
        (f"/{SITE}/alpha.py", What.CONTENT),
    ]


def test_what_conda_brought_is_not_pip_s_but_may_satisfy_its_lock() -> None:
    conda = frozenset({f"{SITE}/Alpha-1.0.dist-info/RECORD"})
    assert pip_part(pip_tree(), "opt/conda", LOCKED, part="p", conda=conda).findings == ()
    only_beta = LOCKED[LOCKED.index("beta") :]
    assert pip_part(pip_tree(), "opt/conda", only_beta, part="p", conda=conda).findings == ()


@pytest.mark.parametrize(
    ("one", "other", "same"), [("1.0", "1.0.0", True), ("1.0.post1", "1.0-1", True), ("2024a", "2024b", False)]
)
def test_versions_are_compared_as_python_packages_count_them(one: str, other: str, same: bool) -> None:
    assert same_version(one, other) is same


def conda_tree(text: str = "python", target: str = "python3.13", **changes: str) -> Tree:
    row = {
        "name": "python", "version": "3.13.5", "build": "0", "sha256": "1" * 64, "md5": "2" * 32,
        "url": "embedded/linux-64/python-3.13.5-0.conda",
        "paths_data": {"paths": [
            {"_path": "bin/python3.13", "path_type": "hardlink", "sha256": "0" * 64,
             "sha256_in_prefix": digest("python")},
            {"_path": "bin/python", "path_type": "softlink", "sha256": "0" * 64,
             "sha256_in_prefix": digest("python3.13")},
            {"_path": "lib/__pycache__/a.pyc", "path_type": "pyc_file"},
        ]},
        **changes,
    }  # fmt: skip
    return Tree(
        entries={"opt/conda/bin/python3.13": file(text), "opt/conda/bin/python": Entry("l", 0o777, 0, 0, target)},
        texts={"opt/conda/conda-meta/python-3.13.5-0.json": json.dumps(row).encode()},
    )


PYTHON = CondaPackage(
    name="python",
    version="3.13.5",
    build="0",
    subdir="linux-64",
    url="embedded/linux-64/python-3.13.5-0.conda",
    md5="2" * 32,
    sha256="1" * 64,
    dependencies=(),
)


def test_a_conda_part_as_locked_has_no_findings() -> None:
    held = conda_part(conda_tree(), "opt/conda", [PYTHON], part="c")
    assert held.findings == ()
    assert held.owners["opt/conda/bin/python"] == "conda python 3.13.5"


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        (conda_tree(text="other"), ("/opt/conda/bin/python3.13", What.CONTENT)),
        (conda_tree(target="elsewhere"), ("/opt/conda/bin/python", What.LINK)),
        (conda_tree(sha256="3" * 64), ("conda python", What.CONTENT)),
        (conda_tree(build="1"), ("conda python", What.VERSION)),
        (conda_tree(version="3.13.6"), ("conda python", What.VERSION)),
        (conda_tree(url="https://conda.example.org/linux-64/python-3.13.5-1.conda"), ("conda python", What.CONTENT)),
    ],
)
def test_conda_s_changes_are_found(tree: Tree, found: tuple[str, What]) -> None:
    assert short(conda_part(tree, "opt/conda", [PYTHON], part="c").findings) == [found]


def test_a_conda_package_that_is_gone_or_not_locked_is_found() -> None:
    assert short(conda_part(Tree(entries={}), "opt/conda", [PYTHON], part="c").findings) == [
        ("conda python", What.MISSING)
    ]
    assert short(conda_part(conda_tree(), "opt/conda", [], part="c").findings) == [("conda python", What.EXTRA)]


STATUS = """Package: libc6
Status: install ok installed
Version: 2.41

Package: vim
Status: install ok installed
Version: 9
Conffiles:
 /etc/vimrc 0

Package: gone
Status: deinstall ok config-files
Version: 1
"""
DEBIAN = LockedDebian(versions={"libc6": "2.41", "vim": "9"}, parts={"libc6": "root", "vim": "common/os"})


def debian_tree(**md5: str) -> Tree:
    sums = {"usr/lib/libc.so": "a" * 32, "usr/help.vim": "b" * 32, "usr/bin/vim": "c" * 32} | md5
    entries = {path: file(path) for path in sums} | {"lib": Entry("l", 0o777, 0, 0, "usr/lib")}
    texts = {
        "var/lib/dpkg/status": STATUS,
        "var/lib/dpkg/diversions": "/usr/help\n/usr/help.vim\nvim-runtime\n/usr/bin/vim\n/usr/bin/vim.old\nvim\n",
        "var/lib/dpkg/info/libc6:amd64.md5sums": f"{'a' * 32}  lib/libc.so\n",
        "var/lib/dpkg/info/libc6:amd64.list": "/.\n/lib\n/lib/libc.so\n",
        "var/lib/dpkg/info/vim.md5sums": f"{'b' * 32}  usr/help\n{'c' * 32}  usr/bin/vim\n{'d' * 32}  etc/vimrc\n"
        f"{'e' * 32}  usr/share/doc/vim/copyright\n",
        "var/lib/dpkg/info/vim.list": "/usr/bin/vim\n",
        "var/lib/dpkg/info/vim.conffiles": "/etc/vimrc\n",
        "etc/dpkg/dpkg.cfg.d/docker": "path-exclude /not/this\npath-exclude=/usr/share/doc/*\n",
    }
    return Tree(entries=entries, md5=sums, texts={path: text.encode() for path, text in texts.items()})


def test_debian_packages_as_locked_have_no_findings() -> None:
    held = debian_part(debian_tree(), DEBIAN, part="elsewhere")
    assert held.findings == ()
    assert held.owners["usr/lib/libc.so"] == "deb libc6 2.41"


def test_debian_s_changed_and_missing_files_are_found_in_their_part() -> None:
    found = debian_part(debian_tree(**{"usr/lib/libc.so": "0" * 32}), DEBIAN, part="elsewhere").findings
    assert [(each.part, each.name, each.what) for each in found] == [("root", "/usr/lib/libc.so", What.CONTENT)]
    tree = debian_tree()
    less = Tree(entries={"lib": tree.entries["lib"]}, md5={}, texts=tree.texts)
    assert short(debian_part(less, DEBIAN, part="elsewhere").findings) == [
        ("/usr/lib/libc.so", What.MISSING),
        ("/usr/help.vim", What.MISSING),
        ("/usr/bin/vim", What.MISSING),
    ]


def test_debian_packages_of_another_root_are_only_compared_where_they_are_locked() -> None:
    less = LockedDebian(versions={"vim": "10"}, parts={"vim": "common/os"}, whole=False)
    assert short(debian_part(debian_tree(), less, part="elsewhere").findings) == [("deb vim", What.VERSION)]
    whole = LockedDebian(versions={"vim": "9"}, parts={"vim": "common/os"})
    assert short(debian_part(debian_tree(), whole, part="elsewhere").findings) == [("deb libc6", What.EXTRA)]


def test_a_package_of_the_root_that_a_patch_has_renewed_is_compared_with_the_later_lock() -> None:
    """A patch renews the package's status, its sums and its files; its lock is in ``common/os`` from then on."""
    old = debian_tree()
    texts = dict(old.texts)
    texts["var/lib/dpkg/status"] = STATUS.replace("2.41", "2.42").encode()
    texts["var/lib/dpkg/info/libc6:amd64.md5sums"] = f"{'f' * 32}  lib/libc.so\n{'9' * 32}  lib/libc.so.2\n".encode()
    texts["var/lib/dpkg/info/libc6:amd64.list"] = b"/.\n/lib\n/lib/libc.so\n/lib/libc.so.2\n"
    sums = {**old.md5, "usr/lib/libc.so": "f" * 32, "usr/lib/libc.so.2": "9" * 32}
    new = Tree(entries={**old.entries, "usr/lib/libc.so.2": file("new")}, md5=sums, texts=texts)
    locked = LockedDebian(
        versions={"libc6": "2.42", "vim": "9"}, parts={"libc6": "common/os", "vim": "common/os"}, whole=True
    )
    held = debian_part(new, locked, part="elsewhere")
    assert held.findings == ()
    assert held.owners["usr/lib/libc.so.2"] == "deb libc6 2.42"
    unpatched = debian_part(old, locked, part="elsewhere").findings
    assert [(each.part, each.name, each.what) for each in unpatched] == [("common/os", "deb libc6", What.VERSION)]
    half = Tree(entries=new.entries, md5={**new.md5, "usr/lib/libc.so": "a" * 32}, texts=texts)
    found = debian_part(half, locked, part="elsewhere").findings
    assert [(each.part, each.name, each.what) for each in found] == [("common/os", "/usr/lib/libc.so", What.CONTENT)]


def test_diversions_and_filters_are_dpkg_s() -> None:
    assert diverted("/a\n/b\npackage\n") == {"a": ("b", "package")}
    filters = (("exclude", "/usr/share/doc/*"), ("include", "/usr/share/doc/*/copyright"))
    assert left_out("usr/share/doc/vim/changelog", filters)
    assert not left_out("usr/share/doc/vim/copyright", filters)
    assert not left_out("usr/bin/vim", filters)


NPM = json.dumps(
    {
        "packages": {
            "": {"name": "small"},
            "node_modules/a": {"version": "1.0.0"},
            "node_modules/a/node_modules/@s/b": {"version": "2.0.0"},
            "node_modules/for-macs": {"version": "1.0.0", "optional": True},
        }
    }
)


def npm_tree(version: str = "1.0.0", lock: str = NPM, **more: str) -> Tree:
    texts = {
        "opt/npm/package-lock.json": lock,
        "opt/npm/node_modules/a/package.json": json.dumps({"version": version}),
        "opt/npm/node_modules/a/node_modules/@s/b/package.json": '{"version": "2.0.0"}',
        **more,
    }
    return Tree(
        entries={path: file(text) for path, text in texts.items()},
        texts={path: text.encode() for path, text in texts.items()},
    )


def test_npm_packages_as_locked_have_no_findings() -> None:
    held = npm_part(npm_tree(), NPM, part="npm")
    assert held.findings == ()
    assert held.owners["opt/npm/node_modules/a/node_modules/@s/b/package.json"] == "npm @s/b 2.0.0"


def test_npm_s_changes_are_found() -> None:
    more = {"opt/npm/node_modules/c/package.json": "{}"}
    assert short(npm_part(npm_tree(version="1.0.1", lock="{}", **more), NPM, part="npm").findings) == [
        ("/opt/npm/package-lock.json", What.CONTENT),
        ("npm node_modules/a", What.VERSION),
        ("npm node_modules/c", What.EXTRA),
    ]
