"""Splitting a PEM bundle into single certificates, as ``update-ca-certificates`` wants them."""

from __future__ import annotations

import re

from platform_images.compose.values import ContextFile
from platform_images.files import sha256_bytes

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_NAMES = ("CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
VARIABLES = dict.fromkeys(_NAMES, BUNDLE)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+?-----END CERTIFICATE-----")


def certificate_files(bundle: str) -> tuple[ContextFile, ...]:
    """Return one context file a certificate, named for its content and sorted; comments and repeats are left out."""
    texts = {
        "\n".join(found.split("\n")).strip() + "\n" for found in _CERTIFICATE.findall(bundle.replace("\r\n", "\n"))
    }
    named = sorted((sha256_bytes(text.encode("ascii"))[:16], text) for text in texts)
    return tuple(ContextFile(path=f"certificates/{name}.crt", text=text) for name, text in named)
