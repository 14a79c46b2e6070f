"""apt's source lists, both forms: read the machine's own, write one for another Debian release of the same mirror."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_ONE_LINE = re.compile(r"^(?P<kind>deb|deb-src)\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<rest>\S.*)$")
_OPTION_FIELDS = {"arch": "architectures", "lang": "languages", "target": "targets"}
_FALSE = frozenset({"no", "false", "off", "0", "without", "disable"})
_RENDERED_FIRST = ("types", "uris", "suites", "components")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One stanza: where packages come from.

    Attributes:
        types: ``deb``, ``deb-src`` or both.
        uris: The mirrors.
        suites: Such as ``bookworm`` and ``bookworm-updates``.
        components: Such as ``main``.
        options: Every other field in lower case, such as ``signed-by``, with its value; sorted.
    """

    types: tuple[str, ...]
    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str) -> str | None:
        """Return a field of that name in lower case, or None."""
        return dict(self.options).get(name)


def read_sources(folder: Path) -> tuple[Source, ...]:
    """Return what the apt configuration under ``folder`` (``/etc/apt``) enables, in apt's own order."""
    names = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    found: list[Source] = []
    for name in names:
        if not name.is_file():
            continue
        text = name.read_text(encoding="utf-8", errors="replace")
        if name.suffix == ".list":
            found.extend(parse_one_line(text))
        elif name.suffix == ".sources":
            found.extend(parse_deb822(text))
    return tuple(found)


def parse_one_line(text: str) -> tuple[Source, ...]:
    """Return the sources of a ``.list`` file: ``deb [option=value ...] URI SUITE COMPONENT...``."""
    sources: list[Source] = []
    for line in text.splitlines():
        found = _ONE_LINE.match(line.split("#", 1)[0].strip())
        if not found:
            continue
        words = found["rest"].split()
        if len(words) < 2:
            continue
        sources.append(
            Source(
                types=(found["kind"],),
                uris=(words[0],),
                suites=(words[1],),
                components=tuple(words[2:]),
                options=_one_line_options(found["options"] or ""),
            )
        )
    return tuple(sources)


def parse_deb822(text: str) -> tuple[Source, ...]:
    """Return the enabled stanzas of a ``.sources`` file."""
    sources: list[Source] = []
    for fields in _stanzas(text):
        if fields.pop("enabled", "yes").strip().lower() in _FALSE:
            continue
        if not fields.get("uris") or not fields.get("suites"):
            continue
        sources.append(
            Source(
                types=tuple(fields.pop("types", "deb").split()),
                uris=tuple(fields.pop("uris").split()),
                suites=tuple(fields.pop("suites").split()),
                components=tuple(fields.pop("components", "").split()),
                options=tuple(sorted(fields.items())),
            )
        )
    return tuple(sources)


def render_deb822(sources: Sequence[Source]) -> str:
    """Return a ``.sources`` file."""
    return "\n".join(_render(source) for source in sources)


def archive(sources: Sequence[Source], codename: str) -> Source | None:
    """Return the source of a release's main archive (not its updates, not its security part), or None."""
    for source in sources:
        if "deb" in source.types and "main" in source.components and codename in source.suites:
            return Source(
                types=("deb",), uris=source.uris, suites=(codename,), components=("main",), options=source.options
            )
    return None


def release_sources(sources: Sequence[Source], codename: str) -> tuple[Source, ...]:
    """Return the binary sources of one release: its archive, updates, security part and backports."""
    found: list[Source] = []
    for source in sources:
        suites = tuple(s for s in source.suites if s == codename or s.startswith((f"{codename}-", f"{codename}/")))
        if "deb" in source.types and suites:
            found.append(
                Source(
                    types=("deb",),
                    uris=source.uris,
                    suites=suites,
                    components=source.components,
                    options=source.options,
                )
            )
    return tuple(found)


def with_suite(source: Source, codename: str) -> Source:
    """Return the same mirror, keys and options for another release."""
    return Source(
        types=source.types, uris=source.uris, suites=(codename,), components=source.components, options=source.options
    )


def _one_line_options(text: str) -> tuple[tuple[str, str], ...]:
    """Return ``[arch=amd64 signed-by=/a,/b]`` as fields of the other form."""
    options: dict[str, str] = {}
    for word in text.split():
        name, _, value = word.partition("=")
        lowered = name.rstrip("+-").lower()
        options[_OPTION_FIELDS.get(lowered, lowered)] = value.replace(",", " ")
    return tuple(sorted(options.items()))


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yield each paragraph's fields, names in lower case; continuation lines are kept as they are."""
    fields: dict[str, str] = {}
    last = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t" and last:
            fields[last] += "\n" + line
        elif ":" in line:
            name, _, value = line.partition(":")
            last = name.strip().lower()
            fields[last] = value.strip()


def _render(source: Source) -> str:
    """Return one stanza."""
    values = (source.types, source.uris, source.suites, source.components)
    lines = [f"{name.title()}: {' '.join(words)}" for name, words in zip(_RENDERED_FIRST, values, strict=True) if words]
    lines += [f"{name.title()}: {value}".replace(": \n", ":\n") for name, value in source.options]
    return "\n".join(lines).replace("Uris:", "URIs:") + "\n"
