from __future__ import annotations

import subprocess

from platform_images.aptsources import parse_deb822
from platform_images.solve.mirror import Mirrors, mirrors

DEFAULT = """\
deb http://public.example/debian trixie main
deb [signed-by="/k.gpg"] http://public.example/debian trixie-updates main
deb http://security.example/debian-security trixie-security main
deb http://other.example/debian bookworm main
"""
OWN = """\
Types: deb
URIs: cdrom:[Debian] https://mirror.site/debian/
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: https://mirror.site/security
Suites: bookworm-security
Components: main
"""


def test_the_mirrors_of_a_debian_machine_serve_another_release_too() -> None:
    found = mirrors(parse_deb822(OWN), suite="trixie", codename="bookworm")
    assert found == Mirrors(
        suite="trixie", archive="https://mirror.site/debian", security="https://mirror.site/security"
    )


def test_a_source_for_the_release_itself_is_preferred() -> None:
    own = parse_deb822(OWN + "\nTypes: deb\nURIs: http://trixie.site/d\nSuites: trixie\nComponents: main\n")
    assert mirrors(own, suite="trixie", codename="bookworm").archive == "http://trixie.site/d"


def test_another_system_has_no_debian_mirror() -> None:
    assert mirrors(parse_deb822(OWN), suite="trixie", codename=None) == Mirrors(suite="trixie")


def test_a_package_is_looked_for_at_the_mirrors_and_then_in_the_snapshots() -> None:
    snapshots = ("https://snapshot.example/debian/1", "https://snapshot.example/security/1")
    own = Mirrors(suite="trixie", archive="https://a.site", security="https://s.site", snapshots=snapshots)
    assert own.places == ("https://a.site", "https://s.site", *snapshots)
    assert Mirrors(suite="trixie", snapshots=snapshots).places == snapshots
    assert Mirrors(suite="trixie").places == ()


def test_a_snapshot_takes_no_mirror_s_place_in_a_source_list() -> None:
    assert Mirrors(suite="trixie", snapshots=("https://snapshot.example/debian/1",)).rewritten(DEFAULT) == DEFAULT


def test_only_the_mirrors_of_the_release_change_in_its_list() -> None:
    own = Mirrors(suite="trixie", archive="https://mirror.site/debian", security="https://mirror.site/security")
    assert own.rewritten(DEFAULT) == (
        "deb https://mirror.site/debian trixie main\n"
        'deb [signed-by="/k.gpg"] https://mirror.site/debian trixie-updates main\n'
        "deb https://mirror.site/security trixie-security main\n"
        "deb http://other.example/debian bookworm main\n"
    )
    assert Mirrors(suite="trixie").rewritten(DEFAULT) == DEFAULT


def test_sed_makes_the_same_edits() -> None:
    own = Mirrors(suite="trixie", archive="https://mirror.site/debian", security="https://mirror.site/security")
    done = subprocess.run(["sed", "-E", own.sed_script()], input=DEFAULT, capture_output=True, text=True, check=True)
    assert done.stdout == own.rewritten(DEFAULT)
    assert Mirrors(suite="trixie").sed_script() == ""
