from __future__ import annotations

from collections.abc import Callable

import pytest

from platform_images.channel.deb import members
from platform_images.errors import MismatchError

MakeDeb = Callable[..., bytes]


def test_files_and_links_of_a_deb(make_deb: MakeDeb) -> None:
    deb = make_deb(
        {"usr/bin/tool": "#!/bin/sh\n", "usr/lib/odd": "odd"},
        links={"usr/bin/alias": "tool"},
        executable=("usr/bin/tool",),
        mtime=1700000000,
    )
    found = {member.path: member for member in members(deb, shown="x.deb")}
    assert sorted(found) == ["usr/bin/alias", "usr/bin/tool", "usr/lib/odd"]
    assert found["usr/bin/tool"].data == b"#!/bin/sh\n"
    assert [found[name].executable for name in sorted(found)] == [False, True, False]
    assert found["usr/bin/alias"].link == "tool"
    assert found["usr/lib/odd"].mtime == 1700000000


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda deb: b"<html>not found</html>", "not a .deb file"),
        (lambda deb: deb[:100], "cut off"),
        (lambda deb: deb[:-40], "cut off"),
        (lambda deb: deb[:400] + bytes(len(deb) - 400), "cannot be unpacked"),
    ],
)
def test_a_damaged_deb_is_named(make_deb: MakeDeb, damage: Callable[[bytes], bytes], said: str) -> None:
    deb = damage(make_deb({f"usr/lib/{i}": str(i) * 200 for i in range(200)}))
    with pytest.raises(MismatchError) as caught:
        list(members(deb, shown="python3.13_1_amd64.deb"))
    assert "python3.13_1_amd64.deb" in caught.value.what
    assert said in caught.value.what
