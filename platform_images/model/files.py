"""The three kinds of TOML file that people edit, as strict models: an unknown key is an error, not silence."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from platform_images.model.release import release

LONGEST_NAME = 60
Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9]*([-.][a-z0-9]+)*$", max_length=LONGEST_NAME),
    Field(description="Lower-case letters, digits, '-' and '.', beginning with a letter."),
]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,60}$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_VALUE = re.compile(r"[^\n\0]*")
_NO_TEXT = frozenset({"Cc", "Zl", "Zp"})  # control characters, and what ends a line or a paragraph


def _one_line(value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise ValueError("must be one line")
    return value


def _text(value: str) -> str:
    if any(unicodedata.category(sign) in _NO_TEXT for sign in value):
        raise ValueError("must be one line of text, without tabs and other control characters")
    return value


def _title(value: str) -> str:
    if not any(sign.isprintable() and not sign.isspace() for sign in value):
        raise ValueError("must be text that people can see")
    return _text(value)


Title = Annotated[str, Field(min_length=1), AfterValidator(_title)]
Value = Annotated[
    str,
    AfterValidator(_one_line),
    Field(description="One line; $NAME and ${NAME} are replaced when a container or kernel starts."),
]
Variables = Annotated[
    dict[VariableName, Value],
    Field(description='Environment variables, NAME = "value". $HOME and other variables may be used.'),
]
RESERVED_KERNELS = frozenset({"base", "notebooks", "npm", "os", "patches", "root"})
_REPOSITORY = re.compile(r"(https?|git)://[^/\s@]+/\S+|ssh://([^/\s@:]+@)?[^/\s@]+/\S+|file:///\S+")
_REF = re.compile(r"(?!-)[^\s~^:?*\[\\]+")
_OURS = (".cache", ".local")


def _below_home(value: str) -> str:
    parts = value.split("/")
    if value.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\n" in value or "\0" in value:
        raise ValueError(f"found {value!r}; allowed: a path below the home, such as notebooks/first-steps")
    if parts[0] in _OURS:
        raise ValueError(f"found {value!r}; allowed: another folder than {' and '.join(_OURS)} of the home")
    return value


def _repository(value: str) -> str:
    if not _REPOSITORY.fullmatch(value):
        raise ValueError(
            "allowed: an address of a git repository that begins with https://, http://, git://, ssh:// or file:/// "
            "and has no password in it"
        )
    return value


def _ref(value: str) -> str:
    if not _REF.fullmatch(value) or ".." in value:
        raise ValueError(f"found {value!r}; allowed: a branch, a tag, or the 40 digits of a commit")
    return value


def _mount(value: str) -> str:
    if not re.fullmatch(r"(/[^/\s]+)+", value) or ".." in value.split("/"):
        raise ValueError(f"found {value!r}; allowed: a path from the top, such as /data/stpsf-data, without spaces")
    return value


BelowHome = Annotated[str, AfterValidator(_below_home)]


def _base_address(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", value):
        raise ValueError(f"found {value!r}; allowed: an address that begins with https:// or http:// and has no ? or #")
    return value.rstrip("/")


BaseAddress = Annotated[str, AfterValidator(_base_address)]


class Strict(BaseModel):
    """Base of all models that come from files: frozen, no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Root(Strict):
    """``[root]``: the operating system below everything."""

    provider: Literal["debootstrap", "image"] = Field(
        "debootstrap",
        description="'debootstrap' makes a minimal Debian here; 'image' starts from a registry image.",
    )
    suite: Name = Field("trixie", description='Debian release, for provider = "debootstrap".')
    image: str | None = Field(None, description='Image reference, for provider = "image".')
    snapshot: BaseAddress | None = Field(
        None,
        description="An archive as it was, or a snapshot service: where locked Debian packages (pool/...) are once the "
        "mirrors have them no more.",
    )
    snapshot_security: BaseAddress | None = Field(None, description="The same for the archive's security part.")

    @property
    def snapshots(self) -> tuple[str, ...]:
        """Where packages are that the mirrors have no more."""
        return tuple(each for each in (self.snapshot, self.snapshot_security) if each is not None)

    @model_validator(mode="after")
    def _image_named(self) -> Root:
        if self.provider == "image" and not self.image:
            raise ValueError('provider = "image" needs the key \'image\', for example image = "debian:trixie-slim"')
        if self.provider == "debootstrap" and self.image:
            raise ValueError("the key 'image' is only used with provider = \"image\"")
        if self.provider != "debootstrap" and self.snapshots:
            raise ValueError(
                "the keys 'snapshot' and 'snapshot_security' are only used with provider = \"debootstrap\""
            )
        return self


