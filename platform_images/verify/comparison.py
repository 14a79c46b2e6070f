"""Two images side by side: which layers differ, which files in them and how, and what differs in the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from platform_images.engine.history import NO_LAYER
from platform_images.engine.layered import CONFIG_KEYS
from platform_images.errors import ExitCode
from platform_images.files import json_text
from platform_images.verify.causes import Cause, Kind, cause_of
from platform_images.verify.labels import REVISION
from platform_images.verify.layers import Layer, LayerEntry, is_deletion
from platform_images.verify.values import NOTHING, Check

_STEP_WIDTH = 100
_COMMIT = "<revision>"
# The steps of a patched image are those of the one below as well, which another commit may have built.
_LABELLED = re.compile(rf"(?<={re.escape(REVISION)}=)[^\s\"]+")
_EXIT_CODES = {Check.REBUILD: ExitCode.REBUILD_DIFFERS, Check.PUBLISHED: ExitCode.PUBLISHED_DIFFERS}
_SAME_SOURCES = "build both from the same commit, with the same version of this program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the engine knows of an image.

    Attributes:
        name: As it was asked for.
        image: Its id.
        layers: Digest of each layer's uncompressed tar, the lowest first.
        config: Name to value of all that its configuration says.
        steps: What made each layer, as far as the engine knows.
        history: Every step, those that made no layer too.
        revision: The commit that its label names; empty without one.
    """

    name: str
    image: str
    layers: tuple[str, ...]
    config: Mapping[str, str]
    steps: tuple[str, ...]
    history: tuple[str, ...]
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer of either image, or of both.

    Attributes:
        number: Its place in the first image, or in the second where only that has it.
        step: What made it.
        here: Its digest in the first image, or None.
        there: Its digest in the second, or None.
        differences: How many names differ.
    """

    number: int
    step: str
    here: str | None
    there: str | None
    differences: int = 0

    @property
    def equal(self) -> bool:
        """Whether both images have this layer."""
        return self.here == self.there


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One name that is not the same in both.

    Attributes:
        layer: Number of the layer's row; 0 for the configuration.
        name: A path, or a part of the configuration.
        kinds: How it differs.
        here: What the first image has.
        there: What the second has.
        cause: Why that may be.
    """

    layer: int
    name: str
    kinds: tuple[Kind, ...]
    here: str
    there: str
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two images side by side."""

    check: Check
    here: Facts
    there: Facts
    rows: tuple[LayerRow, ...]
    differences: tuple[Difference, ...] = ()

    @property
    def same_id(self) -> bool:
        """Whether it is one image under two names."""
        return self.here.image == self.there.image

    @property
    def equal(self) -> bool:
        """Whether all is the same, but perhaps the commit that the label names."""
        return all(row.equal for row in self.rows) and not self.differences

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of this check alone."""
        return ExitCode.OK if self.equal else _EXIT_CODES[self.check]


