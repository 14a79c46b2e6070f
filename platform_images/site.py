"""What this machine's own configuration says about certificates, package indexes and proxies."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from platform_images import siteconfig
from platform_images.errors import UsageError
from platform_images.home import home_folder, user_path
from platform_images.process import redacted

CA_IN_BUILD = "/run/secrets/ca"
CA_VARIABLES = (
    "AWS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NIX_SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "npm_config_cafile",
)
_CA_SOURCES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_PROXIES = ("all_proxy", "ftp_proxy", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """The machine's own settings. Values that may carry a password are left out of its ``repr``.

    Attributes:
        ca_bundle: The file of certificate authorities to trust, or None where the machine has none.
        ca_source: Where that was found: a variable's name, ``pip's configuration``, ``the system's bundle``.
        index_url: The package index in place of the public one, or None.
        extra_index_urls: Further indexes that a container can reach as well.
        local_sources: Indexes and wheel folders on this machine's own disk: of use to pip here, never in a container.
        trusted_hosts: Hosts whose certificate is not checked.
        npm_registry: The npm registry in place of the public one, or None.
        proxies: Proxy variables by name, each in both spellings, sorted.
    """

    ca_bundle: Path | None = None
    ca_source: str = ""
    index_url: str | None = field(default=None, repr=False)
    extra_index_urls: tuple[str, ...] = field(default=(), repr=False)
    local_sources: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    npm_registry: str | None = field(default=None, repr=False)
    proxies: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def host_env(self) -> dict[str, str]:
        """Return variables for uv, pip, npm and rattler run on this machine, to be laid over the environment.

        pip here reads its own configuration as well, so only what the others miss is repeated.
        """
        values = _ca_values(str(self.ca_bundle)) if self.ca_bundle else {}
        values.update(self._index_values())
        values.pop("PIP_EXTRA_INDEX_URL", None)
        return dict(sorted(values.items()))

    def build_env(self) -> dict[str, str]:
        """Return variables for a build step, where the bundle is mounted as the secret ``ca``."""
        values = _ca_values(CA_IN_BUILD) if self.ca_bundle else {}
        values.update(self._index_values())
        values.update(self.proxies)
        return dict(sorted(values.items()))

    def secret_text(self) -> str:
        """Return the secret file ``site``: lines ``export NAME='value'`` for ``.`` in a shell; sorted."""
        lines = [f"export {name}={_quoted(value)}" for name, value in self.build_env().items()]
        return "".join(f"{line}\n" for line in lines)

    def described(self) -> tuple[tuple[str, str], ...]:
        """Return what is set as (name, value) for a person to read, without user names and passwords."""
        pairs = [
            ("CA bundle", f"{self.ca_bundle} ({self.ca_source})" if self.ca_bundle else "none"),
            ("package index", self.index_url or "the public one"),
            ("further indexes", " ".join(self.extra_index_urls)),
            ("folders of wheels here", " ".join(self.local_sources)),
            ("hosts trusted unchecked", " ".join(self.trusted_hosts)),
            ("npm registry", self.npm_registry or "the public one"),
            ("proxies", " ".join(f"{name}={value}" for name, value in self.proxies if name.islower())),
        ]
        return tuple((name, redacted(value)) for name, value in pairs if value)

    def _index_values(self) -> dict[str, str]:
        """Return the variables of pip, uv and npm that name indexes."""
        values: dict[str, str] = {}
        if self.index_url:
            values.update(PIP_INDEX_URL=self.index_url, UV_DEFAULT_INDEX=self.index_url)
        if self.extra_index_urls:
            joined = " ".join(self.extra_index_urls)
            # pip takes the best version over all indexes; uv shall find the same
            values.update(PIP_EXTRA_INDEX_URL=joined, UV_INDEX=joined, UV_INDEX_STRATEGY="unsafe-best-match")
        if self.trusted_hosts:
            joined = " ".join(self.trusted_hosts)
            values.update(PIP_TRUSTED_HOST=joined, UV_INSECURE_HOST=joined)
        if self.npm_registry:
            values["npm_config_registry"] = self.npm_registry
        return values


def site_settings(
    *,
    ca_bundle: Path | None = None,
    environment: Mapping[str, str] | None = None,
    root: Path = Path("/"),
    home: Path | None = None,
) -> SiteSettings:
    """Return what this machine's environment and configuration files say.

    Args:
        ca_bundle: Use this bundle and look for no other (``[tls] ca_bundle`` of platform.toml).
        environment: In place of this process's own.
        root: The top of the file system that is read.
        home: In place of the home folder, whose files are left out where there is none.

    Raises:
        UsageError: A certificate file that somebody has named does not exist, or a configuration file has a mistake.
    """
    env = os.environ if environment is None else environment
    home = home or home_folder()
    pip = siteconfig.pip_settings(env, root=root, home=home)
    uv = siteconfig.uv_settings(env, root=root, home=home)
    bundle, source = _find_bundle(ca_bundle, env, pip.get("cert"), root)
    index = uv.index_url or siteconfig.last_word(pip.get("index-url"))
    extra = (*uv.extra_index_urls, *pip.get("extra-index-url", "").split())
    find_links = (*uv.find_links, *pip.get("find-links", "").split())
    return SiteSettings(
        ca_bundle=bundle,
        ca_source=source,
        index_url=index if index and not _local(index) else None,
        extra_index_urls=_unique(url for url in extra if not _local(url)),
        local_sources=_unique(url for url in (index or "", *extra, *find_links) if url and _local(url)),
        trusted_hosts=_unique(pip.get("trusted-host", "").split()),
        npm_registry=siteconfig.npm_registry(env, root=root, home=home),
        proxies=_proxies(env),
    )


def _find_bundle(
    asked: Path | None, env: Mapping[str, str], pip_cert: str | None, root: Path
) -> tuple[Path | None, str]:
    """Return the certificate file to trust and where it was named."""
    named = [("platform.toml, [tls] ca_bundle", str(asked or ""))]
    named += [(name, env.get(name, "")) for name in _CA_SOURCES]
    named.append(("pip's configuration, cert", pip_cert or ""))
    for source, value in named:
        if not value:
            continue
        path = user_path(value, named=source)
        if path.is_dir() and source != named[0][0]:
            continue  # requests takes a folder of hashed names; the other tools do not
        if not path.is_file():
            raise UsageError(
                f"{source} names a certificate file that does not exist.",
                why=str(path),
                fix=f"correct or remove it ({source})",
            )
        return path.absolute(), source
    for name in _SYSTEM_BUNDLES:
        path = root / name.lstrip("/")
        if path.is_file():
            return path, "the system's bundle"
    return None, ""


def _ca_values(path: str) -> dict[str, str]:
    """Return every variable that makes some tool trust the file."""
    return dict.fromkeys(CA_VARIABLES, path)


def _proxies(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the proxy variables, each in both spellings: some tools read one, some the other."""
    found: dict[str, str] = {}
    for name in _PROXIES:
        value = env.get(name) or env.get(name.upper())
        if value:
            found[name] = found[name.upper()] = value
    return tuple(sorted(found.items()))


def _local(source: str) -> bool:
    """Whether an index or wheel folder lies on this machine's disk."""
    return urlsplit(source).scheme in ("", "file")


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    """Return the values without repeats, in their order."""
    return tuple(dict.fromkeys(values))


def _quoted(value: str) -> str:
    """Return a value for a shell, always between single quotes."""
    quoted = shlex.quote(value)
    return quoted if quoted.startswith("'") else f"'{quoted}'"
