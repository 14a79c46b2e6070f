"""Everyday verbs: `invoke --list` shows them, `invoke --help VERB` explains one. No logic lives here."""

from __future__ import annotations

from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from platform_images import cli

PROJECT = Path(__file__).resolve().parent
MISSION = "the mission's name, a folder of deployments/"
KERNEL = "only this kernel; give it again for another (default: all)"
IMAGE = "the image (default: <mission>:latest)"


@task(positional=[], help={"json": "print JSON", "network": "also ask the package index"})
@cli.guarded
def doctor(_: Context, json: bool = False, network: bool = False) -> int:
    """Show each prerequisite, what was found on this machine, and the cure.

    Examples: invoke doctor; invoke doctor --json --network
    """
    from platform_images import doctor as room

    return room.run(json=json, network=network)


@task(name="list", positional=[], help={"json": "print JSON", "mission": "only this mission"})
@cli.guarded
def list_(_: Context, mission: str = "", json: bool = False) -> int:
    """Show missions, kernels, Pythons, and whether each lock is fresh, stale or missing.

    Examples: invoke list; invoke list --mission tike --json
    """
    from platform_images import overview

    return overview.show(PROJECT, mission=mission or None, json=json)


@task(
    positional=[],
    help={
        "since": "only missions that differ from this revision of git: a branch, tag or commit (default: all)",
        "json": "print JSON on a terminal as well",
    },
)
@cli.guarded
def matrix(_: Context, since: str = "", json: bool = False) -> int:
    """Show the missions that changes touch, and why; not on a terminal: one line, a matrix for GitHub Actions.

    Examples: invoke matrix; invoke matrix --since origin/main; invoke matrix --since HEAD --json
    """
    from platform_images.keep import matrix as room

    return room.show(PROJECT, since=since or None, json=json)


@task(
    positional=[],
    help={
        "mission": "the new mission's name; with --kernel also one that there is",
        "kernel": "the new kernel's name (default: that of the new mission)",
        "title": "the new mission's title, or an added kernel's name in the launcher (default: made from the name)",
        "dry_run": "write nothing; print the names of the files that would be made or changed",
    },
)
@cli.guarded
def new(_: Context, mission: str = "", kernel: str = "", title: str = "", dry_run: bool = False) -> int:
    """Start a mission, or a kernel of one that there is, from a template that builds as it is once it is locked.

    Examples: invoke new --mission survey; invoke new --mission survey --kernel stars --title 'Sky survey';
    invoke new --mission tike --kernel fresh --dry-run
    """
    from platform_images.keep import new as room

    return room.run(PROJECT, mission=mission, kernel=kernel or None, title=title or None, dry_run=dry_run)


@task(positional=[], help={"check": "change nothing; fail where a schema is not that of the code"})
@cli.guarded
def schemas(_: Context, check: bool = False) -> int:
    """Write the JSON Schemas of the TOML files into docs/schemas, for editors.

    Examples: invoke schemas; invoke schemas --check
    """
    from platform_images.model import schema

    return schema.show(PROJECT / "docs" / "schemas", check=check)


@task(
    positional=[],
    help={
        "check": "change nothing; fail where a committed package is not what the recipe makes",
        "update": "take the archive's present .deb files into the recipe first",
    },
)
@cli.guarded
def channel(_: Context, check: bool = False, update: bool = False) -> int:
    """Rebuild the embedded conda channel from its recipe, bit for bit.

    Examples: invoke channel; invoke channel --check; invoke channel --update
    """
    from platform_images.channel import build as room

    cli.one_of(check, update, names=("--check", "--update"))
    return room.run(PROJECT, check=check, update=update)


