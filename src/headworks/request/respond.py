"""Outcomes and errors into replies: the body in the form asked for, and the facts of the call as headers.

Sources: RFC 9457 (problem details), RFC 9745 (Deprecation), RFC 8594 (Sunset), RFC 8288 (Link), W3C Server Timing,
draft-ietf-httpapi-ratelimit-headers-10.
"""

import re
from collections.abc import Callable, Iterator
from math import ceil
from typing import TypeVar

from msgspec import Raw, structs
from msgspec.json import Decoder

from headworks.contract import problem as problems
from headworks.contract.schema import EVENTS
from headworks.dialects.native.forward import passed_back
from headworks.errors import HeadworksError
from headworks.ports import Dialect
from headworks.recording import Replay
from headworks.request.identify import KEY_IN_TEXT
from headworks.request.shape import is_passed
from headworks.units import QUOTA_IN_TOKENS, SECOND_NS, RequestId, http_date
from headworks.values import Call, Chunks, Grant, Outcome, Quota, Reply

K = TypeVar("K")
V = TypeVar("V")
Headers = tuple[tuple[str, str], ...]
Alike = tuple[str, str, str, str, str, float | None, float | None, str | None, bool]
"""What decides the fields that replies share: media type, target, its version, why degraded, rates, lifetime, whether HTTP."""

GRAIN_NS = 10_000
"""How exactly Server-Timing tells a duration."""
MOST_REMEMBERED = 4096

_array = Decoder(list[Raw]).decode
_NOT_VISIBLE = re.compile(r"[^!-~]+")
_GUARDS: Headers = (("Cache-Control", "no-store"),)


def respond(grant: Grant, outcome: Outcome, request_id: RequestId, dialect: Dialect) -> Reply:
    """The reply to a call that was answered whole.

    Cost: 3 µs for JSON, which is sent as the target gave it.
    """
    call = grant.call
    if call.endpoint.is_http:
        outcome = structs.replace(outcome, headers=passed_back(outcome.headers))
    body, media = dialect.body(call, outcome.body, outcome.media)
    own, shared = _fields(grant, outcome, request_id, dialect, media)
    return Reply(outcome.status, own, body, None, shared)


def streamed(grant: Grant, outcome: Outcome, request_id: RequestId, dialect: Dialect, chunks: Chunks) -> Reply:
    """The reply to a call that is answered piece by piece; `chunks` are already in the dialect's words."""
    own, shared = _fields(grant, outcome, request_id, dialect, outcome.media if is_passed(outcome) else EVENTS)
    return Reply(outcome.status, own, b"", chunks, shared)


def replayed(call: Call, earlier: Replay, request_id: RequestId, dialect: Dialect) -> Reply:
    """The stored answer of an earlier call with the same Idempotency-Key, under a request id of its own."""
    body, media = earlier.body, earlier.media
    if media == EVENTS and not call.endpoint.is_http:
        writer = dialect.writer(call)
        body = b"".join(map(writer.event, _events_of(body))) + writer.end(None)
    else:
        body, media = dialect.body(call, body, media)
    headers = (
        ("Content-Type", media),
        ("X-Request-Id", request_id),
        ("Idempotency-Replayed", "true"),
        ("Headworks-Original-Request-Id", earlier.request_id),
        *dialect.fields(call, request_id, ()),
        *_lifetime(call.endpoint.deprecated_wall_s, call.endpoint.sunset_wall_s, call.endpoint.successor),
        *_GUARDS,
    )
    return Reply(earlier.status, headers, body)


def problem(error: HeadworksError, request_id: RequestId | str, instance: str) -> Reply:
    """The reply that tells an error, as a problem document; a key in the path is not repeated."""
    headers = [("Content-Type", problems.MEDIA), ("X-Request-Id", request_id), *_GUARDS]
    if error.retry_after_s is not None:
        headers.append(("Retry-After", str(max(1, ceil(error.retry_after_s)))))
    if error.status == 401 and "WWW-Authenticate" not in dict(error.headers):
        headers.append(("WWW-Authenticate", 'Bearer realm="headworks"'))
    instance = KEY_IN_TEXT.sub("_...", instance)
    return Reply(error.status, (*headers, *error.headers), problems.problem_json(error, request_id, instance))


