from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from platform_images.errors import PrerequisiteError, UsageError
from platform_images.home import home_folder, user_path
from platform_images.site import site_settings
from platform_images.usage import cache_folder, logs_folder


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without HOME whom the machine does not know, as in some containers."""
    del tmp_path  # pytest asks for the user's name when it makes the first one
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(key: object) -> object:
        raise KeyError(f"not found: {key}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_a_path_may_begin_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert home_folder() == Path("/home/ada")
    assert user_path("~/x.svg", named="--out") == Path("/home/ada/x.svg")
    assert user_path("x/~y.svg", named="--out") == Path("x/~y.svg")
    assert user_path("./~nosuchuser", named="--out") == Path("~nosuchuser")


def test_the_home_of_an_unknown_user_is_a_mistake_of_what_names_it() -> None:
    with pytest.raises(UsageError, match=r"^--out: '~nosuchuser/x' begins in a home that is not known\.\n~nosuchuser "):
        user_path("~nosuchuser/x", named="--out")


@pytest.mark.usefixtures("homeless")
def test_without_a_home_its_paths_and_the_cache_say_what_to_set() -> None:
    assert home_folder() is None
    with pytest.raises(UsageError, match=r"or set HOME$"):
        user_path("~/x", named="--out")
    with pytest.raises(PrerequisiteError, match=r"set HOME to a folder .*, or XDG_CACHE_HOME$"):
        cache_folder()
    with pytest.raises(PrerequisiteError, match=r"set HOME to a folder .*, or XDG_STATE_HOME$"):
        logs_folder()


@pytest.mark.usefixtures("homeless")
def test_without_a_home_there_are_no_configuration_files_of_a_home(tmp_path: Path) -> None:
    assert site_settings(environment={}, root=tmp_path).index_url is None
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip/pip.conf").write_text("[global]\nindex-url = https://index.example.org/simple\n")
    named = site_settings(environment={"XDG_CONFIG_HOME": str(tmp_path)}, root=tmp_path / "root")
    assert named.index_url == "https://index.example.org/simple"
