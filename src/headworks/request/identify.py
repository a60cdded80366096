"""Who calls: the presented key becomes a Caller. 400 401 403 429."""

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import unquote_plus

from headworks.errors import Forbidden, Malformed, Unauthenticated
from headworks.ports import Keys
from headworks.values import Auth, Caller, Matched, RawRequest, Route

ANONYMOUS = Caller("", "anonymous", Auth.PUBLIC)
KEY_IN_QUERY = (
    "A key must not stand in the URL, where logs and histories keep it. Send it as Authorization: Bearer or "
    "X-API-Key, and replace this one."
)
TWO_KEYS = "Authorization and X-API-Key name different keys; send one of them."
NO_KEY = "Send an API key as Authorization: Bearer or X-API-Key."

KEY_IN_TEXT = re.compile(r"_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}")
"""What looks like a key, by its last three parts."""

_IN_QUERY = re.compile(rf"(?:^|[&;?])(?:x[_-])?(?:api[_-]?key|access[_-]?token)=|{KEY_IN_TEXT.pattern}", re.IGNORECASE)
_BROWSER_PAGES = frozenset({("GET", "/docs"), ("GET", "/openapi.json")})
_FORWARDING = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
)
_PUBLIC, _LOCAL, _KEY = Auth.PUBLIC, Auth.LOCAL, Auth.KEY  # a member looked up on its class costs 0.1 µs
_LOOPBACK = ("127.", "::ffff:127.")
_BEARER = 'Bearer realm="headworks"'
_BASIC = 'Basic realm="headworks: any name, a key as password", charset="UTF-8"'


def identify(raw: RawRequest, matched: Matched, keys: Keys, wall_ns: int) -> Caller:
    """The caller, or ANONYMOUS where the route is public.

    A LOCAL route is open to this machine alone: a loopback peer, and no sign of a proxy. Declare such a route LOCAL
    only on a server bound to loopback, else ADMIN.

    Raises: Malformed (400) for a key in the query or two different keys; Unauthenticated (401) with WWW-Authenticate;
    Forbidden (403) for a key that the route is not for; RateLimited (429) for a source that failed too often.
    Cost: about 0.8 µs beside `Keys.find`.
    """
    if raw.query and _IN_QUERY.search(unquote_plus(raw.query)):
        raise Malformed(KEY_IN_QUERY)
    route = matched.route
    auth = route.auth
    if auth is _PUBLIC or (auth is _LOCAL and _is_local(raw)):
        return ANONYMOUS
    headers = raw.headers
    authorization = headers.get("authorization", "")
    is_plain = authorization[:7] == "Bearer " and "x-api-key" not in headers
    presented = authorization[7:] if is_plain else _presented(headers, route)
    try:
        caller = keys.find(presented, raw.peer, wall_ns)
    except Unauthenticated as error:
        raise _refusal(error.detail, route, "invalid_token") from None
    if auth is not _KEY and caller.auth is not Auth.ADMIN:
        if auth is not Auth.STATISTICS:
            raise Forbidden("This needs an administrator's key.")
        if not may_count(caller):
            raise Forbidden("This needs a key of scope statistics, or an administrator's.")
    return caller


def may_count(caller: Caller) -> bool:
    """Whether a caller is told how often an endpoint was called by all: administrators are, and keys of scope `statistics`."""
    return caller.auth is Auth.ADMIN or (caller.scopes is not None and "statistics" in caller.scopes)


def _presented(headers: Mapping[str, str], route: Route) -> str:
    api_key = headers.get("x-api-key")
    authorization = headers.get("authorization")
    if authorization is None:
        if api_key is None:
            raise _refusal(NO_KEY, route)
        return api_key
    presented = authorization[7:] if authorization.startswith("Bearer ") else _credentials(authorization, route)
    if api_key is not None and api_key != presented:
        raise Malformed(TWO_KEYS)
    return presented


def _credentials(authorization: str, route: Route) -> str:
    """The key in an Authorization header spelt otherwise, or, for the pages a browser opens, sent as a password."""
    scheme, _, credentials = authorization.partition(" ")
    scheme, credentials = scheme.lower(), credentials.strip()
    if scheme == "bearer":
        return credentials
    if scheme != "basic" or (route.method, route.template) not in _BROWSER_PAGES:
        raise _refusal(NO_KEY, route)
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        raise _refusal(NO_KEY, route) from None


def _refusal(detail: str, route: Route, error: str = "") -> Unauthenticated:
    """A 401 whose challenge lets a browser ask for the key where a browser may come."""
    bearer = f'{_BEARER}, error="{error}"' if error else _BEARER
    is_page = (route.method, route.template) in _BROWSER_PAGES
    return Unauthenticated(detail, headers=(("WWW-Authenticate", f"{_BASIC}, {bearer}" if is_page else bearer),))


def _is_local(raw: RawRequest) -> bool:
    headers = raw.headers
    is_loopback = raw.peer == "::1" or raw.peer.startswith(_LOOPBACK)
    return is_loopback and not any(name in headers for name in _FORWARDING)
