from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from platform_images.errors import UsageError
from platform_images.site import SiteSettings, site_settings


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The top of a file system with nothing configured, and an empty home."""
    (tmp_path / "home").mkdir()
    return tmp_path


def settings(machine: Path, **environment: str) -> SiteSettings:
    return site_settings(environment=environment, root=machine, home=machine / "home")


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_machine_without_configuration_needs_no_variables(machine: Path) -> None:
    assert settings(machine) == SiteSettings()
    assert settings(machine).host_env() == {}
    assert settings(machine).secret_text() == ""


def test_the_bundle_is_looked_for_from_the_nearest_word_to_the_farthest(machine: Path) -> None:
    system = put(machine / "etc/ssl/certs/ca-certificates.crt")
    assert settings(machine).ca_bundle == system
    pip = put(machine / "pip.pem")
    put(machine / "etc/pip.conf", f"[global]\ncert = {pip}\n")
    assert settings(machine).ca_bundle == pip
    requests = put(machine / "requests.pem")
    assert settings(machine, REQUESTS_CA_BUNDLE=str(requests)).ca_bundle == requests
    variable = put(machine / "variable.pem")
    both = {"REQUESTS_CA_BUNDLE": str(requests), "SSL_CERT_FILE": str(variable)}
    assert settings(machine, **both).ca_bundle == variable
    asked = put(machine / "asked.pem")
    assert site_settings(ca_bundle=asked, environment=both, root=machine, home=machine / "home").ca_bundle == asked


def test_a_named_bundle_that_does_not_exist_is_an_error_that_names_it(machine: Path) -> None:
    with pytest.raises(
        UsageError, match=r"SSL_CERT_FILE names a certificate file that does not exist[\s\S]*/nowhere\.pem"
    ):
        settings(machine, SSL_CERT_FILE="/nowhere.pem")


def test_a_folder_of_certificates_is_no_bundle(machine: Path) -> None:
    system = put(machine / "etc/ssl/certs/ca-certificates.crt")
    assert settings(machine, REQUESTS_CA_BUNDLE=str(system.parent)).ca_bundle == system


def test_uv_gets_the_index_of_pips_configuration(machine: Path) -> None:
    put(machine / "home/.config/pip/pip.conf", "[global]\nindex_url = https://index.example.org/simple\n")
    assert settings(machine).host_env()["UV_DEFAULT_INDEX"] == "https://index.example.org/simple"


def test_a_variable_wins_over_the_users_file_and_that_over_the_machines(machine: Path) -> None:
    put(machine / "etc/pip.conf", "[global]\nindex-url = https://machine.example.org/simple\n")
    assert settings(machine).index_url == "https://machine.example.org/simple"
    put(machine / "home/.pip/pip.conf", "[global]\nindex-url = https://user.example.org/simple\n")
    assert settings(machine).index_url == "https://user.example.org/simple"
    put(machine / "home/.config/pip/pip.conf", "[install]\nindex-url = https://install.example.org/simple\n")
    assert settings(machine).index_url == "https://install.example.org/simple"
    pip = {"PIP_INDEX_URL": "https://variable.example.org/simple"}
    assert settings(machine, **pip).index_url == "https://variable.example.org/simple"
    uv = {"UV_DEFAULT_INDEX": "site=https://uv.example.org/simple"}
    assert settings(machine, **pip, **uv).index_url == "https://uv.example.org/simple"
    assert settings(machine, PIP_CONFIG_FILE="/dev/null").index_url is None


def test_uvs_own_file_counts(machine: Path) -> None:
    put(
        machine / "home/.config/uv/uv.toml",
        '[[index]]\nname = "more"\nurl = "https://more.example.org/simple"\n\n'
        '[[index]]\nurl = "https://uv.example.org/simple"\ndefault = true\n',
    )
    found = settings(machine)
    assert found.index_url == "https://uv.example.org/simple"
    assert found.extra_index_urls == ("https://more.example.org/simple",)
    assert settings(machine, UV_NO_CONFIG="1").index_url is None


def test_what_lies_on_this_machines_disk_is_noted_and_not_handed_on(machine: Path) -> None:
    put(
        machine / "etc/pip.conf",
        "[global]\nfind-links = /srv/wheels\n"
        "extra-index-url = file:///srv/simple\n    https://more.example.org/simple\n",
    )
    found = settings(machine)
    assert found.local_sources == ("file:///srv/simple", "/srv/wheels")
    assert found.extra_index_urls == ("https://more.example.org/simple",)
    assert "/srv" not in found.secret_text()
    assert "/srv" not in str(found.host_env())


def test_a_broken_configuration_file_is_named(machine: Path) -> None:
    put(machine / "etc/pip.conf", "index-url = https://index.example.org/simple\n")
    with pytest.raises(UsageError, match=r"etc/pip\.conf is not in pip's format"):
        settings(machine)


def test_each_proxy_is_handed_on_in_both_spellings(machine: Path) -> None:
    found = settings(machine, HTTPS_PROXY="http://proxy.example.org:3128", no_proxy="localhost")
    assert dict(found.proxies) == {
        "HTTPS_PROXY": "http://proxy.example.org:3128",
        "NO_PROXY": "localhost",
        "https_proxy": "http://proxy.example.org:3128",
        "no_proxy": "localhost",
    }


def test_the_npm_registry_is_found_in_its_variable_and_its_files(machine: Path) -> None:
    put(machine / "etc/npmrc", "registry=https://machine.example.org/npm/\n")
    assert settings(machine).npm_registry == "https://machine.example.org/npm/"
    put(machine / "home/.npmrc", "fund=false\nregistry = https://user.example.org/npm/\n")
    assert settings(machine).npm_registry == "https://user.example.org/npm/"
    variable = settings(machine, npm_config_registry="https://variable.example.org/npm/")
    assert variable.npm_registry == "https://variable.example.org/npm/"


def test_build_steps_read_the_mounted_bundle_and_never_this_machines_path(machine: Path) -> None:
    bundle = put(machine / "site.pem")
    text = settings(machine, SSL_CERT_FILE=str(bundle)).secret_text()
    assert "export SSL_CERT_FILE='/run/secrets/ca'\n" in text
    assert "export NODE_EXTRA_CA_CERTS='/run/secrets/ca'\n" in text
    assert str(machine) not in text


def test_the_secret_file_survives_any_value_in_a_shell(machine: Path, tmp_path: Path) -> None:
    odd = 'http://me:it\'s $HOME `x` "y"@proxy.example.org'
    secret = put(tmp_path / "secret", settings(machine, http_proxy=odd).secret_text())
    script = '. "$0"; printf %s "$HTTP_PROXY"'
    said = subprocess.run(["sh", "-c", script, str(secret)], capture_output=True, text=True, check=True)
    assert said.stdout == odd


def test_passwords_are_in_the_secret_and_nowhere_that_people_look(machine: Path) -> None:
    found = settings(
        machine,
        PIP_INDEX_URL="https://me:hush@index.example.org/simple",
        PIP_EXTRA_INDEX_URL="https://me:hush@more.example.org/simple",
        HTTPS_PROXY="http://me:hush@proxy.example.org",
        npm_config_registry="https://me:hush@npm.example.org",
    )
    assert found.secret_text().count("hush") == 7
    assert "hush" not in repr(found)
    assert "hush" not in str(found.described())
    assert ("package index", "https://***@index.example.org/simple") in found.described()


def test_two_readings_give_the_same_text_in_sorted_lines(machine: Path) -> None:
    bundle = put(machine / "site.pem")
    variables = {
        "SSL_CERT_FILE": str(bundle),
        "https_proxy": "http://p.example.org",
        "PIP_TRUSTED_HOST": "a.example.org",
    }
    lines = settings(machine, **variables).secret_text().splitlines()
    assert lines == sorted(lines)
    assert lines == settings(machine, **variables).secret_text().splitlines()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("extra-index-url = 5", "extra-index-url"),
        ('extra-index-url = "https://index.example.org"', "extra-index-url"),
        ("index-url = 5", "index-url"),
        ("index = 5", "index"),
        ("index = [5]", "index"),
        ("[[index]]\nurl = 5", "index.url"),
        ("find-links = 5", "find-links"),
        ("find-links = [1]", "find-links"),
    ],
)
def test_a_value_of_a_wrong_kind_in_uvs_file_is_named(machine: Path, text: str, key: str) -> None:
    put(machine / "home/.config/uv/uv.toml", f"{text}\n")
    with pytest.raises(UsageError, match=rf"home/\.config/uv/uv\.toml: key '{key}' has a value of a wrong kind"):
        settings(machine)


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 3000], ids=["digits", "lists"])
def test_a_file_of_uv_that_python_does_not_take_is_named(machine: Path, text: str) -> None:
    put(machine / "etc/uv/uv.toml", text)
    with pytest.raises(UsageError, match=r"etc/uv/uv\.toml is not TOML"):
        settings(machine)


@pytest.mark.parametrize(
    "name",
    [
        *("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"),
    ],
)
def test_an_address_that_nobody_can_read_is_named_by_its_variable(machine: Path, name: str) -> None:
    with pytest.raises(
        UsageError, match=rf"^{name} has something that is not an address.\nfound 'http://\*\*\*@\[bad'"
    ):
        settings(machine, **{name: "http://me:hush@[bad"})


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        ("etc/uv/uv.toml", 'index-url = "http://[bad"', "uv.toml, index-url"),
        ("etc/uv/uv.toml", 'find-links = ["http://[bad"]', "uv.toml, find-links"),
        ("etc/uv/uv.toml", '[[index]]\nurl = "http://[bad"', "uv.toml, index.url"),
        (
            "etc/pip.conf",
            "[global]\nextra-index-url = https://a.example http://[bad",
            "pip.conf, [global] extra-index-url",
        ),
    ],
)
def test_an_address_that_nobody_can_read_is_named_by_its_file(machine: Path, file: str, text: str, named: str) -> None:
    put(machine / file, f"{text}\n")
    with pytest.raises(UsageError) as caught:
        settings(machine)
    assert f"{named} has something that is not an address" in str(caught.value)


def test_a_certificate_file_in_the_home_of_nobody_is_named_by_its_variable(machine: Path) -> None:
    with pytest.raises(UsageError, match=r"^SSL_CERT_FILE: '~nosuchuser/x' begins in a home that is not known"):
        settings(machine, SSL_CERT_FILE="~nosuchuser/x")
