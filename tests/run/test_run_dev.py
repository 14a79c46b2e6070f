from __future__ import annotations

from pathlib import PurePosixPath

from platform_images.model import Mission, Platform
from platform_images.run.dev import dev_mounts


def test_sources_are_mounted_over_their_places_in_the_image(platform: Platform, mission: Mission) -> None:
    mounts = {str(mount.target): mount.source for mount in dev_mounts(platform, mission, PurePosixPath("/home/me"))}
    assert mounts["/opt/environments/bin/activated"] == platform.common / "runtime/opt/environments/bin/activated"
    assert mounts["/etc/small/small.conf"] == mission.folder / "settings" / "small.conf"
    assert mounts["/home/me/WELCOME.md"] == mission.folder / "home" / "WELCOME.md"
    assert all(source.exists() for source in mounts.values())


def test_a_home_of_the_user_s_own_keeps_the_mission_s_files_out(platform: Platform, mission: Mission) -> None:
    targets = [mount.target.name for mount in dev_mounts(platform, mission, None)]
    assert "WELCOME.md" not in targets
    assert "small.conf" in targets