def _fields(
    grant: Grant, outcome: Outcome, request_id: RequestId, dialect: Dialect, media: str
) -> tuple[Headers, Headers]:
    """The fields that are this reply's alone; and one and the same tuple for all replies of a version like this one."""
    waited, ran = _milliseconds[outcome.queue_ns // GRAIN_NS], _milliseconds[outcome.run_ns // GRAIN_NS]
    timing = f"queue;dur={waited}, model;dur={ran};desc=rows-{outcome.batch_rows}"
    minted, timed = ("X-Request-Id", request_id), ("Server-Timing", timing)
    quota, policy = grant.admission.quota, ""
    quotas = grant.quotas if quota is None else (quota, *grant.quotas)
    own: Headers = minted, timed
    if quotas:
        left, policy = _rates(quotas)
        own = minted, timed, ("RateLimit", left)
    if more := dialect.fields(grant.call, request_id, quotas) + outcome.headers:
        own += more
    endpoint = grant.call.endpoint
    first, degraded = endpoint.targets[0], outcome.degraded
    if not degraded and first.name != outcome.target and first.weight is None and not endpoint.is_balanced:
        degraded = "fallback"
    return own, _shared[
        media, outcome.target, outcome.model_version, degraded, policy,
        endpoint.deprecated_wall_s, endpoint.sunset_wall_s, endpoint.successor, endpoint.is_http,
    ]  # fmt: skip


def _rates(quotas: tuple[Quota, ...]) -> tuple[str, str]:
    """What is left of each rate, and the rates."""
    left = policies = ""
    for quota in quotas:
        comma = ", " if left else ""
        name, policy = _policies[quota.name, quota.limit, quota.window_s, quota.is_tokens]
        left += f"{comma}{name};r={quota.remaining};t={ceil(quota.reset_s)}"
        policies = f"{policies}{comma}{policy}" if comma else policy
    return left, policies


def _events_of(body: bytes) -> Iterator[bytes]:
    """The events of a stream as its record keeps them, in one array."""
    return map(bytes, _array(body))


def _alike(alike: Alike) -> Headers:
    media, target, model_version, degraded, policy, deprecated_wall_s, sunset_wall_s, successor, is_http = alike
    return (
        ("Content-Type", media),
        ("Headworks-Target", _visible(target)),
        ("Headworks-Model", _visible(target.rpartition("/")[2])),
        ("Headworks-Version", _visible(model_version)),
        *((("Headworks-Degraded", degraded),) if degraded else ()),
        *((("RateLimit-Policy", policy),) if policy else ()),
        *_lifetime(deprecated_wall_s, sunset_wall_s, successor),
        *(() if is_http else _GUARDS),
    )


def _lifetime(deprecated_wall_s: float | None, sunset_wall_s: float | None, successor: str | None) -> Headers:
    """Since when a version is deprecated, when it ends and what follows; nothing for one that is current."""
    if deprecated_wall_s is None and sunset_wall_s is None:
        return ()
    headers = []
    if deprecated_wall_s is not None:
        headers.append(("Deprecation", f"@{int(deprecated_wall_s)}"))
    if sunset_wall_s is not None:
        headers.append(("Sunset", http_date(int(sunset_wall_s * SECOND_NS))))
    if successor is not None:
        headers.append(("Link", f'<{successor}>; rel="successor-version"'))
    return tuple(headers)


def _policy(rate: tuple[str, int, float, bool]) -> tuple[str, str]:
    """A quota's name as a structured string, and its policy."""
    name, limit, window_s, is_tokens = rate
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return quoted, f"{quoted};q={limit};w={ceil(window_s)}{QUOTA_IN_TOKENS if is_tokens else ''}"


def _visible(value: str) -> str:
    return _NOT_VISIBLE.sub("-", value)[:200]


class Remembered(dict[K, V]):
    """What `make` gives for a key, made once; a full memory starts anew. A look-up costs a third of a lru_cache's."""

    def __init__(self, make: Callable[[K], V]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: K) -> V:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        made = self[key] = self._make(key)
        return made


_milliseconds = Remembered[int, str](lambda grains: f"{grains * GRAIN_NS / 1e6:.3f}")
_shared = Remembered(_alike)
_policies = Remembered(_policy)
