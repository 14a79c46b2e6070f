"""``nox -s exact``: whether an engine that has nothing yet builds the image that the engine in use builds."""

from __future__ import annotations

from pathlib import Path

from platform_images import console
from platform_images.build import BuildRequest, build_mission
from platform_images.engine.second import SecondEngine, second_engine
from platform_images.errors import MismatchError
from platform_images.model import Mission, Platform, load_mission, load_platform
from platform_images.solve.solution import Say
from platform_images.verify.comparison import Comparison, compared, wanted_layers
from platform_images.verify.images import image_facts, read_some_layers
from platform_images.verify.report import comparison_tables
from platform_images.verify.values import Check

_NAMED = 20


def run(folder: Path, name: str) -> None:
    """Build a mission's image on both engines, and show what differs.

    Raises:
        MismatchError: The two are not one image.
        PrerequisiteError: No engine answers, or no second one can be started here.
        PlatformError: As ``build_mission``.
    """
    platform = load_platform(folder)
    mission = load_mission(platform, name)
    with second_engine(say=_say) as second:
        comparison = build_on_both(platform, mission, second, say=_say)
    require_same(name, comparison)
    console.say(f"exact: {comparison.here.image} on both engines", style="green")


def build_on_both(platform: Platform, mission: Mission, second: SecondEngine, *, say: Say) -> Comparison:
    """Build on the engine in use, then on the second one with every step anew, the root too; return both images.

    Layers are only read where they differ.

    Raises:
        PlatformError: As ``build_mission``.
    """
    with console.step(f"{mission.name} on the engine in use"):
        first = build_mission(platform, mission, BuildRequest(), say=say).image_id
        here = image_facts(first)
    with console.step(f"{mission.name} on a second engine"), second.in_use():
        there = image_facts(build_mission(platform, mission, BuildRequest(no_cache=True), say=say).image_id)
        wanted = wanted_layers(here, there)
        layers_there = read_some_layers(there, wanted & frozenset(there.layers), say=say)
    layers_here = read_some_layers(here, wanted & frozenset(here.layers), say=say)
    return compared(Check.REBUILD, here, there, layers_here=layers_here, layers_there=layers_there)


def require_same(name: str, comparison: Comparison) -> None:
    """Refuse two images of different ids, and say what differs.

    Raises:
        MismatchError: The ids differ; carries the names of what does, and all of it is shown as tables.
    """
    if comparison.same_id:
        return
    for table in comparison_tables(comparison):
        console.stdout().print(table)
    named = [f"layer {each.layer or 'config'}: {each.name}: {', '.join(each.kinds)}" for each in comparison.differences]
    raise MismatchError(
        f"The image of {name} is another one on a second engine.",
        why="\n".join([f"here {comparison.here.image}, there {comparison.there.image}", *named[:_NAMED]]),
        fix="the table above names likely causes and their cures; docs/exact.md says what cannot be promised",
    )


def _say(text: str) -> None:
    """Print one line of progress."""
    console.say(f"  {text}")
