from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from platform_images.errors import MismatchError, PrerequisiteError, ToolError
from platform_images.publish.access import UnansweredError
from platform_images.publish.logins import find_login, for_engine
from platform_images.publish.registry import ATTEMPTS, Registry
from platform_images.publish.values import Blob, Login, Repository
from tests.publish.distribution import (
    IDENTITY,
    INDEX,
    PASSWORD,
    USER,
    Distribution,
    digest_of,
    image_manifest,
    index_manifest,
    served,
)

NAME = "platform/small"
BODY = image_manifest(digest_of("image"), ("one", 10), ("two", 20))
LOGIN = Login(user=USER, password=PASSWORD)
Client = Callable[..., Registry]
Config = Callable[[str], None]


def test_a_tag_gives_its_manifest_with_configuration_and_layers(distribution: Distribution, client: Client) -> None:
    digest = distribution.keep(NAME, "1", BODY)
    found = client().published("1")
    assert found is not None
    assert (found.digest, found.manifest.body, found.configs) == (digest, BODY, (digest_of("image"),))
    assert found.manifest.layers == (Blob(digest=digest_of("one"), size=10), Blob(digest=digest_of("two"), size=20))


def test_a_tag_that_is_not_there_gives_nothing(client: Client) -> None:
    assert client().published("1") is None


def test_an_index_gives_its_images_and_not_what_attests_to_them(distribution: Distribution, client: Client) -> None:
    image = distribution.keep(NAME, "image", BODY)
    distribution.keep(NAME, "1", index_manifest(image, attestation=digest_of("attestation")), INDEX)
    found = client().published("1")
    assert found is not None
    assert [each.digest for each in found.images] == [image]
    assert {image, found.digest, digest_of("image")} == found.ids


def test_an_index_without_its_image_is_told(distribution: Distribution, client: Client) -> None:
    distribution.keep(NAME, "1", index_manifest(digest_of("gone"), attestation=digest_of("a")), INDEX)
    with pytest.raises(MismatchError, match="does not have"):
        client().published("1")


def test_bytes_that_have_not_the_digest_that_is_said_are_refused(distribution: Distribution, client: Client) -> None:
    distribution.keep(NAME, "1", BODY)
    distribution.digest = digest_of("another")
    with pytest.raises(MismatchError) as caught:
        client().published("1")
    assert digest_of("another") in str(caught.value)


def test_what_is_no_image_has_no_configuration(distribution: Distribution, client: Client) -> None:
    distribution.keep(NAME, "1", b"[]", "text/plain; charset=utf-8")
    found = client().manifest("1")
    assert found is not None
    assert (found.media_type, found.config, found.layers, found.images) == ("text/plain", None, (), ())


def test_a_manifest_is_put_under_another_tag_byte_for_byte(distribution: Distribution, client: Client) -> None:
    digest = distribution.keep(NAME, "1", BODY)
    registry = client()
    found = registry.manifest("1")
    assert found is not None
    registry.put("latest", found)
    assert distribution.tag(NAME, "latest") == BODY
    assert (latest := registry.manifest("latest")) is not None
    assert (latest.digest, latest.media_type) == (digest, found.media_type)


@pytest.mark.parametrize("wants", ["basic", "bearer"])
def test_a_login_lets_in_to_read_and_to_put(wants: str, distribution: Distribution, client: Client) -> None:
    distribution.keep(NAME, "1", BODY)
    distribution.wants = wants
    registry = client(LOGIN)
    found = registry.manifest("1")
    assert found is not None
    registry.put("latest", found)
    assert distribution.tag(NAME, "latest") == BODY
    assert registry.manifest("latest") is not None


@pytest.mark.parametrize("oauth", [True, False])
def test_a_token_of_identity_is_changed_for_a_token(oauth: bool, distribution: Distribution, client: Client) -> None:
    distribution.keep(NAME, "1", BODY)
    distribution.wants, distribution.oauth = "bearer", oauth
    login = Login(user=USER, password=PASSWORD, identity_token=IDENTITY)
    assert client(login).manifest("1") is not None


@pytest.mark.parametrize("wants", ["basic", "bearer"])
@pytest.mark.parametrize("login", [None, Login(user=USER, password="another")])
def test_without_a_login_or_with_a_wrong_one_the_cure_is_docker_login(
    wants: str, login: Login | None, distribution: Distribution, client: Client
) -> None:
    distribution.wants = wants
    with pytest.raises(PrerequisiteError) as caught:
        client(login).manifest("1")
    assert str(caught.value.fix).startswith(f"docker login {distribution.address}")
    assert "another" not in str(caught.value)
    assert len(distribution.asked) <= 2


def test_who_may_not_push_is_told_so(distribution: Distribution, client: Client) -> None:
    distribution.forbidden = True
    with pytest.raises(PrerequisiteError) as caught:
        client(LOGIN).manifest("1")
    assert "403 DENIED" in str(caught.value.why)
    assert "who may push there" in str(caught.value.fix)


def test_a_login_is_not_sent_before_it_is_asked_for(distribution: Distribution, client: Client) -> None:
    client(LOGIN).manifest("1")
    assert distribution.authorizations == [""]


