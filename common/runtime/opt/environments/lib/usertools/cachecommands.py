"""cache-size and cache-clear."""

from __future__ import annotations

from usertools import caches, commandline
from usertools.caches import Cache
from usertools.console import confirm, human_size, put_json, put_table, say
from usertools.errors import usage
from usertools.files import empty
from usertools.names import nearest


def size(argv: list[str]) -> int:
    """Say how large the caches are."""
    parser = commandline.parser(
        "cache-size", "Say how large the caches in your home are.", "cache-size\ncache-size --json"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, in bytes")
    found = parser.parse_args(argv)
    measured = [(cache, caches.measure(cache.path)) for cache in caches.known()]
    if found.json:
        rows = [{"name": c.name, "path": str(c.path), "held": s.held, "freed": s.freed} for c, s in measured]
        put_json(rows)
        return 0
    table = [(c.name, human_size(s.held), human_size(s.freed), str(c.path), c.about) for c, s in measured]
    put_table(table, head=("CACHE", "SIZE", "FREED BY CLEARING", "FOLDER", "WHAT IT HOLDS"))
    say("Environments share files with the caches: those are not freed while the environments stay.")
    return 0


def clear(argv: list[str]) -> int:
    """Empty caches."""
    parser = commandline.parser(
        "cache-clear",
        "Empty caches in your home: those of packages, or the named ones. Environments keep working.",
        "cache-clear\ncache-clear --dry-run\ncache-clear -y trash",
    )
    parser.add_argument("names", nargs="*", metavar="CACHE", help="; ".join(f"{c}: {a}" for c, a in _abouts()))
    parser.add_argument("-n", "--dry-run", action="store_true", help="only say what would be freed")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    found = parser.parse_args(argv)
    chosen = [(cache, caches.measure(cache.path)) for cache in _chosen(found.names) if cache.path.exists()]
    for cache, measured in chosen:
        say(f"{cache.name}: {human_size(measured.freed)} in {cache.path}")
    total = human_size(sum(measured.freed for _, measured in chosen))
    if not chosen:
        say("There is nothing to clear.")
    elif found.dry_run:
        say(f"Would free {total}.")
    else:
        confirm(f"Empty {'it' if len(chosen) == 1 else 'them'}?", yes=found.yes)
        for cache, _ in chosen:
            empty(cache.path)
        say(f"Freed {total}.")
    return 0


def _abouts() -> list[tuple[str, str]]:
    """Return names and contents of the caches."""
    return [(cache.name, cache.about) for cache in caches.known()]


def _chosen(names: list[str]) -> list[Cache]:
    """Return the caches of these names, or the usual ones.

    Raises:
        ToolError: There is none of a name.
    """
    known = {cache.name: cache for cache in caches.known()}
    for name in names:
        if name not in known:
            raise usage(f"There is no cache {name!r}{nearest(name, known)}.", why=f"there are: {', '.join(known)}")
    return [known[name] for name in names] or [cache for cache in known.values() if cache.usual]