@task(
    positional=[],
    iterable=["kernel", "cache_from", "cache_to"],
    help={
        "mission": MISSION,
        "all_": "every mission; one that fails does not keep the others from being built",
        "kernel": KERNEL,
        "frozen": "install the saved solution (the default)",
        "floating": "solve first, then install that solution",
        "save": "with --floating: keep the new solution in locks/",
        "no_cache": "run every step again",
        "strict": "fail where a package is not to be had in its locked version",
        "mirror": "take what this folder has, which invoke mirror has filled",
        "offline": "with --mirror: take everything from there; no step has a network",
        "print_": "print the Dockerfile and build nothing",
        "tag": "one more tag for the image, NAME:TAG or TAG",
        "platform": "image platform, such as linux/amd64",
        "root": "build from this image and not from the locked root",
        "builder": "build there: an engine of docker context ls, or a BuildKit of docker buildx ls",
        "jobs": "with --all: so many missions at a time (default: all where --builder is given, else 1)",
        "cache_from": "take steps from this repository of a registry, HOST[:PORT]/NAME[:TAG]; may be given again",
        "cache_to": "put all steps there; may be given again",
        "json": "print JSON in place of the image's names: the image, its steps and where the time went",
    },
)
@cli.guarded
def build(
    _: Context,
    mission: str = "",
    all_: bool = False,
    kernel: list[str] | None = None,
    frozen: bool = False,
    floating: bool = False,
    save: bool = False,
    no_cache: bool = False,
    strict: bool = False,
    mirror: str = "",
    offline: bool = False,
    print_: bool = False,
    tag: str = "",
    platform: str = "",
    root: str = "",
    builder: str = "",
    jobs: str = "",
    cache_from: list[str] | None = None,
    cache_to: list[str] | None = None,
    json: bool = False,
) -> int:
    """Build a mission's image from its locks.

    Examples: invoke build --mission tike; invoke build --mission tike --floating --save;
    invoke build --mission jwebbinar --kernel jwebbinar-50 --tag trial; invoke build --mission tike --print;
    invoke build --all --builder farm --cache-from registry.example.org/cache:tike
    """
    from platform_images import build as room

    cli.one_of(all_, bool(mission), names=("--all", "--mission"))
    cli.one_of(all_, print_, names=("--all", "--print"))
    cli.one_of(all_, bool(kernel), names=("--all", "--kernel"))
    cli.only_with("--jobs", bool(jobs), "--all", all_)
    cli.one_of(frozen, floating, names=("--frozen", "--floating"))
    cli.one_of(print_, json, names=("--print", "--json"))
    request = room.BuildRequest(
        kernels=cli.words("--kernel", kernel),
        floating=floating,
        save=save,
        no_cache=no_cache,
        strict=strict,
        mirror=cli.path("--mirror", mirror),
        offline=offline,
        tag=tag or None,
        target_platform=platform or None,
        root_image=root or None,
        builder=builder or None,
        cache_from=tuple(cache_from or ()),
        cache_to=tuple(cache_to or ()),
    )
    if all_:
        from platform_images.building import missions

        return missions.run(PROJECT, request, jobs=cli.number("--jobs", jobs), json=json)
    return room.run(PROJECT, mission, request, print_only=print_, json=json)


@task(
    positional=[],
    iterable=["kernel", "notebooks"],
    help={
        "mission": MISSION,
        "kernel": KERNEL,
        "jobs": "notebooks and imports at a time (default: the cores of the engine)",
        "notebooks": "run this notebook and not the kernel's own; give it again for another",
        "image": IMAGE,
        "json": "print JSON",
    },
)
@cli.guarded
def test(
    _: Context,
    mission: str = "",
    kernel: list[str] | None = None,
    jobs: str = "",
    notebooks: list[str] | None = None,
    image: str = "",
    json: bool = False,
) -> int:
    """Run each kernel's imports, notebooks and test script in containers of the image, offline.

    Examples: invoke test --mission tike; invoke test --mission tike --kernel tess --notebooks my.ipynb
    """
    from platform_images.run import testing as room

    return room.run(
        PROJECT,
        mission,
        kernels=cli.words("--kernel", kernel),
        jobs=cli.number("--jobs", jobs),
        notebooks=cli.words("--notebooks", notebooks),
        image=image or None,
        json=json,
    )


@task(
    positional=[],
    iterable=["kernel"],
    help={
        "mission": MISSION,
        "kernel": "the image holds only this kernel; give it again for another (default: all)",
        "image": IMAGE,
        "rebuild": "also build it once more, every step anew, and compare the two",
        "against": "also compare it with this published image, which is pulled where it is not here",
        "json": "print JSON, with every finding",
    },
)
@cli.guarded
def verify(
    _: Context,
    mission: str = "",
    kernel: list[str] | None = None,
    image: str = "",
    rebuild: bool = False,
    against: str = "",
    json: bool = False,
) -> int:
    """Prove that an image is exactly what its locks say: labels, packages, every file.

    Examples: invoke verify --mission tike; invoke verify --mission tike --rebuild;
    invoke verify --mission tike --image trial:1 --kernel tess --json;
    invoke verify --mission tike --against registry.example.org/tike:2026.2
    """
    from platform_images.verify import verification as room

    request = room.VerifyRequest(
        kernels=cli.words("--kernel", kernel), image=image or None, rebuild=rebuild, against=against or None
    )
    return room.run(PROJECT, mission, request, json=json)


