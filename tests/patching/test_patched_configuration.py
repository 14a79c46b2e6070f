"""The configuration of a patched image: that of the image below, with one more layer."""

from __future__ import annotations

import json

from platform_images.engine.layered import config_text

BELOW = {
    "Architecture": "arm64",
    "Variant": "v8",
    "Os": "linux",
    "Config": {
        "Cmd": ["start"],
        "Env": ["A=b"],
        "Labels": {"kept": "1", "changed": "old"},
        "OnBuild": None,
        "Shell": ["/bin/bash", "-c"],
        "User": "1000",
    },
    "RootFS": {"Layers": ["sha256:one", "sha256:two"]},
}
STEPS = [{"created": "1970-01-01T00:00:00Z", "created_by": "COPY"}]


def test_all_but_layers_labels_and_dates_is_that_of_the_image_below() -> None:
    text = config_text(BELOW, STEPS, layer="sha256:three", labels={"changed": "new"}, created_by="patch", epoch=7)
    created = "1970-01-01T00:00:07Z"
    assert json.loads(text) == {
        "architecture": "arm64",
        "variant": "v8",
        "os": "linux",
        "config": {
            "Cmd": ["start"],
            "Env": ["A=b"],
            "Labels": {"kept": "1", "changed": "new"},
            "Shell": ["/bin/bash", "-c"],
            "User": "1000",
        },
        "created": created,
        "history": [*STEPS, {"created": created, "created_by": "patch"}],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:one", "sha256:two", "sha256:three"]},
    }


def test_there_is_no_variant_where_the_image_below_has_none() -> None:
    below = {name: value for name, value in BELOW.items() if name != "Variant"}
    text = config_text(below, STEPS, layer="sha256:three", labels={}, created_by="patch", epoch=7)
    assert "variant" not in json.loads(text)
