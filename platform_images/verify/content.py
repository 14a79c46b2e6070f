"""The image's files and packages against the locks: nothing more, nothing missing, nothing changed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from packaging.utils import canonicalize_name

from platform_images.locks.values import CondaPackage, RootSystem
from platform_images.model.environment import Environment
from platform_images.verify import manifest
from platform_images.verify.manifest import Listed, above, is_the_engine_s, place
from platform_images.verify.parts import COMMON_OS, ELSEWHERE, NPM, ROOT, Parts, conda_name, pip_name, rows
from platform_images.verify.patched import manifest_count_findings
from platform_images.verify.records.conda import conda_part
from platform_images.verify.records.debian import LockedDebian, debian_part
from platform_images.verify.records.npm import npm_part
from platform_images.verify.records.pip import pinned, pip_part
from platform_images.verify.values import DIRECTORY, FILE, KINDS, LINK, ContentResult, Entry, Finding, Held, Tree, What

DEBOOTSTRAP = "debootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedEnvironment:
    """One environment as its lock has it; ``requirements`` is empty where it has no pip part."""

    environment: Environment
    conda: tuple[CondaPackage, ...]
    requirements: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedContent:
    """All that an image is to hold.

    Attributes:
        mission: Name of the mission.
        root: The root.
        common_os: Name to version of the OS packages of every image.
        mission_os: Name to version of the mission's own.
        environments: The base and the kernels.
        npm: The locked ``package-lock.json``; None where the mission has no npm packages.
    """

    mission: str
    root: RootSystem
    common_os: Mapping[str, str] = field(default_factory=dict)
    mission_os: Mapping[str, str] = field(default_factory=dict)
    environments: tuple[LockedEnvironment, ...] = ()
    npm: str | None = None

    @property
    def mission_os_part(self) -> str:
        """Name of the part with the mission's OS packages."""
        return f"{self.mission}/os"

    @property
    def debian(self) -> LockedDebian:
        """Every locked Debian package; of one that two parts name, the later one counts."""
        root = {package.name: package.version for package in self.root.packages}
        units = ((ROOT, root), (COMMON_OS, self.common_os), (self.mission_os_part, self.mission_os))
        return LockedDebian(
            versions={name: version for _, unit in units for name, version in unit.items()},
            parts={name: part for part, unit in units for name in unit},
            whole=self.root.provider == DEBOOTSTRAP,
        )


def content_result(
    tree: Tree, locked: LockedContent, *, base: Sequence[Finding] = (), patches: int | None = 0
) -> ContentResult:
    """Return how an image's content differs from what is locked.

    Args:
        tree: All that is in the image.
        locked: What it is to hold.
        base: What differs in the layers that it stands on.
        patches: How many patches its label names; None where nobody can tell.
    """
    environments = [each.environment for each in locked.environments]
    places = manifest.manifests(environments, tree.texts)
    listed, held = manifest.merged(tree, places), _held(tree, locked)
    parts = Parts(
        mission_os=locked.mission_os_part,
        environments=environments,
        layers=listed.layers,
        owners={path: owner for each in held.values() for path, owner in each.owners.items()},
        debian=locked.debian.parts,
    )
    of_records = [finding for each in held.values() for finding in each.findings]
    counted = () if patches is None else manifest_count_findings(tree.texts, patches)
    findings = _ordered([*base, *counted, *manifest_findings(tree, listed, places, parts), *of_records])
    packages = Counter(locked.debian.parts.values())
    packages.update({name: each.packages for name, each in held.items() if name != ROOT})
    return ContentResult(rows=rows(parts, _files(tree, places), packages, findings), findings=findings)


def base_findings(layers: Sequence[str], root: RootSystem, *, present: Sequence[str] | None = None) -> list[Finding]:
    """Return what differs in the layers that an image stands on.

    Args:
        layers: The image's, lowest first.
        root: The locked root. Of one made here, the digest is that of its one layer.
        present: Layers of the locked registry image, where this machine has it; without them nothing can be said.
    """
    expected = [root.digest] if root.provider == DEBOOTSTRAP else list(present or ())
    found = list(layers[: len(expected)])
    return [
        Finding(part=ROOT, name=f"layer {number}", what=What.CONTENT, expected=should, found=does)
        for number, (should, does) in enumerate(zip(expected, [*found, *[""] * len(expected)], strict=False), start=1)
        if should != does
    ]


def manifest_findings(
    tree: Tree, listed: Listed, places: Sequence[manifest.Manifest], parts: Parts
) -> Iterator[Finding]:
    """Yield how the image differs from its manifests; where one cannot be read, only that."""
    if listed.findings:
        yield from (replace(each, part=parts.of_layer(each.part)) for each in listed.findings)
    else:
        yield from tree_findings(tree, listed, places, parts)