@task(
    positional=[],
    iterable=["kernel", "image"],
    help={
        "mission": MISSION,
        "all_": "every mission",
        "since": "compare with this revision of git: a branch, tag or commit (default: HEAD)",
        "kernel": KERNEL,
        "image": "compare two images of the engine, and no locks: give it twice, the older one first",
        "details": "ask the package index for licences and sizes of pip packages that changed",
        "exit_code": "end with 1 where something changed",
        "json": "print JSON",
        "markdown": "print Markdown, for a pull request",
    },
)
@cli.guarded
def diff(
    _: Context,
    mission: str = "",
    all_: bool = False,
    since: str = "",
    kernel: list[str] | None = None,
    image: list[str] | None = None,
    details: bool = False,
    exit_code: bool = False,
    json: bool = False,
    markdown: bool = False,
) -> int:
    """Show what changed in the locks since a revision, package by package, and which request brought it in.

    Examples: invoke diff --mission tike; invoke diff --all --since main --markdown;
    invoke diff --mission tike --kernel tess --details; invoke diff --image tike:2026.1 --image tike:latest --json
    """
    from platform_images.keep import diff as room

    for word, given in (("--all", all_), ("--kernel", bool(kernel)), ("--since", bool(since)), ("--details", details)):
        cli.one_of(bool(image), given, names=("--image", word))
    cli.one_of(bool(image), bool(mission), names=("--image", "--mission"))
    cli.one_of(all_, bool(mission), names=("--all", "--mission"))
    cli.one_of(all_, bool(kernel), names=("--all", "--kernel"))
    cli.one_of(json, markdown, names=("--json", "--markdown"))
    request = room.DiffRequest(
        missions=() if all_ or image else (mission,),
        since=since or "HEAD",
        kernels=cli.words("--kernel", kernel),
        images=tuple(image or ()),
        details=details,
    )
    return room.run(PROJECT, request, json=json, markdown=markdown, exit_code=exit_code)


@task(
    positional=[],
    iterable=["os", "package", "kernel", "allow"],
    help={
        "mission": MISSION,
        "os": "a Debian package, NAME for the newest or NAME=VERSION; give it again for another",
        "package": "a Python package, NAME for the newest or 'NAME>=VERSION'; give it again for another",
        "kernel": "change --package only in this kernel, or in base; may be given again (default: where it is)",
        "allow": "a package that may change as well; give it again for another",
        "locked": "change what the present locks have beyond those of the image, and ask for nothing",
        "image": "the released image (default: <mission>:latest)",
        "dry_run": "change nothing; say which packages would change",
        "json": "print JSON in place of the image's names",
    },
)
@cli.guarded
def patch(
    _: Context,
    mission: str = "",
    os: list[str] | None = None,
    package: list[str] | None = None,
    kernel: list[str] | None = None,
    allow: list[str] | None = None,
    locked: bool = False,
    image: str = "",
    dry_run: bool = False,
    json: bool = False,
) -> int:
    """Change some packages of a released image: one thin layer on it, all else held, the locks changed with it.

    Examples: invoke patch --mission tike --os libssl3t64 --dry-run;
    invoke patch --mission tike --package 'requests>=2.33' --kernel tess --allow urllib3;
    invoke patch --mission roman --locked
    """
    from platform_images.patching import patch as room

    request = room.PatchRequest(
        systems=tuple(os or ()),
        packages=tuple(package or ()),
        environments=cli.words("--kernel", kernel),
        allow=cli.words("--allow", allow),
        locked=locked,
        image=image or None,
        dry_run=dry_run,
    )
    return room.run(PROJECT, mission, request, json=json)


