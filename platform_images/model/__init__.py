"""The model: what the files under ``platform.toml``, ``common/`` and ``deployments/`` say, validated and frozen."""

from __future__ import annotations

from platform_images.model.environment import BASE_NAME, CondaRequest, Environment
from platform_images.model.files import (
    Channel,
    ExtraFile,
    KernelFile,
    MissionFile,
    PlatformFile,
    Sdist,
)
from platform_images.model.load import check_mission_name, load_mission, load_missions, load_platform, mission_names
from platform_images.model.mission import Mission
from platform_images.model.platform import Platform

__all__ = [
    "BASE_NAME",
    "Channel",
    "CondaRequest",
    "Environment",
    "ExtraFile",
    "KernelFile",
    "Mission",
    "MissionFile",
    "Platform",
    "PlatformFile",
    "Sdist",
    "check_mission_name",
    "load_mission",
    "load_missions",
    "load_platform",
    "mission_names",
]