class Channel(Strict):
    """``[[channels]]``: a conda channel, by the name that locks use for it."""

    name: Name
    path: str | None = Field(None, description="A channel inside this repository.")
    url: str | None = Field(None, description="A channel on a server, for example a conda-forge mirror.")

    @model_validator(mode="after")
    def _one_place(self) -> Channel:
        if (self.path is None) == (self.url is None):
            raise ValueError("give exactly one of 'path' and 'url'")
        if self.url is not None and not re.match(r"(https?://[^/\s]+|file:///)\S*$", self.url):
            raise ValueError(
                f"found url = {self.url!r}; allowed: an address that begins with https://, http:// or file:///"
            )
        if self.path is not None and (self.path.startswith("/") or ".." in self.path.split("/")):
            raise ValueError(f"found path = {self.path!r}; allowed: a folder of this repository")
        return self


class Conda(Strict):
    """``[conda]``: how the conda part is solved."""

    solver: Literal["rattler", "micromamba", "mamba", "conda"] = Field(
        "rattler", description="'rattler' needs nothing installed; the others must be on PATH."
    )
    pypi_names: dict[str, str] = Field(
        default_factory=dict, description="conda package name to PyPI name, where the two differ."
    )


class Tls(Strict):
    """``[tls]``: a site's certificates."""

    install: bool = Field(
        False,
        description="Put the certificates into the image (system store, conda, pip, npm, requests, git).",
    )
    ca_bundle: str | None = Field(None, description="PEM file; by default the bundle that this machine itself uses.")


class User(Strict):
    """``[user]``: who runs the lab in a container."""

    name: Name = "jovyan"
    uid: int = Field(1000, ge=1, le=60000)
    gid: int = Field(100, ge=1, le=60000)


class Build(Strict):
    """``[build]``: settings of image builds."""

    network: Literal["default", "host"] = Field(
        "default", description="'host' lets build steps reach an index or proxy on this machine's loopback."
    )