def facts(name: str, attributes: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> Facts:
    """Return what the engine knows of an image, with its commit taken out of everything else.

    Args:
        name: As it was asked for.
        attributes: What inspecting it gives.
        history: Its steps, the newest first.
    """
    config = attributes.get("Config") or {}
    revision = str((config.get("Labels") or {}).get(REVISION, ""))
    told = (_without(str(step.get("CreatedBy", "")), revision) for step in reversed(history))
    steps = tuple(_LABELLED.sub(_COMMIT, step) for step in told)
    return Facts(
        name=name,
        image=str(attributes["Id"]),
        layers=tuple((attributes.get("RootFS") or {}).get("Layers") or ()),
        config={key: _without(value, revision) for key, value in _flat(attributes, config).items()},
        steps=tuple(step for step in steps if not NO_LAYER.match(step)),
        history=steps,
        revision=revision,
    )


def pairs(here: Sequence[str], there: Sequence[str]) -> Iterator[tuple[int | None, int | None]]:
    """Yield the places of layers that stand for each other: equal ones, and those between equal ones in their order."""
    for _, first, last, other_first, other_last in SequenceMatcher(None, here, there, autojunk=False).get_opcodes():
        for offset in range(max(last - first, other_last - other_first)):
            one = first + offset if first + offset < last else None
            other = other_first + offset if other_first + offset < other_last else None
            yield one, other


def wanted_layers(here: Facts, there: Facts) -> frozenset[str]:
    """Return the digests of the layers that only one of the images has."""
    return frozenset(here.layers) ^ frozenset(there.layers)


def compared(
    check: Check, here: Facts, there: Facts, *, layers_here: Mapping[str, Layer], layers_there: Mapping[str, Layer]
) -> Comparison:
    """Return two images side by side.

    Args:
        check: What the comparison is for.
        here: The first image.
        there: The second.
        layers_here: Digest to content of the first's layers that the second does not have.
        layers_there: The same for the second.
    """
    rows, differences = [], list(config_differences(here, there))
    for one, other in pairs(here.layers, there.layers):
        digest = here.layers[one] if one is not None else None
        other_digest = there.layers[other] if other is not None else None
        number = (one if one is not None else other or 0) + 1
        found: list[Difference] = []
        if digest != other_digest:
            first, second = layers_here.get(digest or "", {}), layers_there.get(other_digest or "", {})
            found = list(layer_differences(number, first, second))
        step = _step(here, one) or _step(there, other)
        row = LayerRow(number=number, step=step, here=digest, there=other_digest, differences=len(found))
        rows.append(row)
        differences.extend(found)
    return Comparison(check=check, here=here, there=there, rows=tuple(rows), differences=tuple(differences))


def layer_differences(number: int, here: Layer, there: Layer) -> Iterator[Difference]:
    """Yield every name that differs between two layers, sorted."""
    for path in sorted({*here, *there}):
        one, other = here.get(path), there.get(path)
        kinds = kinds_of(path, one, other)
        if kinds:
            yield Difference(
                layer=number,
                name=f"/{path}",
                kinds=kinds,
                here=_shown(one, kinds),
                there=_shown(other, kinds),
                cause=cause_of(path, set(kinds)),
            )


def kinds_of(path: str, one: LayerEntry | None, other: LayerEntry | None) -> tuple[Kind, ...]:
    """Return how a name differs between two layers; nothing where it does not."""
    if one == other:
        return ()
    if one is None or other is None:
        side = Kind.HERE if other is None else Kind.THERE
        return (Kind.DELETION, side) if is_deletion(path) else (side,)
    if one.kind != other.kind:
        return (Kind.TYPE,)
    value = Kind.CONTENT if one.kind == "f" else Kind.LINK
    pairs_of = (
        (value, one.value, other.value),
        (Kind.SIZE, one.size, other.size),
        (Kind.MODE, one.mode, other.mode),
        (Kind.OWNER, (one.uid, one.gid), (other.uid, other.gid)),
        (Kind.ATTRIBUTES, one.attributes, other.attributes),
        (Kind.TIME, one.time, other.time),
    )
    found = tuple(kind for kind, first, second in pairs_of if first != second)
    return (Kind.DELETION, *found) if is_deletion(path) else found


def config_differences(here: Facts, there: Facts) -> Iterator[Difference]:
    """Yield what differs in the images' configurations; the commit that the label names does not count."""
    for name in sorted({*here.config, *there.config}):
        if here.config.get(name) != there.config.get(name):
            yield _config(name, here.config.get(name, NOTHING), there.config.get(name, NOTHING))
    for number in range(max(len(here.history), len(there.history))):
        one, other = (each.history[number] if number < len(each.history) else NOTHING for each in (here, there))
        if one != other:
            yield _config(f"history {number + 1}", one, other)
    same = here.config == there.config and here.history == there.history and here.layers == there.layers
    if same and here.revision == there.revision and here.image != there.image:
        yield _config("image id", here.image, there.image)


def _config(name: str, one: str, other: str) -> Difference:
    cause = Cause(title="built from other sources, or by another builder", cure=_SAME_SOURCES)
    return Difference(layer=0, name=name, kinds=(Kind.CONTENT,), here=one, there=other, cause=cause)


def _flat(attributes: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    """Return the configuration as names and texts; what is empty is left out."""
    found = {key: json_text(config[key]).strip() for key in CONFIG_KEYS if config.get(key)}
    found |= {key: str(attributes[key]) for key in ("Architecture", "Created", "Os") if attributes.get(key)}
    found |= {f"label {name}": str(value) for name, value in (config.get("Labels") or {}).items() if name != REVISION}
    for word in config.get("Env") or ():
        name, _, value = str(word).partition("=")
        found[f"variable {name}"] = value
    return found


def _without(text: str, revision: str) -> str:
    """Return a text in which the commit is only named as such."""
    return text.replace(revision, _COMMIT) if revision else text


def _step(image: Facts, place: int | None) -> str:
    """Return what made a layer; where the engine does not know of as many steps as layers, nothing."""
    if place is None or len(image.steps) != len(image.layers):
        return ""
    return " ".join(image.steps[place].split())[:_STEP_WIDTH]


def _shown(entry: LayerEntry | None, kinds: Sequence[Kind]) -> str:
    """Return those sides of an entry that differ."""
    if entry is None:
        return NOTHING
    sides = {
        Kind.CONTENT: entry.value[:12],
        Kind.LINK: entry.value,
        Kind.TYPE: entry.kind,
        Kind.SIZE: f"{entry.size} bytes",
        Kind.MODE: f"{entry.mode:04o}",
        Kind.OWNER: f"{entry.uid}:{entry.gid}",
        Kind.TIME: f"time {entry.time:.0f}",
        Kind.ATTRIBUTES: str(dict(entry.attributes)),
    }
    return ", ".join(sides[kind] for kind in kinds if kind in sides) or "there"
