from __future__ import annotations

import pytest

from platform_images.errors import UsageError
from platform_images.locks.patches import LABEL, Patch, label_text
from platform_images.publish.challenges import chosen_challenge, parse_challenges
from platform_images.publish.layers import bytes_sent, error_text, layer_event, wants_login
from platform_images.publish.manifests import parse_manifest
from platform_images.publish.naming import exact_tag, image_patches, parse_repository
from platform_images.publish.values import LayerEvent, LayerState, Published
from tests.publish.distribution import digest_of, image_manifest

DIGITS = "0123456789ab" + "c" * 52
LABELS = {
    "platform-images.mission": "tike",
    "platform-images.lock-digest": f"sha256:{DIGITS}",
    "org.opencontainers.image.version": "2026.2",
}


@pytest.mark.parametrize(
    ("registry", "name", "address"),
    [
        ("registry.example.org", "registry.example.org/tike", "https://registry.example.org/v2/tike/manifests"),
        ("localhost:5000/a/b-c", "localhost:5000/a/b-c/tike", "http://localhost:5000/v2/a/b-c/tike/manifests"),
        ("127.0.0.2:5000", "127.0.0.2:5000/tike", "http://127.0.0.2:5000/v2/tike/manifests"),
        ("[::1]:5000/a", "[::1]:5000/a/tike", "http://[::1]:5000/v2/a/tike/manifests"),
        ("localhost", "localhost/tike", "http://localhost/v2/tike/manifests"),
        ("10.0.0.1:5000", "10.0.0.1:5000/tike", "https://10.0.0.1:5000/v2/tike/manifests"),
        ("docker.io/stsci", "docker.io/stsci/tike", "https://registry-1.docker.io/v2/stsci/tike/manifests"),
    ],
)
def test_a_registry_gives_a_repository(registry: str, name: str, address: str) -> None:
    repository = parse_repository(registry, "tike")
    assert (repository.name, repository.address) == (name, address)


