"""Administration of keys as data in, data out: for `/admin/keys`, the control socket and the command line alike."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from headworks.errors import FieldError, SchemaViolation
from headworks.identity.issue import NEVER, Issued, Issuer, KeyOrder
from headworks.identity.keys import LiveKeys
from headworks.identity.rows import KeyRow
from headworks.identity.terms import CALL_ALL, CATALOGUE, parse_networks, parse_scopes
from headworks.units import Clock, Rate, iso_time, parse_duration_s, parse_rate
from headworks.values import Caller

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
KeyId = Annotated[str, Meta(pattern="^[0-9A-Za-z]{8}$")]
Text = Annotated[str, Meta(max_length=100)]
T = TypeVar("T")

_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
MOST_CALLS = 1e9
LONGEST_WINDOW_S = 366 * 86_400.0
_NAMED = re.compile(r"field `([^`]*)`$")
_PERIODS = {1.0: "s", 60.0: "m", 3600.0: "h", 86_400.0: "d"}


class CreateKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made: `rate` as 10/s, `tokens` at services outside as 10000/m, `expires` as 30d or never."""

    name: Name
    scopes: Annotated[tuple[Text, ...], Meta(max_length=200)] | None = None
    rate: Text | None = None
    concurrency: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    networks: Annotated[tuple[Text, ...], Meta(max_length=100)] = ()
    expires: Text | None = None
    tokens: Text | None = None
    tenant: Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{0,64}$")] = ""


class RotateKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be replaced; the old one stays valid for `overlap`, 0s ends it now."""

    id: KeyId
    overlap: Text = "24h"
    expires: Text | None = None


class RevokeKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be ended now."""

    id: KeyId


