"""What a patched image is called and says of itself, beside a full build from the same locks."""

from __future__ import annotations

from platform_images.compose.labels import labels, tags
from platform_images.locks.patches import LABEL, Patch, PatchedPackage, parse_label
from platform_images.model import Mission

LOCKS = "0123456789ab" + "c" * 52
OPENSSL = PatchedPackage(unit="common/os", kind="deb", name="openssl", before="1", after="2")
PATCH = Patch(
    released=f"sha256:{'a' * 64}", locks_before="b" * 64, locks_after=LOCKS, asked=("os openssl",), packages=(OPENSSL,)
)


def found_labels(mission: Mission, *patches: Patch) -> dict[str, str]:
    return labels(mission, (), revision="1", lock_digest=LOCKS, base_digest=None, drift=(), patches=patches)


def test_a_label_names_the_patches_of_a_patched_image_alone(small: Mission) -> None:
    full, patched = found_labels(small), found_labels(small, PATCH)
    assert LABEL not in full
    assert parse_label(patched.pop(LABEL)) == (PATCH,)
    assert patched == full


def test_labels_stay_sorted(small: Mission) -> None:
    found = found_labels(small, PATCH)
    assert list(found) == sorted(found)


def test_a_patched_image_does_not_take_the_name_of_a_full_build(small: Mission) -> None:
    assert tags(small, LOCKS, None) == ("small:1.0-0123456789ab", "small:latest")
    assert tags(small, LOCKS, None, patches=(PATCH,)) == ("small:1.0-0123456789ab-patch1", "small:latest")
    assert tags(small, LOCKS, "trial", patches=(PATCH, PATCH)) == (
        "small:1.0-0123456789ab-patch2", "small:latest", "small:trial"
    )  # fmt: skip
