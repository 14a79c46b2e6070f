"""What all package managers have in common: a set of locked packages against a set of installed ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from platform_images.verify.values import Finding, What

Same = Callable[[str, str], bool]


def package_findings(
    part: str,
    kind: str,
    locked: Mapping[str, str],
    found: Mapping[str, str],
    *,
    optional: frozenset[str] = frozenset(),
    same: Same = str.__eq__,
) -> tuple[Finding, ...]:
    """Return every package that is missing, too many, or not of its locked version.

    Args:
        part: The part of the image.
        kind: The package manager, for the names of packages.
        locked: Name to version, as locked.
        found: Name to version, as installed.
        optional: Locked packages that may be missing.
        same: Whether two versions are the same one, however written.
    """
    findings = []
    for name in sorted({*locked, *found}):
        should, does = locked.get(name), found.get(name)
        if should is None and does is not None:
            findings.append(Finding(part=part, name=f"{kind} {name}", what=What.EXTRA, found=does))
        elif does is None and should is not None and name not in optional:
            findings.append(Finding(part=part, name=f"{kind} {name}", what=What.MISSING, expected=should))
        elif should is not None and does is not None and not same(should, does):
            findings.append(Finding(part=part, name=f"{kind} {name}", what=What.VERSION, expected=should, found=does))
    return tuple(findings)
