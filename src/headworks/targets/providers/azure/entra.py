"""Tokens of Microsoft Entra for an application with a secret.

Source: Microsoft identity platform, OAuth 2.0 client credentials flow (RFC 6749, section 4.4).
"""

from __future__ import annotations

import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct, structs

from headworks.errors import ProviderKeyRejected, ProviderUnreachable
from headworks.secret import Secret
from headworks.targets.providers.azure.settings import Entra
from headworks.targets.providers.wire import HttpRequest, Origin

TIMEOUT_S = 10.0
MOST_ANSWER_BYTES = 64 * 1024
EARLY_NS = 120 * 10**9
"""A token is renewed this long before it ends."""
SECOND_NS = 10**9


class _Minted(Struct, frozen=True):
    access_token: str
    expires_in: int


class _Token(Struct, frozen=True):
    secret: Secret
    renew_wall_ns: int


class EntraToken:
    """A bearer token, minted when it is needed and before it ends.

    Safe under: many threads; a token is replaced as a whole.
    """

    __slots__ = ("_authority", "_entra", "_secret", "_token")

    def __init__(self, entra: Entra, authority: Origin, secret: Secret) -> None:
        self._entra = entra
        self._authority = authority
        self._secret = secret
        self._token = _Token(Secret(""), 0)

    def is_fresh(self, wall_ns: int) -> bool:
        """Whether the token can be used."""
        return wall_ns < self._token.renew_wall_ns

    def refresh(self, wall_ns: int) -> None:
        """Mint a token; redirects are not followed.

        Raises: ProviderKeyRejected, ProviderUnreachable.
        """
        minted = self._minted()
        lasting_ns = max(minted.expires_in * SECOND_NS - EARLY_NS, SECOND_NS)
        self._token = _Token(Secret(minted.access_token), wall_ns + lasting_ns)

    def signed(self, request: HttpRequest, origin: Origin, wall_ns: int) -> HttpRequest:
        """The request with the token in its head."""
        field = ("authorization", "Bearer " + self._token.secret.reveal())
        return structs.replace(request, headers=(*request.headers, field))

    def _minted(self) -> _Minted:
        connection = self._connection()
        form = {
            "grant_type": "client_credentials",
            "client_id": self._entra.client_id,
            "client_secret": self._secret.reveal(),
            "scope": self._entra.scope,
        }
        path = f"{self._authority.path}/{quote(self._entra.tenant, safe='')}/oauth2/v2.0/token"
        try:
            fields = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
            connection.request("POST", path, urlencode(form), fields)
            response = connection.getresponse()
            body = response.read(MOST_ANSWER_BYTES)
        except (OSError, HTTPException) as error:
            raise ProviderUnreachable(reason=f"no token from Entra: {type(error).__name__}") from None
        finally:
            connection.close()
        if response.status in {400, 401, 403}:
            raise ProviderKeyRejected(reason=f"Entra answered {response.status}")
        try:
            return msgspec.json.decode(body, type=_Minted)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise ProviderUnreachable(reason=f"no token from Entra: status {response.status}") from None

    def _connection(self) -> HTTPConnection:
        host, port = self._authority.host, self._authority.port
        if self._authority.scheme == "http":
            return HTTPConnection(host, port, timeout=TIMEOUT_S)
        return HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