@task(
    positional=[],
    help={
        "mission": MISSION,
        "registry": "where to: HOST[:PORT][/PATH]; the repository is HOST[:PORT][/PATH]/<mission>",
        "image": IMAGE,
        "latest": "also move the tag latest to it, last of all (the default)",
        "out": "the file that gets the pushed digest (default: reports/pushed/<mission>.json)",
        "dry_run": "send nothing; ask the registry, and say what would be done",
        "json": "print JSON in place of the image's name by digest",
    },
)
@cli.guarded
def push(
    _: Context,
    mission: str = "",
    registry: str = "",
    image: str = "",
    latest: bool = True,
    out: str = "",
    dry_run: bool = False,
    json: bool = False,
) -> int:
    """Push a mission's image to a registry: under its exact tag, which nothing ever overwrites, then as latest.

    Examples: invoke push --mission tike --registry registry.example.org/platform;
    invoke push --mission tike --registry localhost:5000 --no-latest --dry-run
    """
    from platform_images.publish import push as room

    request = room.PushRequest(
        registry=registry,
        image=image or None,
        latest=latest,
        out=cli.path("--out", out),
        dry_run=dry_run,
    )
    return room.run(PROJECT, mission, request, json=json)


@task(
    positional=[],
    help={
        "mission": MISSION,
        "out": "the mirror's folder (default: mirror/ of this project)",
        "check": "fetch nothing; fail where a file is missing or damaged, or where --mission needs what is not there",
        "json": "with --check: print JSON",
    },
)
@cli.guarded
def mirror(_: Context, mission: str = "", out: str = "", check: bool = False, json: bool = False) -> int:
    """Put everything that a mission's locks name into one folder, for builds without a network.

    Examples: invoke mirror --mission tike; invoke mirror --mission tike --out /srv/mirror;
    invoke mirror --check --out /srv/mirror; invoke build --mission tike --mirror /srv/mirror --offline
    """
    folder = cli.path("--out", out) or PROJECT / "mirror"
    if check:
        from platform_images.mirror import checking

        return checking.run(PROJECT, mission or None, out=folder, json=json)
    from platform_images.mirror import filling

    return filling.run(PROJECT, mission, out=folder)


@task(
    positional=[],
    help={
        "mission": MISSION,
        "port": "port on this machine (default: a free one)",
        "home": "folder that becomes the home folder in the lab, kept afterwards",
        "dev": "mount the mission's and common's sources over their places in the image",
        "image": IMAGE,
    },
)
@cli.guarded
def lab(_: Context, mission: str = "", port: str = "", home: str = "", dev: bool = False, image: str = "") -> int:
    """Start JupyterLab from the image and print its URL with the token; Ctrl-C ends it.

    Examples: invoke lab --mission tike; invoke lab --mission tike --port 8888 --home ~/lab --dev
    """
    from platform_images.run import lab as room

    folder = cli.path("--home", home)
    return room.run(PROJECT, mission, port=cli.number("--port", port), home=folder, dev=dev, image=image or None)


@task(
    positional=[],
    iterable=["user"],
    help={
        "mission": MISSION,
        "port": "port on this machine (default: a free one)",
        "image": IMAGE,
        "user": "who may log in; give it again for another (default: anybody with the password)",
        "home_volumes": "keep or remove the users' homes at the end (default: keep)",
        "clean": "start nothing; remove the mission's homes and what a hub that was killed has left",
        "dry_run": "change nothing; print the hub's configuration, or with --clean what would be removed",
    },
)
@cli.guarded
def hub(
    _: Context,
    mission: str = "",
    port: str = "",
    image: str = "",
    user: list[str] | None = None,
    home_volumes: str = "keep",
    clean: bool = False,
    dry_run: bool = False,
) -> int:
    """Start a JupyterHub that serves the image to several users, and print URL and password; Ctrl-C ends it.

    Examples: invoke hub --mission tike; invoke hub --mission tike --user ada --user grace --port 8000;
    invoke hub --mission tike --clean --dry-run
    """
    from platform_images.hub import running as room

    request = room.HubRequest(
        port=cli.number("--port", port),
        image=image or None,
        users=cli.words("--user", user),
        home_volumes=home_volumes,
        clean=clean,
        dry_run=dry_run,
    )
    return room.run(PROJECT, mission, request)


@task(positional=[], help={"mission": MISSION, "kernel": "with this kernel's environment activated", "image": IMAGE})
@cli.guarded
def shell(_: Context, mission: str = "", kernel: str = "", image: str = "") -> int:
    """Open a shell in a container of the image.

    Examples: invoke shell --mission tike; invoke shell --mission tike --kernel tess
    """
    from platform_images.run import shell as room

    return room.run_shell(PROJECT, mission, kernel=kernel or None, image=image or None)