def test_a_password_of_a_netrc_file_is_not_taken(
    distribution: Distribution, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client().manifest("1")
    assert distribution.authorizations == [""]


def test_tokens_are_not_asked_for_without_tls_where_the_registry_has_it() -> None:
    from requests import Session

    from platform_images.publish.access import Access

    with Session() as session:
        access = Access(session, Repository(host="registry.example.org", path=NAME), LOGIN, trust=None)
        with pytest.raises(ToolError, match="without TLS"):
            access.renew('Bearer realm="http://tokens.example.org/token",service="s"')


def test_a_registry_that_wants_something_unknown_is_told(client: Client) -> None:
    with pytest.raises(ToolError, match="neither a password nor a token"):
        client()._access.renew("Negotiate")


@pytest.mark.parametrize("failures", [[500, 503], [0, 429]])
def test_trouble_that_passes_is_told_and_done_again(
    failures: list[int], distribution: Distribution, client: Client, said: list[str]
) -> None:
    distribution.keep(NAME, "1", BODY)
    distribution.failures = [*failures]
    assert client().manifest("1") is not None
    assert len(said) == len(failures)
    assert all(distribution.address in line for line in said)
    assert said[-1].endswith(f"; attempt 3 of {ATTEMPTS} in 0 s")


def test_trouble_that_stays_ends_it_and_the_cure_is_to_run_it_again(distribution: Distribution, client: Client) -> None:
    distribution.failures = [500] * ATTEMPTS
    with pytest.raises(UnansweredError) as caught:
        client().manifest("1")
    assert int(caught.value.exit_code) == 5
    assert "run it again" in str(caught.value.fix)
    assert len(distribution.asked) == ATTEMPTS


def test_a_put_that_is_not_taken_is_told(distribution: Distribution, client: Client) -> None:
    distribution.keep(NAME, "1", BODY)
    registry = client()
    found = registry.manifest("1")
    assert found is not None
    distribution.failures = [400]
    with pytest.raises(ToolError, match="answers 400"):
        registry.put("latest", found)


def test_a_registry_that_sends_elsewhere_is_followed(distribution: Distribution, client: Client) -> None:
    distribution.keep(NAME, "1", BODY)
    distribution.moved, distribution.wants = True, "bearer"
    registry = client(LOGIN)
    found = registry.manifest("1")
    assert found is not None
    registry.put("latest", found)
    assert distribution.tag(NAME, "latest") == BODY


def test_nobody_there_is_told() -> None:
    said: list[str] = []
    with (
        Registry(Repository(host="127.0.0.1:9", path=NAME), None, trust=None, say=said.append, pause=0) as registry,
        pytest.raises(ToolError, match="does not answer"),
    ):
        registry.manifest("1")
    assert len(said) == ATTEMPTS - 1


def test_no_proxy_is_asked_for_the_loopback(
    distribution: Distribution, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    distribution.keep(NAME, "1", BODY)
    assert client().manifest("1") is not None


def auths(host: str, **entry: str) -> str:
    return json.dumps({"auths": {host: entry}})


def test_a_login_is_that_of_the_docker_client(docker_config: Config) -> None:
    docker_config(auths("localhost:5000", auth=base64.b64encode(b"ada:pass:word").decode()))
    login = find_login("localhost:5000")
    assert login == LOGIN
    assert PASSWORD not in repr(login)
    assert find_login("localhost:5001") is None
    assert for_engine(login, "localhost:5000") == {
        "username": USER,
        "password": PASSWORD,
        "serveraddress": "localhost:5000",
    }


def test_a_token_of_identity_is_found_and_handed_to_the_engine(docker_config: Config) -> None:
    docker_config(auths("registry.example.org", identitytoken=IDENTITY))
    login = find_login("registry.example.org")
    assert login == Login(identity_token=IDENTITY)
    assert for_engine(login, "registry.example.org")["identitytoken"] == IDENTITY


def test_a_credential_helper_is_asked(docker_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "docker-credential-tests"
    answer = json.dumps({"Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\nread server\n[ \"$server\" = registry.example.org ] && echo '{answer}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    docker_config(json.dumps({"credHelpers": {"registry.example.org": "tests"}}))
    assert find_login("registry.example.org") == LOGIN


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"credsStore": "is-not-there"}),
        json.dumps({"auths": {"registry.example.org": {"auth": "no base64"}}}),
        json.dumps({"auths": {"registry.example.org": "text"}}),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told(text: str, docker_config: Config) -> None:
    docker_config(text)
    with pytest.raises(PrerequisiteError) as caught:
        find_login("registry.example.org")
    assert "docker login registry.example.org" in str(caught.value.fix)


@pytest.mark.parametrize("text", ["{}", "", json.dumps({"currentContext": "far", "plugins": {"x": {"y": "z"}}})])
def test_a_configuration_without_logins_has_none(text: str, docker_config: Config) -> None:
    docker_config(text)
    assert find_login("registry.example.org") is None
    assert for_engine(None, "registry.example.org") == {}


@pytest.mark.parametrize("trusted", [True, False])
def test_elsewhere_certificates_are_checked_against_those_of_the_site(
    trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry with TLS, which is taken not to be on the loopback."""
    monkeypatch.setattr(Repository, "loopback", property(lambda _: False))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    said: list[str] = []
    with served(Distribution(), tls=context) as state:
        state.keep(NAME, "1", BODY)
        repository = Repository(host=state.address, path=NAME)
        with Registry(repository, None, trust=bundle, say=said.append, pause=0) as registry:
            if trusted:
                assert registry.manifest("1") is not None
            else:
                with pytest.raises(ToolError, match="is not trusted here"):
                    registry.manifest("1")
    assert said == []
