from __future__ import annotations

from platform_images.locks.pip import pins


def test_every_pin_has_its_version_its_hashes_and_its_lines() -> None:
    block = "a-b[extra]==1.0 \\\n    --hash=sha256:{0} \\\n    --hash=sha256:{1}\n    # via c"
    one = block.format("a" * 64, "b" * 64)
    first, second = pins(f"# head\n--only-binary :all:\n\n{one}\nc==2\n")
    assert (first.name, first.version, first.text) == ("a-b", "1.0", one)
    assert first.hashes == {"a" * 64, "b" * 64}
    assert (second.name, second.version, second.hashes) == ("c", "2", frozenset())