class PlatformFile(Strict):
    """``platform.toml``: what holds for every mission."""

    title: Title
    platform: Literal["linux/amd64", "linux/arm64"] = Field(
        "linux/amd64", description="The platform that locks and images are made for."
    )
    root: Root = Root()
    channels: tuple[Channel, ...] = Field(min_length=1, strict=False)
    conda: Conda = Conda()
    tls: Tls = Tls()
    user: User = User()
    build: Build = Build()

    @model_validator(mode="after")
    def _channels_differ(self) -> PlatformFile:
        names = [channel.name for channel in self.channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two channels are named {twice[0]!r}")
        return self


class ExtraFile(Strict):
    """``[[files]]``: one file of the mission's folder and its place in the image."""

    source: str
    target: Annotated[str, StringConstraints(pattern=r"^/[^\n]*[^/\n]$")]
    mode: Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")] = "0644"


class Notebooks(Strict):
    """``[[notebooks]]``: a folder of the home that comes from a git repository."""

    url: Annotated[str, AfterValidator(_repository)] = Field(
        description="The repository. Names and passwords belong to git's own configuration on the hub, not here."
    )
    ref: Annotated[str, AfterValidator(_ref)] = Field(description="Branch, tag, or the 40 digits of a commit.")
    folder: BelowHome = Field(description="Where the files come to, below the home.")
    subfolder: BelowHome | None = Field(None, description="Only this folder of the repository.")
    mode: Literal["sync", "reference"] = Field(
        "sync",
        description="'sync': the user's files, updated where the user has not changed them; 'reference': read-only, "
        "exactly those of the commit.",
    )
    follow: bool = Field(False, description="Take the newest commit of the ref at each start, not the locked one.")


class DataSet(Strict):
    """``[[data]]``: reference data that a site mounts into its containers, and the variable that says where it is."""

    variable: VariableName
    path: Annotated[str, AfterValidator(_mount)] = Field(description="Where a site mounts the data.")
    default: Value | None = Field(
        None, description="The variable's value where nothing is mounted; without it the variable is then not set."
    )
    link: BelowHome | None = Field(None, description="A link to the mounted data, below the home.")


def _twice(names: list[str]) -> str | None:
    """Return the first name that comes twice."""
    return next((name for name in names if names.count(name) > 1), None)


def _check_data(data: tuple[DataSet, ...], environment: dict[str, str]) -> None:
    """Refuse a variable that would have two values, and a link to two places."""
    names = [each.variable for each in data]
    twice = _twice(names) or next((name for name in names if name in environment), None)
    if twice is not None:
        raise ValueError(f"the variable {twice!r} is set twice, in [[data]] and [[data]] or [environment]")
    link = _twice([each.link for each in data if each.link is not None])
    if link is not None:
        raise ValueError(f"two of [[data]] have the link {link!r}")


class TestSettings(Strict):
    """``[test]``: limits of a test run."""

    timeout: int = Field(600, ge=1, description="Seconds for each notebook and for the test script.")
    import_timeout: int = Field(180, ge=1, description="Seconds for each import.")


class MissionFile(Strict):
    """``deployments/<mission>/mission.toml``."""

    title: Title
    description: Annotated[str, AfterValidator(_text)] = ""
    version: Version = Field(description="The image's version, the first part of its tag.")
    kernels: tuple[Name, ...] = Field(
        min_length=1, strict=False, description="Folders under kernels/, in the order of the launcher."
    )
    environment: Variables = {}
    files: tuple[ExtraFile, ...] = Field((), strict=False)
    notebooks: tuple[Notebooks, ...] = Field((), strict=False)
    data: tuple[DataSet, ...] = Field((), strict=False)

    @model_validator(mode="after")
    def _kernel_names(self) -> MissionFile:
        for name in self.kernels:
            if name in RESERVED_KERNELS:
                raise ValueError(f"a kernel cannot be named {name!r}; that word names another part of a lock")
            if self.kernels.count(name) > 1:
                raise ValueError(f"the kernel {name!r} is listed twice")
        return self

    @model_validator(mode="after")
    def _places(self) -> MissionFile:
        _check_data(self.data, self.environment)
        folders = [each.folder for each in self.notebooks]
        for here in folders:
            if any(f"{other}/".startswith((f"{here}/", f"{here}-edits/")) for other in folders if other is not here):
                raise ValueError(f"two of [[notebooks]] have folders of which one holds the other: {here!r}")
        return self


class Sdist(Strict):
    """``[sdist.<package>]``: a package that has no wheel, and what its build needs."""

    build_requires: tuple[str, ...] = Field(min_length=1, strict=False)
    reason: str = Field(min_length=1, description="Why this package may be built from source.")
    environment: Variables = Field({}, description="Variables of its build, for example CFLAGS.")

    @field_validator("build_requires")
    @classmethod
    def _releases(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                release(text)
            except ValueError as error:
                raise ValueError(
                    f"found {text!r}; allowed: releases of a package index, such as 'setuptools' or "
                    "'setuptools>=82', without an address or an option"
                ) from error
        return value


class KernelFile(Strict):
    """``deployments/<mission>/kernels/<kernel>/kernel.toml``."""

    display_name: Title = Field(description="The name in JupyterLab's launcher.")
    solver: Literal["uv", "pip-tools"] = Field("uv", description="Which program solves the pip part.")
    environment: Variables = {}
    data: tuple[DataSet, ...] = Field((), strict=False)
    logo: Annotated[str, StringConstraints(pattern=r"^[^/\n]+\.(png|svg)$")] | None = Field(
        None, description="A PNG or SVG file in the kernel's folder, shown in JupyterLab's launcher."
    )
    sdist: dict[str, Sdist] = {}
    test: TestSettings = TestSettings()

    @model_validator(mode="after")
    def _variables_differ(self) -> KernelFile:
        _check_data(self.data, self.environment)
        return self
