from __future__ import annotations

from pathlib import Path

import pytest

from platform_images import aptget, aptsources
from platform_images.errors import PrerequisiteError

DEB822 = """\
Types: deb
# http://snapshot.example.org/archive/debian
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://switched-off.example.org/debian
Suites: bookworm
Components: main

Types: deb
URIs: https://other.example.org/tool
Suites: stable
Components: extra
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abcd
 -----END PGP PUBLIC KEY BLOCK-----
"""

ONE_LINE = """\
# the archive
deb [arch=amd64,arm64 signed-by=/usr/share/keyrings/a.gpg] http://mirror.example.org/debian bookworm main contrib # here
deb http://mirror.example.org/debian-security bookworm-security main
deb-src http://mirror.example.org/debian bookworm main
deb http://flat.example.org/repo ./
"""


def test_deb822_stanzas_are_read_without_comments_and_without_disabled_ones() -> None:
    sources = aptsources.parse_deb822(DEB822)
    assert [source.uris[0] for source in sources] == [
        "http://mirror.example.org/debian",
        "http://mirror.example.org/debian-security",
        "https://other.example.org/tool",
    ]
    assert sources[0].suites == ("bookworm", "bookworm-updates")
    assert sources[0].option("signed-by") == "/usr/share/keyrings/debian-archive-keyring.gpg"


def test_one_line_sources_are_read_with_their_options() -> None:
    sources = aptsources.parse_one_line(ONE_LINE)
    assert [source.types for source in sources] == [("deb",), ("deb",), ("deb-src",), ("deb",)]
    assert sources[0].options == (("architectures", "amd64 arm64"), ("signed-by", "/usr/share/keyrings/a.gpg"))
    assert sources[0].components == ("main", "contrib")


def test_what_is_written_reads_back_as_the_same_sources() -> None:
    for sources in (aptsources.parse_deb822(DEB822), aptsources.parse_one_line(ONE_LINE)[:2]):
        assert aptsources.parse_deb822(aptsources.render_deb822(sources)) == sources


def test_the_archive_is_neither_updates_nor_security_nor_somebody_elses() -> None:
    security_first = tuple(reversed(aptsources.parse_deb822(DEB822)))
    archive = aptsources.archive(security_first, "bookworm")
    assert archive is not None
    assert (archive.uris, archive.suites) == (("http://mirror.example.org/debian",), ("bookworm",))
    assert aptsources.archive(security_first, "forky") is None


def test_files_of_both_forms_are_found_and_others_left_alone(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (parts / "debian.sources").write_text(DEB822)
    (parts / "old.list.save").write_text("deb http://gone.example.org/debian bookworm main\n")
    uris = [source.uris[0] for source in aptsources.read_sources(tmp_path)]
    assert uris[0] == "http://mirror.example.org/debian"
    assert len(uris) == 7
    assert "http://gone.example.org/debian" not in uris


def test_the_newer_release_comes_from_the_same_mirror_with_the_same_keys() -> None:
    text = aptget.private_sources(aptsources.parse_deb822(DEB822), codename="bookworm", newer="trixie")
    assert text == (
        "Types: deb\n"
        "URIs: http://mirror.example.org/debian\n"
        "Suites: bookworm bookworm-updates\n"
        "Components: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
        "\n"
        "Types: deb\n"
        "URIs: http://mirror.example.org/debian-security\n"
        "Suites: bookworm-security\n"
        "Components: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
        "\n"
        "Types: deb\n"
        "URIs: http://mirror.example.org/debian\n"
        "Suites: trixie\n"
        "Components: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )


def test_nothing_but_the_named_packages_comes_from_the_newer_release() -> None:
    assert aptget.preferences(("docker.io", "containerd"), newer="trixie") == (
        "Package: *\nPin: release n=trixie\nPin-Priority: -1\n\n"
        "Package: docker.io containerd\nPin: release n=trixie\nPin-Priority: 600\n"
    )


def test_sources_without_an_archive_are_a_clear_error() -> None:
    with pytest.raises(PrerequisiteError, match="no archive of this machine's release, bookworm"):
        aptget.private_sources((), codename="bookworm", newer="trixie")


def test_everything_that_apt_writes_goes_to_the_private_folder(tmp_path: Path) -> None:
    options = aptget.write_private(
        tmp_path,
        aptsources.parse_deb822(DEB822),
        borrowed=("docker.io",),
        codename="bookworm",
        newer="trixie",
    )
    named = dict(option.removeprefix("--option=").split("=", 1) for option in options)
    for key in ("Dir::Etc::sourceparts", "Dir::Etc::preferences", "Dir::State::lists", "Dir::Cache"):
        assert named[key].startswith(str(tmp_path)), key
        assert Path(named[key]).exists(), key


def test_what_apt_complains_of_is_told_from_its_progress() -> None:
    said = (
        "debconf: delaying package configuration\n"
        "W: Failed to fetch http://mirror.example.org/debian/dists/trixie/InRelease  Temporary failure resolving\n"
        "dpkg: error processing package docker.io (--configure):\n"
        "E: Package 'docker.io' has no installation candidate\n"
    )
    assert aptget.complaints(said) == said.splitlines()[1:]
