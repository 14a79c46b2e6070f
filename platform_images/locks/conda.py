"""Reading ``conda-lock.yml``: the conda part of an environment, in installation order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from platform_images.errors import LockError
from platform_images.locks.values import CONDA_LOCK, CondaPackage, Lock, Unit

_SUFFIXES = (".conda", ".tar.bz2")


def conda_packages(lock: Lock) -> tuple[CondaPackage, ...]:
    """Return the conda packages of an environment's lock, each after those that it needs.

    Raises:
        LockError: The lock holds no conda part, or it is not in conda-lock's format.
    """
    if CONDA_LOCK not in lock.files:
        raise LockError(f"The lock of {lock.unit} holds no {CONDA_LOCK}.", fix=lock.unit.session)
    return parse_conda_lock(lock.files[CONDA_LOCK], unit=lock.unit)


def parse_conda_lock(text: str, *, unit: Unit) -> tuple[CondaPackage, ...]:
    """Return the packages of a ``conda-lock.yml``, each after those that it needs.

    Raises:
        LockError: It is not in conda-lock's format.
    """
    import yaml

    try:
        entries = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["package"]  # noqa: S506
        packages = [_package(entry) for entry in entries]
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise LockError(
            f"The lock of {unit} is damaged: {CONDA_LOCK} is not in conda-lock's format.",
            why=f"{type(error).__name__}: {error}",
            fix=unit.session,
        ) from error
    return installation_order(packages)


def _package(entry: dict[str, Any]) -> CondaPackage:
    """Return one entry; its build comes from the file name, which is always ``name-version-build``."""
    url = str(entry["url"])
    _, subdir, filename = url.rsplit("/", 2)
    stem = next((filename.removesuffix(suffix) for suffix in _SUFFIXES if filename.endswith(suffix)), None)
    if stem is None or stem.count("-") < 2:
        raise ValueError(f"{filename} is not the name of a conda package")
    needs = entry["dependencies"]
    if not isinstance(needs, dict):
        raise TypeError(f"the dependencies of {filename} are no mapping")
    return CondaPackage(
        name=str(entry["name"]),
        version=str(entry["version"]),
        build=stem.rsplit("-", 1)[1],
        subdir=subdir,
        url=url,
        md5=str(entry["hash"]["md5"]),
        sha256=str(entry["hash"]["sha256"]),
        dependencies=tuple(sorted((str(name), str(spec)) for name, spec in needs.items())),
    )


def installation_order(packages: Iterable[CondaPackage]) -> tuple[CondaPackage, ...]:
    """Return packages so that each comes after those it depends on; otherwise by name. Circles are broken by name."""
    by_name = {package.name: package for package in sorted(packages, key=lambda package: package.name)}
    ordered: dict[str, CondaPackage] = {}
    under_way: set[str] = set()

    def place(package: CondaPackage) -> None:
        if package.name in ordered or package.name in under_way:
            return
        under_way.add(package.name)
        for name, _ in package.dependencies:
            if name in by_name:
                place(by_name[name])
        ordered[package.name] = package

    for package in by_name.values():
        place(package)
    return tuple(ordered.values())


def distributions(packages: Iterable[CondaPackage], pypi_names: Mapping[str, str]) -> dict[str, CondaPackage]:
    """Return the Python distributions of a conda part by name, sorted, each as the package that provides it.

    Args:
        packages: The conda part.
        pypi_names: conda name to PyPI name, where the two differ.
    """
    from packaging.utils import canonicalize_name

    found = {
        str(canonicalize_name(pypi_names.get(package.name, package.name))): package
        for package in packages
        if package.name != "python" and _needs_python(package)
    }
    return dict(sorted(found.items()))


def _needs_python(package: CondaPackage) -> bool:
    """Whether a package is for Python: a library that merely ships beside it does not depend on it."""
    return any(name in ("python", "python_abi") for name, _ in package.dependencies)