@task(
    name="exec",
    positional=[],
    help={"mission": MISSION, "kernel": "with this kernel's environment activated", "image": IMAGE},
)
@cli.guarded
def exec_(_: Context, mission: str = "", kernel: str = "", image: str = "") -> int:
    """Run a command in a container of the image: everything after --.

    Examples: invoke exec --mission tike --kernel tess -- python -c 'import lightkurve'
    """
    from platform_images.run import shell as room

    return room.run_exec(PROJECT, mission, cli.after_dashes(), kernel=kernel or None, image=image or None)


@task(
    positional=[],
    help={
        "older_than": "also remove what nobody has used for so long, such as 30d, 12h or 2w",
        "max_size": "also remove what is longest unused, until the rest has no more than this, such as 20GB",
        "dry_run": "change nothing; show what would be removed",
        "json": "print JSON",
    },
)
@cli.guarded
def clean(_: Context, older_than: str = "", max_size: str = "", dry_run: bool = False, json: bool = False) -> int:
    """Show what is kept on this machine, and remove what killed runs have left, what is old and what is too much.

    Examples: invoke clean --dry-run; invoke clean --older-than 30d; invoke clean --max-size 20GB --json
    """
    from platform_images.clean import cleaning as room

    return room.run(older_than=older_than, max_size=max_size, dry_run=dry_run, json=json)


@task(
    positional=[],
    help={
        "mission": MISSION,
        "kernel": "the kernel, or base (default: the mission's only kernel)",
        "package": "the package, of the pip or the conda part",
        "offline": "ask no index: names without bounds, from the lock alone",
        "json": "print JSON, with every requirement",
    },
)
@cli.guarded
def why(
    _: Context, mission: str = "", kernel: str = "", package: str = "", offline: bool = False, json: bool = False
) -> int:
    """Show who requires a package, with which bounds, and what holds it back from its newest release.

    Examples: invoke why --mission tike --kernel tess --package numpy;
    invoke why --mission tike --kernel base --package jupyterlab --offline --json
    """
    from platform_images.keep import why as room

    return room.run(PROJECT, mission, kernel=kernel or None, package=package, offline=offline, json=json)


@task(
    positional=[],
    help={
        "mission": MISSION,
        "kernel": "only this kernel, or base (default: base and every kernel)",
        "direct": "only packages that a line of a request file asks for",
        "exit_code": "end with 1 where something is outdated",
        "json": "print JSON",
    },
)
@cli.guarded
def outdated(
    _: Context, mission: str = "", kernel: str = "", direct: bool = False, exit_code: bool = False, json: bool = False
) -> int:
    """Show pip packages of which the index has something newer, and what holds each of them back.

    Examples: invoke outdated --mission tike; invoke outdated --mission tike --kernel tess --direct --exit-code
    """
    from platform_images.keep import outdated as room

    return room.run(PROJECT, mission, kernel=kernel or None, direct=direct, exit_code=exit_code, json=json)


@task(
    positional=[],
    iterable=["package"],
    help={
        "mission": MISSION,
        "kernel": "the kernel, or base (default: the mission's only kernel)",
        "package": "draw only this and what it requires; give it again for another (default: everything)",
        "reverse": "with --package: draw what requires it instead",
        "out": "the file to write; its ending says what it becomes: .svg, .html, which can be searched, or .png",
    },
)
@cli.guarded
def graph(
    _: Context,
    mission: str = "",
    kernel: str = "",
    package: list[str] | None = None,
    reverse: bool = False,
    out: str = "",
) -> int:
    """Draw who requires whom in a kernel, from its lock.

    Examples: invoke graph --mission tike --kernel tess --out reports/tess.svg;
    invoke graph --mission tike --kernel tess --package numpy --reverse --out reports/numpy.html
    """
    from platform_images.home import user_path
    from platform_images.keep import graph as room

    names = cli.words("--package", package)
    place = user_path(out, named="--out") if out else None
    return room.run(PROJECT, mission, kernel=kernel or None, packages=names, reverse=reverse, out=place)


namespace = Collection(
    doctor,
    list_,
    matrix,
    new,
    schemas,
    channel,
    build,
    test,
    verify,
    diff,
    patch,
    why,
    outdated,
    graph,
    push,
    mirror,
    lab,
    hub,
    shell,
    exec_,
    clean,
)
