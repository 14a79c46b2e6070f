from __future__ import annotations

import pytest

from platform_images.verify.causes import RIGHTS, TIMES, TOUCHED, UNKNOWN, Kind, cause_of


@pytest.mark.parametrize(
    ("path", "kind", "word"),
    [
        ("opt/conda/lib/__pycache__/x.cpython-313.pyc", Kind.CONTENT, "bytecode"),
        ("var/log/dpkg.log", Kind.HERE, "leftovers of apt"),
        ("var/lib/dpkg/status-old", Kind.CONTENT, "leftovers of apt"),
        ("var/lib/dpkg/status", Kind.CONTENT, "how many steps"),
        ("var/cache/ldconfig/aux-cache", Kind.CONTENT, "ldconfig"),
        ("etc/machine-id", Kind.CONTENT, "machine's id"),
        ("etc/shadow", Kind.CONTENT, "password"),
        ("etc/passwd-", Kind.HERE, "backups"),
        ("usr/lib/locale/locale-archive", Kind.CONTENT, "locale"),
        ("var/cache/fontconfig/abc.cache-9", Kind.CONTENT, "font"),
        ("home/x/.cache/matplotlib/fontlist-v390.json", Kind.CONTENT, "font"),
        ("opt/conda/conda-meta/history", Kind.CONTENT, "history"),
        ("opt/conda/conda-meta/python-3.json", Kind.CONTENT, "conda's records"),
        ("opt/conda/lib/python3.13/site-packages/x-1.dist-info/direct_url.json", Kind.HERE, "came from"),
        ("opt/conda/lib/python3.13/site-packages/x-1.dist-info/RECORD", Kind.CONTENT, "another tool"),
        ("root/.cache/pip/selfcheck", Kind.HERE, "installer"),
        ("opt/npm/node_modules/.package-lock.json", Kind.CONTENT, "npm"),
        ("opt/conda/share/jupyter/lab/static/main.js", Kind.CONTENT, "Jupyter"),
        ("etc/ssl/certs/java/cacerts", Kind.CONTENT, "random"),
        ("usr/share/mime/mime.cache", Kind.CONTENT, "index"),
        ("etc/hostname", Kind.CONTENT, "building machine"),
        ("tmp/left", Kind.HERE, "leftovers of a step"),
        ("opt/conda/lib/python3.13/site-packages/x/_x.cpython-313-x86_64-linux-gnu.so", Kind.CONTENT, "compiled"),
        ("opt/environments/record/image.json", Kind.CONTENT, "generated text"),
        ("etc/emacs/.wh..wh..opq", Kind.DELETION, "wholly new"),
        ("etc/.wh.passwd-", Kind.DELETION, "deletion"),
    ],
)
def test_known_places_have_their_cause(path: str, kind: Kind, word: str) -> None:
    cause = cause_of(path, {kind})
    assert word in cause.title
    assert cause.cure


def test_else_the_kind_of_difference_decides() -> None:
    assert cause_of("var/log", {Kind.TIME}) == TIMES
    assert cause_of("srv/x", {Kind.THERE}) == TOUCHED
    assert cause_of("srv/x", {Kind.MODE, Kind.TIME}) == RIGHTS
    assert cause_of("srv/x", {Kind.OWNER}) == RIGHTS
    assert cause_of("srv/x", {Kind.CONTENT, Kind.TIME}) == UNKNOWN
