from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from platform_images.errors import UsageError
from platform_images.model import load_platform
from platform_images.model.files import Tls
from platform_images.solve.hostenv import ca_bundle


def bundle(project: Path, named: str | None) -> Path | None:
    platform = load_platform(project)
    settings = platform.settings.model_copy(update={"tls": Tls(ca_bundle=named)})
    return ca_bundle(replace(platform, settings=settings))


def test_the_bundle_may_lie_in_the_project_or_in_the_home(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert bundle(project, None) is None
    assert bundle(project, "site.pem") == project / "site.pem"
    assert bundle(project, "~/site.pem") == Path("/home/ada/site.pem")


def test_a_bundle_in_the_home_of_nobody_is_named_by_its_key(project: Path) -> None:
    with pytest.raises(UsageError, match=r"^platform\.toml, \[tls\] ca_bundle: '~nosuchuser/x\.pem' begins in a home"):
        bundle(project, "~nosuchuser/x.pem")