def tree_findings(tree: Tree, listed: Listed, places: Sequence[manifest.Manifest], parts: Parts) -> Iterator[Finding]:
    """Yield how the files that there are differ from those that the manifests list."""
    missing = [path for path in listed.entries if path not in tree.entries and not is_the_engine_s(path)]
    yield from _gathered(missing, listed.entries, What.MISSING, parts)
    for path, expected in listed.entries.items():
        found = tree.entries.get(path)
        if found is not None and found != expected and not is_the_engine_s(path):
            yield from _changes(path, expected, found, parts)
    free, implied = manifest.unlisted(places), manifest.parents([*listed.entries, *(each.path for each in places)])
    beside = [path for path in tree.entries if path not in listed.entries and path not in free]
    for path in implied.intersection(beside):
        yield from _changes(path, manifest.parent(), tree.entries[path], parts)
    extra = [path for path in beside if path not in implied and not is_the_engine_s(path)]
    yield from _gathered(extra, tree.entries, What.EXTRA, parts)


def _changes(path: str, expected: Entry, found: Entry, parts: Parts) -> Iterator[Finding]:
    """Yield each way in which one name is not as listed."""
    pairs: list[tuple[What, str, str]] = []
    if expected.kind != found.kind:
        pairs.append((What.TYPE, KINDS[expected.kind], KINDS[found.kind]))
    elif expected.value != found.value:
        pairs.append((What.LINK if found.kind == LINK else What.CONTENT, expected.value, found.value))
    if expected.mode != found.mode:
        pairs.append((What.MODE, f"{expected.mode:04o}", f"{found.mode:04o}"))
    if (expected.uid, expected.gid) != (found.uid, found.gid):
        pairs.append((What.OWNER, f"{expected.uid}:{expected.gid}", f"{found.uid}:{found.gid}"))
    for what, should, does in pairs:
        yield _finding(path, what, parts, expected=should, found=does)


def _gathered(paths: Sequence[str], entries: Mapping[str, Entry], what: What, parts: Parts) -> Iterator[Finding]:
    """Yield one finding for each path, and one for a whole directory that is missing or too many."""
    gone = set(paths)
    below = Counter(next((up for up in reversed([*above(path)]) if up in gone), path) for path in paths)
    for path, count in below.items():
        entry = entries[path]
        shown = entry.value if entry.kind == FILE else KINDS[entry.kind]
        if entry.kind == DIRECTORY and count > 1:
            shown += f" and {count - 1} names below it"
        sides = {"expected": shown} if what is What.MISSING else {"found": shown}
        yield _finding(path, what, parts, **sides)


def _finding(path: str, what: What, parts: Parts, **sides: str) -> Finding:
    return Finding(part=parts.of(path), name=f"/{path}", what=what, owner=parts.owner(path), **sides)


def _held(tree: Tree, locked: LockedContent) -> dict[str, Held]:
    """Return what each package manager's records say, by the part of the image; Debian's as a whole."""
    held = {ROOT: debian_part(tree, locked.debian, part=ELSEWHERE), **_environments(tree, locked)}
    if locked.npm is not None:
        held[NPM] = npm_part(tree, locked.npm, part=NPM)
    return held


def _files(tree: Tree, places: Sequence[manifest.Manifest]) -> list[str]:
    """Return every path that counts as a file of the image: no directory, no manifest."""
    free = manifest.unlisted(places)
    return [path for path, entry in tree.entries.items() if entry.kind != DIRECTORY and path not in free]


def _environments(tree: Tree, locked: LockedContent) -> dict[str, Held]:
    """Return the conda and the pip part of each environment."""
    held = {}
    for each in locked.environments:
        prefix, conda_part_name = place(each.environment), conda_name(each.environment)
        conda = conda_part(tree, prefix, each.conda, part=conda_part_name)
        pip = pip_part(tree, prefix, each.requirements, part=pip_name(each.environment), conda=frozenset(conda.owners))
        held[conda_part_name] = _without_replaced(conda, pip, pinned(each.requirements))
        held[pip_name(each.environment)] = pip
    return held


def _without_replaced(conda: Held, pip: Held, locked: Mapping[str, str]) -> Held:
    """Return the conda part without what pip has put its own in the place of: that is checked there."""

    def replaced(finding: Finding) -> bool:
        if finding.name.lstrip("/") in pip.owners:
            return True
        names = finding.owner.split()
        return finding.what is What.MISSING and len(names) > 1 and canonicalize_name(names[1]) in locked

    kept = tuple(finding for finding in conda.findings if not replaced(finding))
    return replace(conda, findings=kept)


def _ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings, packages before files; what a manifest and a package's record both say is told once."""
    first: dict[tuple[str, What], Finding] = {}
    for finding in findings:
        first.setdefault((finding.name, finding.what), finding)
    return tuple(sorted(first.values(), key=lambda each: (each.name.startswith("/"), each.name, each.what)))
