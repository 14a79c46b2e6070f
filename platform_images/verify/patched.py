"""A patched image: whether the record of patches, the images below and the manifests agree with its label. Pure.

Patches are laid one on the other, each as one layer with a manifest of its own: the label ``platform-images.patches``
tells which, the oldest first. A full build has no such label, whatever patches there were of the mission's images.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from platform_images.locks.patches import LABEL, Patch, PatchedPackage, is_chain, parse_label, patches_unit
from platform_images.verify import labels
from platform_images.verify.manifest import PATCH, patch_path, patches_there
from platform_images.verify.parts import PATCHES
from platform_images.verify.values import NOTHING, Finding, LabelsResult, What

_DIGITS = 12
_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """How a patched image came about.

    Attributes:
        patches: Its patches, the oldest first; at least one.
        absent: Ids of those images below a patch that this machine does not have: their layers are not compared.
    """

    patches: tuple[Patch, ...]
    absent: tuple[str, ...] = ()

    @property
    def released(self) -> str:
        """Id of the full build that all patches stand on."""
        return self.patches[0].released

    @property
    def packages(self) -> tuple[PatchedPackage, ...]:
        """What all patches together have changed, in the order in which it was changed first."""
        found: dict[tuple[str, str, str], PatchedPackage] = {}
        for each in (package for patch in self.patches for package in patch.packages):
            key = each.unit, each.kind, each.name
            found[key] = found[key].model_copy(update={"after": each.after}) if key in found else each
        return tuple(each for each in found.values() if each.before != each.after)

    @property
    def line(self) -> str:
        """All of it in one line."""
        packages = ", ".join(_change(each) for each in self.packages) or "no package is another one"
        absent = f"; not here to compare with: {', '.join(map(short_id, self.absent))}" if self.absent else ""
        return f"patched: {_count(self.patches)} on {short_id(self.released)}: {packages}{absent}"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "summary": self.line,
            "patches": len(self.patches),
            "released": self.released,
            "packages": [each.model_dump(mode="json") for each in self.packages],
            "not_compared": list(self.absent),
        }


def labelled_patches(found: Mapping[str, str]) -> tuple[Patch, ...] | None:
    """Return the patches that an image's labels name: none for a full build, None where the label cannot be read."""
    if LABEL not in found:
        return ()
    try:
        return parse_label(found[LABEL]) or None
    except ValueError:
        return None


def with_patches(
    result: LabelsResult, found: Mapping[str, str], *, mission: str, locks: str, recorded: Collection[Patch]
) -> LabelsResult:
    """Return the result of a patched image's labels with what its label of patches says; of a full build as it is.

    Args:
        result: That of the other labels.
        found: The image's labels.
        mission: The mission.
        locks: The present lock digest.
        recorded: The patches that the mission's locks have.
    """
    patches = labelled_patches(found)
    if patches == ():
        return result
    if patches is None:
        text = found[LABEL][:_SHOWN]
        findings, compared = [_label_finding(LABEL, "patches as invoke patch writes them", text)], {LABEL: text}
    else:
        findings = [*_chain_findings(patches, locks), *_unrecorded(patches, mission, recorded)]
        compared = {LABEL: _count(patches), **{_name(n): _shown(patch) for n, patch in enumerate(patches, start=1)}}
    return replace(result, findings=(*result.findings, *findings), compared={**result.compared, **compared})


def ground_findings(layers: Sequence[str], released: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Yield each image below a patch whose layers are not the lowest of the patched image.

    Args:
        layers: The patched image's, lowest first.
        released: Id to layers of those images below a patch that this machine has.
    """
    for image, below in released.items():
        pairs = zip(below, [*layers, *[""] * len(below)], strict=False)
        other = next((number for number, (one, two) in enumerate(pairs, start=1) if one != two), None)
        if other is not None:
            expected, found = f"its {len(below)} layers, lowest here", f"layer {other} is another one"
            name = f"layers of {short_id(image)}"
            yield Finding(part=PATCHES, name=name, what=What.CONTENT, expected=expected, found=found)


def manifest_count_findings(there: Iterable[str], patches: int) -> Iterator[Finding]:
    """Yield each patch of the label without a manifest, and each manifest without a patch.

    Args:
        there: What the image has.
        patches: How many patches its label names.
    """
    expected, found = set(range(1, patches + 1)), set(patches_there(there))
    for number in sorted(expected ^ found):
        what = What.MISSING if number in expected else What.EXTRA
        sides = {"expected": "a manifest"} if what is What.MISSING else {"found": f"{PATCH} {number} of {patches}"}
        yield Finding(part=PATCHES, name=f"/{patch_path(number)}", what=what, **sides)


def short_id(image: str) -> str:
    """Return an image's id, cut short."""
    return image.removeprefix("sha256:")[:_DIGITS]


def _chain_findings(patches: Sequence[Patch], locks: str) -> Iterator[Finding]:
    """Yield that patches do not lead, one from the other, to the present locks."""
    if not is_chain(patches, locks=locks):
        steps = ", ".join(f"{each.locks_before[:_DIGITS]} to {each.locks_after[:_DIGITS]}" for each in patches)
        yield _label_finding(LABEL, f"a chain to the locks {locks[:_DIGITS]}", steps)


def _unrecorded(patches: Sequence[Patch], mission: str, recorded: Collection[Patch]) -> Iterator[Finding]:
    """Yield each patch that the mission's record does not have."""
    for number, patch in enumerate(patches, start=1):
        if patch not in recorded:
            yield _label_finding(_name(number), f"one of locks/{patches_unit(mission)}", _shown(patch))


def _label_finding(name: str, expected: str, found: str) -> Finding:
    return Finding(part=labels.PART, name=name, what=What.CONTENT, expected=expected, found=found)


def _name(number: int) -> str:
    """Return what one patch of the label is called."""
    return f"{LABEL} {number}"


def _shown(patch: Patch) -> str:
    """Return one patch in words."""
    return f"on {short_id(patch.released)}: {', '.join(each.name for each in patch.packages) or NOTHING}"


def _count(patches: Sequence[Patch]) -> str:
    return "1 patch" if len(patches) == 1 else f"{len(patches)} patches"


def _change(package: PatchedPackage) -> str:
    """Return one package in words."""
    return f"{package.unit} {package.name} {package.before or NOTHING} -> {package.after or NOTHING}"
