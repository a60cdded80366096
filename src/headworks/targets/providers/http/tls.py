"""TLS to an origin: certificates and host names are always verified, TLS 1.2 at least, HTTP/1.1 only."""

from __future__ import annotations

import ssl
from importlib.util import find_spec
from pathlib import Path

from headworks.errors import ConfigurationRefused
from headworks.targets.providers.http.settings import Tls

ALPN = "http/1.1"


def context_of(tls: Tls) -> ssl.SSLContext:
    """What connections with these settings are secured by.

    Raises: ConfigurationRefused, when a file cannot be used.
    Cost: tens of milliseconds: the authorities are read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies, and checks the host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([ALPN])
    try:
        _trust(context, tls.ca_file)
        if tls.certificate_file is not None:
            context.load_cert_chain(tls.certificate_file, tls.key_file, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigurationRefused(
            "A provider's TLS files cannot be used: ca_file, certificate_file and key_file must be readable PEM, "
            "the key without a pass phrase",
            reason=type(error).__name__,
        ) from None
    return context


def _trust(context: ssl.SSLContext, ca_file: str | None) -> None:
    if ca_file is not None:
        context.load_verify_locations(ca_file)
        return
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    paths = ssl.get_default_verify_paths()
    has_system_store = any(path is not None and Path(path).exists() for path in (paths.cafile, paths.capath))
    if not has_system_store and find_spec("certifi") is not None:
        import certifi

        context.load_verify_locations(certifi.where())


def _no_password() -> str:
    raise ValueError("the key has a pass phrase")
