from __future__ import annotations

import sys

import pytest

from platform_images.channel.deb import Member
from platform_images.channel.layout import place_of, prefix_files
from platform_images.errors import MismatchError

SYSCONFIG = """
deb_build = os.environ.get('DEB_PYTHON_INSTALL_LAYOUT', 'posix_local')
prefix_scheme = 'posix_local'
"""


def member(path: str, text: str = "", *, link: str | None = None, executable: bool = False) -> Member:
    return Member(path=path, link=link, data=text.encode(), executable=executable, mtime=1)


def laid_out(*members: Member) -> dict[str, Member]:
    return {one.path: one for one in prefix_files(members, series="3.13")}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("usr/bin/python3.13", "bin/python3.13"),
        ("usr/lib/python3.13/os.py", "lib/python3.13/os.py"),
        ("usr/lib/python3.13/lib-dynload/_ssl.so", "lib/python3.13/lib-dynload/_ssl.so"),
        ("usr/include/python3.13/Python.h", "include/python3.13/Python.h"),
        ("usr/include/x86_64-linux-gnu/python3.13/pyconfig.h", "include/python3.13/pyconfig.h"),
        ("usr/include/python3.13/pyconfig.h", None),
        (
            "usr/share/python-wheels/pip-25.1.1-py3-none-any.whl",
            "lib/python3.13/ensurepip/_bundled/pip-25.1.1-py3-none-any.whl",
        ),
        ("usr/share/doc/python3.13/NEWS.gz", None),
        ("usr/share/man/man1/python3.13.1.gz", None),
        ("usr/bin/python3.11", None),
        ("usr/lib/python3.11/os.py", None),
    ],
)
def test_where_a_file_of_debian_goes(path: str, place: str | None) -> None:
    assert place_of(path, series="3.13") == place


@pytest.mark.parametrize(
    "path",
    [
        "usr/lib/python3.13/EXTERNALLY-MANAGED",
        "usr/lib/python3.13/sitecustomize.py",
        "usr/lib/python3.13/test/support/__init__.py",
        "usr/lib/python3.13/__pycache__/os.cpython-313.pyc",
        "usr/lib/python3.13/config-3.13-x86_64-linux-gnu/libpython3.13.a",
    ],
)
def test_what_is_left_out(path: str) -> None:
    assert path.removeprefix("usr/") not in laid_out(member(path))


def test_the_interpreter_has_its_three_names_and_may_be_run() -> None:
    found = laid_out(member("usr/bin/python3.13", executable=True))
    assert (found["bin/python"].link, found["bin/python3"].link) == ("python3.13", "python3.13")
    assert found["bin/python3.13"].executable


def test_the_frozen_site_finds_site_packages() -> None:
    found = laid_out()
    assert found["lib/python3.13/dist-packages"].link == "site-packages"
    assert "lib/python3.13/site-packages/README.txt" in found


def test_packages_are_installed_into_site_packages() -> None:
    text = laid_out(member("usr/lib/python3.13/sysconfig/__init__.py", SYSCONFIG))[
        "lib/python3.13/sysconfig/__init__.py"
    ].data.decode()
    assert "posix_local" not in text
    assert text.count("posix_prefix") == 2


def test_a_sysconfig_that_debian_has_changed_is_refused() -> None:
    with pytest.raises(MismatchError) as caught:
        laid_out(member("usr/lib/python3.13/sysconfig/__init__.py", "prefix_scheme = 'posix_prefix'"))
    assert "lib/python3.13/sysconfig/__init__.py" in caught.value.what


def test_build_settings_say_where_the_prefix_really_is() -> None:
    settings = {"CC": "x86_64-linux-gnu-gcc", "AR": "x86_64-linux-gnu-gcc-ar", "INCLUDEPY": "/usr/include/python3.13"}
    source = f"build_time_vars = {settings!r}\n"
    place = "lib/python3.13/_sysconfigdata__linux_x86_64-linux-gnu.py"
    namespace: dict[str, dict[str, str]] = {}
    exec(laid_out(member(f"usr/{place}", source))[place].data, namespace)
    values = namespace["build_time_vars"]
    assert values["INCLUDEPY"] == f"{sys.base_prefix}/include/python3.13"
    assert (values["CC"], values["AR"]) == ("gcc", "gcc-ar")


def test_links_to_nothing_are_left_out() -> None:
    found = laid_out(
        member(
            "usr/lib/python3.13/config-3.13-x86_64-linux-gnu/libpython3.13.so",
            link="../../x86_64-linux-gnu/libpython3.13.so.1",
        ),
        member("usr/lib/python3.13/a.py"),
        member("usr/lib/python3.13/b.py", link="a.py"),
        member("usr/lib/python3.13/c.py", link="/etc/python3.13/c.py"),
    )
    assert {
        name for name in found if name.startswith(("lib/python3.13/config", "lib/python3.13/b", "lib/python3.13/c"))
    } == {"lib/python3.13/b.py"}


def test_the_order_of_the_packages_does_not_matter() -> None:
    one, two = member("usr/lib/python3.13/a.py"), member("usr/lib/python3.13/b.py")
    assert prefix_files([one, two], series="3.13") == prefix_files([two, one], series="3.13")