@pytest.mark.parametrize(
    ("registry", "why", "fix"),
    [
        ("", None, "HOST[:PORT][/PATH]"),
        ("https://registry.example.org/a/", "https:// does not belong", "give --registry registry.example.org/a"),
        ("registry.example.org/a/", "ends with a slash", "give --registry registry.example.org/a"),
        ("stsci", "account of Docker Hub", "docker.io/stsci"),
        ("docker.io", "keeps images in accounts", "docker.io/ACCOUNT"),
        ("registry.example.org:99999", "no port 99999", "HOST"),
        ("registry.example.org:port", "is not HOST or HOST:PORT", "HOST"),
        ("registry.example.org/Upper", "lower-case", "HOST"),
        ("registry.example.org//a", "in its path is not", "HOST"),
        ("registry.example.org/a:1", "has a tag", "HOST"),
        ("registry.example.org/a@sha256:1", "an @ does not belong", "HOST"),
        ("-registry.example.org", "is not HOST", "HOST"),
        (f"registry.example.org/{'a' * 250}", "longer than", "HOST"),
    ],
)
def test_what_is_no_registry_is_refused_with_what_is_wrong(registry: str, why: str | None, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_repository(registry, "tike")
    assert why is None or why in str(caught.value.why)
    assert fix in str(caught.value.fix)


def test_a_password_in_a_registry_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        parse_repository("https://ada:secret@registry.example.org", "tike")
    assert "secret" not in str(caught.value)


def test_labels_give_the_tag_that_the_build_gave() -> None:
    assert exact_tag("tike", "tike:latest", LABELS) == ("2026.2-0123456789ab", DIGITS)


def test_the_tag_of_a_patched_image_says_how_many_patches_led_to_it() -> None:
    def patch(after: str) -> Patch:
        return Patch(released=f"sha256:{'a' * 64}", locks_before="b" * 64, locks_after=after, asked=(), packages=())

    labels = {**LABELS, LABEL: label_text((patch("c" * 64), patch(DIGITS)))}
    assert exact_tag("tike", "tike:latest", labels) == ("2026.2-0123456789ab-patch2", DIGITS)
    assert len(image_patches("tike", "tike:latest", labels)) == 2


@pytest.mark.parametrize("text", ["[", "[1]", "{}"])
def test_an_image_whose_patches_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="does not say how it was patched") as caught:
        exact_tag("tike", "tike:latest", {**LABELS, LABEL: text})
    assert LABEL in str(caught.value.why)
    assert "invoke build --mission tike" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        ({}, "does not say which locks"),
        ({**LABELS, "platform-images.lock-digest": "sha256:1"}, "does not say which locks"),
        ({**LABELS, "platform-images.mission": "roman"}, "is one of the mission 'roman'"),
        ({**LABELS, "org.opencontainers.image.version": "1 2"}, "no version that a tag can hold"),
    ],
)
def test_an_image_of_something_else_is_refused(labels: dict[str, str], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        exact_tag("tike", "tike:latest", labels)


def test_a_header_gives_each_way_with_its_parameters() -> None:
    ways = parse_challenges('Basic realm="a, \\"b\\"", Bearer realm="https://t/x",service=s, scope="r:n:pull,push"')
    assert [way.scheme for way in ways] == ["basic", "bearer"]
    assert ways[0].parameters == {"realm": 'a, "b"'}
    assert ways[1].parameters == {"realm": "https://t/x", "service": "s", "scope": "r:n:pull,push"}


@pytest.mark.parametrize(
    ("header", "scheme"),
    [
        ('Basic realm="x", Bearer realm="https://t"', "bearer"),
        ('BEARER realm="https://t"', "bearer"),
        ("Basic", "basic"),
        ("Negotiate, Basic realm=x", "basic"),
        ('Bearer error="no realm"', None),
        ("", None),
        ('"?', None),
    ],
)
def test_a_token_comes_before_a_password(header: str, scheme: str | None) -> None:
    way = chosen_challenge(header)
    assert (way.scheme if way is not None else None) == scheme


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (
            {"status": "Pushing", "id": "ab", "progressDetail": {"current": 5, "total": 9}, "progress": "[=> ]"},
            LayerEvent(layer="ab", state=LayerState.TRAVELS, done=5, total=9),
        ),
        ({"status": "Pushed", "id": "ab", "progressDetail": {}}, LayerEvent(layer="ab", state=LayerState.SENT)),
        ({"status": "Layer already exists", "id": "ab"}, LayerEvent(layer="ab", state=LayerState.THERE)),
        ({"status": "Mounted from a/b", "id": "ab"}, LayerEvent(layer="ab", state=LayerState.THERE)),
        ({"status": "Retrying in 5 seconds", "id": "ab"}, LayerEvent(layer="ab", state=LayerState.TRIES_AGAIN)),
        ({"status": "Preparing", "id": "ab"}, LayerEvent(layer="ab", state=LayerState.WAITS)),
        ({"status": "The push refers to repository [localhost:5000/a]"}, None),
        ({"status": "1: digest: sha256:00 size: 9"}, None),
        ({"progressDetail": {}, "aux": {"Tag": "1", "Digest": "sha256:00", "Size": 9}}, None),
    ],
)
def test_what_the_engine_says_of_layers_is_read(line: dict[str, object], event: LayerEvent | None) -> None:
    assert layer_event(line) == event


def test_what_the_engine_says_of_a_failure_is_read() -> None:
    assert error_text({"errorDetail": {"message": "EOF"}, "error": "EOF"}) == "EOF"
    assert error_text({"error": "EOF"}) == "EOF"
    assert error_text({"status": "Pushing"}) is None


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("no basic auth credentials", True),
        ("unauthorized: authentication required", True),
        ("denied: requested access to the resource is denied", True),
        ("unexpected status from HEAD request to http://h/v2/: 401 Unauthorized", True),
        ("received unexpected HTTP status: 500 Internal Server Error", False),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", False),
        ("EOF", False),
    ],
)
def test_words_for_a_missing_login_are_told_from_others(text: str, login: bool) -> None:
    assert wants_login(text) is login


def test_bytes_that_travelled_are_those_of_the_compressed_layers() -> None:
    body = image_manifest(digest_of("image"), ("gz-one", 10), ("gz-two", 20))
    manifest = parse_manifest(body, media_type="", told=None, shown="x")
    published = Published(manifest=manifest, images=(manifest,))
    tars = (digest_of("one"), digest_of("two"))

    def short(word: str) -> str:
        return digest_of(word).removeprefix("sha256:")[:12]

    assert bytes_sent(frozenset(), tars, published) == 0
    assert bytes_sent(frozenset({short("two")}), tars, published) == 20
    assert bytes_sent(frozenset({short("gz-one"), short("image")}), (), published) == 17
    assert bytes_sent(frozenset({short("unknown")}), tars, published) is None
