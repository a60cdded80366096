"""What a key may do, and the one rule that no key may do more than the key that made it."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from msgspec import Struct

from headworks.errors import FieldError, SchemaViolation
from headworks.units import Rate
from headworks.values import Caller

ADMIN = "admin"
CATALOGUE = "catalogue"
STATISTICS = "statistics"
CALL_ALL = "call:*"
MOST_SCOPES = 200
MOST_NETWORKS = 100

Network = IPv4Network | IPv6Network

_CALL = re.compile(r"call:[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?(?:/v[1-9][0-9]{0,5})?")


class Terms(Struct, frozen=True):
    """The bounds of a key, and the tenant it belongs to; `tokens` is a rate of tokens at services outside.

    Shapes: `scopes` None is every endpoint and the catalogue; `networks` empty is anywhere; None elsewhere is no bound.
    """

    scopes: frozenset[str] | None = None
    rate: Rate | None = None
    concurrency: int | None = None
    networks: tuple[Network, ...] = ()
    expires_wall_ns: int | None = None
    tokens: Rate | None = None
    tenant: str = ""


def terms_of(caller: Caller) -> Terms:
    """The bounds of the key that calls."""
    return Terms(
        caller.scopes,
        caller.rate,
        caller.concurrency,
        caller.networks,
        caller.expires_wall_ns,
        caller.tokens,
        caller.tenant,
    )


def parse_scopes(texts: Iterable[str]) -> frozenset[str]:
    """Scopes as written: `call:<endpoint>`, `call:<endpoint>/v<n>`, `call:*`, `catalogue`, `statistics`, or `admin` alone.

    Raises: ValueError, naming the scope and the accepted forms.
    """
    scopes = frozenset(texts)
    if not scopes:
        raise ValueError("name at least one scope, or leave scopes out for every endpoint")
    if len(scopes) > MOST_SCOPES:
        raise ValueError(f"at most {MOST_SCOPES} scopes")
    for scope in scopes:
        if scope not in (ADMIN, CATALOGUE, STATISTICS, CALL_ALL) and not _CALL.fullmatch(scope):
            raise ValueError(
                f"{scope!r} is no scope; write call:<endpoint>, call:<endpoint>/v<n>, call:*, catalogue, statistics or admin"
            )
    if ADMIN in scopes and len(scopes) > 1:
        raise ValueError("admin stands alone: a key that administers calls no models")
    return scopes


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks as written: `10.0.0.0/8`, `2001:db8::/32` or a single address.

    Raises: ValueError, naming the network.
    """
    networks: list[Network] = []
    for text in texts:
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            raise ValueError(f"{text!r} is no network; write an address range such as 10.0.0.0/8") from error
    if len(networks) > MOST_NETWORKS:
        raise ValueError(f"at most {MOST_NETWORKS} networks")
    return tuple(networks)


def bounded(asked: Terms, parent: Terms) -> Terms:
    """The terms asked for, made whole with the parent's where nothing was said.

    Raises: SchemaViolation (422), naming each field that goes beyond the parent.
    """
    scopes = asked.scopes if asked.scopes is not None or _grants_all(parent.scopes) else parent.scopes
    child = Terms(
        scopes,
        asked.rate or parent.rate,
        asked.concurrency if asked.concurrency is not None else parent.concurrency,
        asked.networks or parent.networks,
        asked.expires_wall_ns,
        asked.tokens or parent.tokens,
        asked.tenant or parent.tenant,
    )
    errors = tuple(
        FieldError(f"/{field}", f"goes beyond the key that makes it: {text}") for field, text in _beyond(child, parent)
    )
    if errors:
        raise SchemaViolation("A key cannot be allowed more than the key that makes it.", errors=errors)
    return child


def _grants_all(scopes: frozenset[str] | None) -> bool:
    return scopes is None or ADMIN in scopes or scopes >= {CALL_ALL, CATALOGUE}


def _beyond(child: Terms, parent: Terms) -> Iterable[tuple[str, str]]:
    if not _scopes_within(child.scopes, parent.scopes):
        yield "scopes", "a scope that key lacks"
    if parent.rate is not None and not _rate_within(child.rate, parent.rate):
        yield "rate", f"at most {parent.rate.count:g} calls in {parent.rate.period_s:g} s, {parent.rate.depth} at once"
    if parent.tokens is not None and not _rate_within(child.tokens, parent.tokens):
        yield "tokens", f"at most {parent.tokens.count:g} tokens in {parent.tokens.period_s:g} s"
    if parent.tenant and child.tenant != parent.tenant:
        yield "tenant", "another tenant's"
    if parent.concurrency is not None and (child.concurrency is None or child.concurrency > parent.concurrency):
        yield "concurrency", f"at most {parent.concurrency}"
    if parent.networks and not _networks_within(child.networks, parent.networks):
        yield "networks", "addresses that key may not call from"
    if parent.expires_wall_ns is not None and (
        child.expires_wall_ns is None or child.expires_wall_ns > parent.expires_wall_ns
    ):
        yield "expires", "outlives it"


def _scopes_within(child: frozenset[str] | None, parent: frozenset[str] | None) -> bool:
    if parent is not None and ADMIN in parent:
        return True
    granted = parent if parent is not None else frozenset((CALL_ALL, CATALOGUE))
    asked = child if child is not None else frozenset((CALL_ALL, CATALOGUE))
    return all(_is_granted(scope, granted) for scope in asked)


def _is_granted(scope: str, granted: frozenset[str]) -> bool:
    if scope in granted:
        return True
    if not scope.startswith("call:"):
        return False
    return CALL_ALL in granted or scope.partition("/")[0] in granted


def _rate_within(child: Rate | None, parent: Rate) -> bool:
    return child is not None and child.interval_ns >= parent.interval_ns and child.depth <= parent.depth


def _networks_within(child: tuple[Network, ...], parent: tuple[Network, ...]) -> bool:
    return bool(child) and all(any(_is_subnet(inner, outer) for outer in parent) for inner in child)


def _is_subnet(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)