class ListKeys(Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the youngest keys to list."""

    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class ExchangeKey(Struct, frozen=True, forbid_unknown_fields=True):
    """The name of the lasting administrator's key that a one-time key is exchanged for."""

    name: Name = "administrator"


class KeyView(Struct, frozen=True, omit_defaults=True):
    """A key as it is shown: nothing of its secret. Times are RFC 3339."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    status: str
    created: str
    expires: str | None = None
    revoked: str | None = None
    last_used: str | None = None
    rate: str | None = None
    burst: int | None = None
    concurrency: int | None = None
    networks: tuple[str, ...] = ()
    tokens: str | None = None
    tenant: str = ""
    made_by: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    one_time: bool = False


class IssuedView(KeyView, frozen=True, kw_only=True, omit_defaults=True):
    """A key just made, with its text: shown this once."""

    key: str


class KeyActions:
    """What an administrator does with keys; every change is in force when it returns.

    `maker` is the administrator's key that asks, None the owner of the machine (command line, control socket).
    `live` is what the running service answers from, None when none runs.
    """

    def __init__(self, issuer: Issuer, clock: Clock, live: LiveKeys | None = None) -> None:
        self._issuer = issuer
        self._clock = clock
        self._live = live

    async def create(self, asked: CreateKey, maker: Caller | None) -> IssuedView:
        """A new key, never allowed more than its maker.

        Raises: SchemaViolation (422) with a pointer to each wrong field.
        """
        return self._issued(await self._issuer.create(order_of(asked), maker))

    async def rotate(self, asked: RotateKey, maker: Caller | None) -> IssuedView:
        """A successor on the same terms.

        Raises: NotFound (404), Forbidden (403), SchemaViolation (422).
        """
        overlap_s = _read(parse_duration_s, asked.overlap, "/overlap")
        return self._issued(await self._issuer.rotate(asked.id, overlap_s, maker, _life_s(asked.expires)))

    async def revoke(self, asked: RevokeKey, maker: Caller | None) -> KeyView:
        """The key, which opens nothing any more.

        Raises: NotFound (404).
        """
        row = await self._issuer.revoke(asked.id)
        self._refresh()
        return KeyView(**_shown(row, self._clock.wall_ns()))

    async def exchange(self, asked: ExchangeKey, maker: Caller) -> IssuedView:
        """A lasting administrator's key for the one-time key that asks.

        Raises: Forbidden (403), NotFound (404).
        """
        return self._issued(await self._issuer.exchange(maker, asked.name))

    async def list(self, asked: ListKeys, maker: Caller | None) -> tuple[KeyView, ...]:
        """Keys, live or not, the youngest first."""
        rows = self._issuer.newest(asked.limit)
        successors = {row.predecessor: row.key_id for row in rows if row.predecessor is not None}
        now_ns = self._clock.wall_ns()
        return tuple(KeyView(**_shown(row, now_ns), replaced_by=successors.get(row.key_id)) for row in rows)

    def _issued(self, issued: Issued) -> IssuedView:
        self._refresh()
        return IssuedView(**_shown(issued.row, self._clock.wall_ns()), key=issued.key)

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.refresh()


def order_of(asked: CreateKey) -> KeyOrder:
    """The order of a key that is asked for.

    Raises: SchemaViolation (422) with a pointer to the first wrong field.
    """
    return KeyOrder(
        asked.name,
        None if asked.scopes is None else _read(parse_scopes, asked.scopes, "/scopes"),
        None if asked.rate is None else _read(_bounded_rate, asked.rate, "/rate"),
        asked.concurrency,
        _read(parse_networks, asked.networks, "/networks"),
        _life_s(asked.expires),
        None if asked.tokens is None else _read(_bounded_rate, asked.tokens, "/tokens"),
        asked.tenant,
    )


def read_form(form: type[T], document: Mapping[str, Any] | bytes) -> T:
    """An administrator's words, checked; unknown fields are refused.

    Raises: SchemaViolation (422), naming the field.
    """
    try:
        if isinstance(document, bytes):
            return msgspec.json.decode(document or b"{}", type=form)
        return msgspec.convert(document, form)
    except msgspec.ValidationError as error:
        text = str(error)
        place, named = _PLACE.search(text), _NAMED.search(text)
        path = re.sub(r"[.\[]+", "/", place[1]).replace("]", "") if place else named[1] if named else None
        pointer = "" if path is None else f"/{path}"
        raise SchemaViolation(errors=(FieldError(pointer, _PLACE.sub("", text)),)) from None
    except (msgspec.DecodeError, RecursionError):
        raise SchemaViolation(errors=(FieldError("", "not a JSON document, or a very deep one"),)) from None


def _read(parse: Any, text: Any, pointer: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise SchemaViolation(errors=(FieldError(pointer, str(error)),)) from None


def _bounded_rate(text: str) -> Rate:
    rate = parse_rate(text)
    if rate.count > MOST_CALLS or rate.period_s / rate.count > LONGEST_WINDOW_S:
        raise ValueError("a rate is at most 1000000000 calls a period and at least one call a year")
    return rate


def _life_s(text: str | None) -> float | None:
    if text is None:
        return None
    life_s: float = NEVER if text == "never" else _read(parse_duration_s, text, "/expires")
    return life_s


def _shown(row: KeyRow, now_ns: int) -> dict[str, Any]:
    terms = row.terms
    return {
        "id": row.key_id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": (CALL_ALL, CATALOGUE) if terms.scopes is None else tuple(sorted(terms.scopes)),
        "status": str(row.state(now_ns)),
        "created": iso_time(row.created_wall_ns),
        "expires": _time(terms.expires_wall_ns),
        "revoked": _time(row.revoked_wall_ns),
        "last_used": _time(row.last_used_wall_ns),
        "rate": None if terms.rate is None else _rate_text(terms.rate),
        "burst": None if terms.rate is None else terms.rate.depth,
        "concurrency": terms.concurrency,
        "networks": tuple(str(network) for network in terms.networks),
        "tokens": None if terms.tokens is None else _rate_text(terms.tokens),
        "tenant": terms.tenant,
        "made_by": row.parent,
        "replaces": row.predecessor,
        "one_time": row.is_one_time,
    }


def _time(wall_ns: int | None) -> str | None:
    return None if wall_ns is None else iso_time(wall_ns)


def _rate_text(rate: Rate) -> str:
    count = f"{rate.count:.6f}".rstrip("0").rstrip(".")
    period = _PERIODS.get(rate.period_s)
    return f"{count}/{period}" if period else f"{count} in {rate.period_s:g} s"
