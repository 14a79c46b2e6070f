from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from platform_images.errors import MismatchError, ToolError
from platform_images.publish.decision import plan_json, plan_lines
from platform_images.publish.push import asked_plan, doubts, publish, summary
from platform_images.publish.registry import Registry
from platform_images.publish.values import LocalImage, Pushed
from tests.publish.conftest import BODY, IMAGE, LAYERS, NAME, OTHER, TAG, engine_of, own
from tests.publish.distribution import INDEX, Distribution, digest_of, index_manifest

Client = Callable[..., Registry]


def never() -> str:
    raise AssertionError("the engine was asked for the configuration")


def no_engine(image: LocalImage, registry: Registry) -> frozenset[str]:
    raise AssertionError("something was sent")


def pushed(
    registry: Registry,
    send: Callable[[LocalImage, Registry], frozenset[str]],
    *,
    image: LocalImage = IMAGE,
    latest: bool = True,
    config: Callable[[], str] = own,
) -> Pushed:
    plan = asked_plan(image, registry, with_latest=latest, config=config)
    return publish(image, registry, plan, with_latest=latest, config=config, send=send)


def test_an_image_is_sent_checked_and_latest_moved_last(distribution: Distribution, client: Client) -> None:
    done = pushed(client(), engine_of(distribution))
    assert distribution.tag(NAME, "latest") == distribution.tag(NAME, TAG) == BODY
    place = f"/v2/{NAME}/manifests"
    assert distribution.asked == [
        ("GET", f"{place}/{TAG}"),
        ("GET", f"{place}/latest"),
        ("ENGINE", TAG),
        ("GET", f"{place}/{TAG}"),
        ("PUT", f"{place}/latest"),
        ("GET", f"{place}/latest"),
    ]
    assert done.as_json() == {
        "mission": "small",
        "repository": f"{distribution.address}/{NAME}",
        "digest": done.digest,
        "tags": [TAG, "latest"],
        "image_id": IMAGE.id,
        "lock_digest": "0" * 64,
        "layers": 2,
        "bytes_sent": 10,
    }
    assert "1 of 2 layers sent" in summary(done)


def test_pushed_again_nothing_is_sent(distribution: Distribution, client: Client) -> None:
    first = pushed(client(), engine_of(distribution))
    distribution.asked.clear()
    again = pushed(client(), no_engine, config=never)
    assert (again.reference, again.tags, again.bytes_sent) == (first.reference, first.tags, 0)
    assert distribution.puts() == []
    assert "no layer sent" in summary(again)


def test_latest_goes_on_to_what_is_there_already(distribution: Distribution, client: Client) -> None:
    distribution.keep(NAME, TAG, BODY)
    old = distribution.keep(NAME, "latest", OTHER)
    plan = asked_plan(IMAGE, client(), with_latest=True, config=never)
    assert (plan.send, plan.move, plan.latest) == (False, True, old)
    pushed(client(), no_engine)
    assert distribution.tag(NAME, "latest") == BODY


def test_without_latest_it_stays_as_it_is(distribution: Distribution, client: Client) -> None:
    distribution.keep(NAME, "latest", OTHER)
    done = pushed(client(), engine_of(distribution), latest=False)
    assert done.tags == (TAG,)
    assert distribution.tag(NAME, "latest") == OTHER
    assert distribution.puts() == []


def test_another_image_under_the_exact_tag_is_never_overwritten(distribution: Distribution, client: Client) -> None:
    there = distribution.keep(NAME, TAG, OTHER)
    with pytest.raises(MismatchError) as caught:
        pushed(client(), no_engine)
    assert int(caught.value.exit_code) == 4
    for words in (TAG, there, digest_of("other"), IMAGE.id, "mission.toml", "build again from the commit"):
        assert words in str(caught.value)
    assert distribution.tag(NAME, TAG) == OTHER
    assert distribution.tag(NAME, "latest") is None


def test_another_patched_image_under_the_exact_tag_is_not_to_be_built_again(
    distribution: Distribution, client: Client
) -> None:
    """No full build has the tag of a patched image."""
    image = replace(IMAGE, tag=f"{TAG}-patch1", patches=1)
    distribution.keep(NAME, image.tag, OTHER)
    with pytest.raises(MismatchError) as caught:
        pushed(client(), no_engine, image=image)
    assert f"docker pull {distribution.address}/{NAME}:{image.tag}" in str(caught.value.fix)
    assert "build again" not in str(caught.value.fix)


def test_an_engine_whose_ids_are_of_manifests_finds_its_image_there(distribution: Distribution, client: Client) -> None:
    manifest = distribution.keep(NAME, "image", BODY)
    index = distribution.keep(NAME, TAG, index_manifest(manifest, attestation=digest_of("a")), INDEX)
    for known in (manifest, index):
        image = LocalImage(mission="small", id=known, tag=TAG, lock_digest="0" * 64, layers=LAYERS)
        done = pushed(client(), no_engine, image=image, config=never)
        assert (done.digest, done.layers) == (index, 2)
    assert distribution.tag(NAME, "latest") == distribution.tag(NAME, TAG)


def test_where_layers_were_compressed_in_another_way_the_configuration_decides(
    distribution: Distribution, client: Client
) -> None:
    distribution.keep(NAME, TAG, BODY)
    image = LocalImage(mission="small", id=digest_of("manifest"), tag=TAG, lock_digest="0" * 64)
    assert pushed(client(), no_engine, image=image).bytes_sent == 0


def test_something_else_that_arrived_is_told_and_latest_stays(distribution: Distribution, client: Client) -> None:
    with pytest.raises(MismatchError, match="is not the image that was pushed"):
        pushed(client(), engine_of(distribution, OTHER))
    assert distribution.puts() == []


def test_a_registry_that_took_it_and_does_not_have_it_is_told(distribution: Distribution, client: Client) -> None:
    with pytest.raises(ToolError, match="does not have it"):
        pushed(client(), lambda image, registry: frozenset())
    assert distribution.puts() == []


def test_a_plan_says_what_would_be_done_and_nothing_is_put(distribution: Distribution, client: Client) -> None:
    registry = client()
    plan = asked_plan(IMAGE, registry, with_latest=True, config=never)
    lines = plan_lines(plan, IMAGE, registry.repository)
    assert "would be pushed, 2 layers at most" in lines[0]
    assert "would be moved" in lines[1]
    digest = distribution.keep(NAME, TAG, BODY)
    plan = asked_plan(IMAGE, registry, with_latest=False, config=never)
    lines = plan_lines(plan, IMAGE, registry.repository)
    assert digest in lines[0]
    assert "would stay" in lines[1]
    assert plan_json(plan, IMAGE, registry.repository)["digest"] == digest
    assert distribution.puts() == []


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"org.opencontainers.image.revision": "ab", "platform-images.drift": ""}, ()),
        ({"org.opencontainers.image.revision": "ab-dirty"}, ("revision ab-dirty",)),
        ({"platform-images.drift": "[[]]"}, ("revision unknown", "not the locked ones")),
    ],
)
def test_what_speaks_against_publishing_is_said(labels: dict[str, str], words: tuple[str, ...]) -> None:
    found = doubts(labels)
    assert len(found) == len(words)
    assert all(word in line for word, line in zip(words, found, strict=True))
