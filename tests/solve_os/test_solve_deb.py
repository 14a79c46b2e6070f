from __future__ import annotations

from platform_images.locks.values import DebPackage
from platform_images.solve.apt import drift
from platform_images.solve.deb import (
    Difference,
    differences,
    parse_installed,
    parse_records,
    parse_uris,
    pool_path,
    upstream_version,
    versions,
)

URIS = (
    "'http://mirror.example/debian/pool/main/g/gcc-14/libstdc%2b%2b-14-dev_14.2.0-19_amd64.deb' "
    f"libstdc++-14-dev_14.2.0-19_amd64.deb 2375760 SHA256:{'a' * 64}\n"
    "'http://mirror.example/debian/pool/main/f/file/file_5.46-5%7edeb13u1_amd64.deb' "
    f"file_1%3a5.46-5~deb13u1_amd64.deb 43560 SHA256:{'b' * 64}\n"
)
STATUS = """\
Package: base-files
Status: install ok installed
Version: 13.8

Package: gone
Status: deinstall ok config-files
Version: 1

"""


def package(name: str, version: str, architecture: str = "amd64") -> DebPackage:
    return DebPackage(
        name=name, version=version, architecture=architecture, sha256="0" * 64, size=1, path=f"pool/main/{name}.deb"
    )


def test_apts_answer_becomes_sorted_packages_without_the_mirror() -> None:
    file, library = parse_uris(URIS)
    assert (file.name, file.version, file.size) == ("file", "1:5.46-5~deb13u1", 43560)
    assert file.path == "pool/main/f/file/file_5.46-5~deb13u1_amd64.deb"
    assert (library.name, library.architecture, library.sha256) == ("libstdc++-14-dev", "amd64", "a" * 64)


def test_a_line_without_sha256_is_not_a_package() -> None:
    assert parse_uris("'http://m/pool/a_1_all.deb' a_1_all.deb 5 MD5Sum:0123\n") == ()


def test_a_pool_path_begins_at_the_pool_wherever_the_mirror_has_it() -> None:
    assert pool_path("http://m/debian-security/pool/updates/main/a/a_1_all.deb") == "pool/updates/main/a/a_1_all.deb"
    assert pool_path("https://m/carpool/debian/pool/main/a/a_1_all.deb") == "pool/main/a/a_1_all.deb"
    assert pool_path("https://m/flat/a_1_all.deb") == "flat/a_1_all.deb"


def test_records_of_other_versions_are_passed_over() -> None:
    record = "Package: a\nVersion: {}\nArchitecture: all\nFilename: pool/a_{}_all.deb\nSize: 5\nSHA256: " + "c" * 64
    text = "\n\n".join(record.format(version, version) for version in ("2", "1"))
    (found,) = parse_records(text, installed={"a": "1"})
    assert (found.version, found.path) == ("1", "pool/a_1_all.deb")


def test_a_removed_package_is_not_installed() -> None:
    assert parse_installed(STATUS) == {"base-files": "13.8"}


def test_differences_name_what_changed_came_and_went() -> None:
    found = differences({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"})
    assert [str(each) for each in found] == [
        "b: locked 1, found 2",
        "c: locked 1, found nothing",
        "d: locked nothing, found 1",
    ]


def test_a_name_with_two_architectures_carries_them() -> None:
    assert versions([package("a", "1"), package("a", "1", "i386"), package("b", "2")]) == {
        "a:amd64": "1",
        "a:i386": "1",
        "b": "2",
    }


def test_drift_looks_at_locked_packages_only() -> None:
    found = drift([package("a", "1"), package("b", "1")], {"a": "1", "b": "2", "other": "9"})
    assert found == (Difference(name="b", locked="1", found="2"),)


def test_the_upstream_version_has_no_epoch_and_no_revision() -> None:
    assert upstream_version("2.41-12+deb13u1") == "2.41"
    assert upstream_version("1:2.36-9") == "2.36"
