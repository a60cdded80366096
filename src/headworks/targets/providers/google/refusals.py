"""What errors of Google's services mean to us: by reason, then by the canonical status, then by the HTTP status.

Source: google.rpc.Code, google.rpc.Status, google.api.ErrorReason; Cloud APIs, "Errors"; the older form of Translation v2.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct, field

from headworks.errors import (
    ContextTooLong,
    HeadworksError,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
)
from headworks.targets.providers.failing import retry_after_s, said_s
from headworks.targets.providers.wire import HttpResponse

CODES: Mapping[int, tuple[str, type[HeadworksError]]] = {
    1: ("CANCELLED", ProviderDown),
    2: ("UNKNOWN", ProviderDown),
    3: ("INVALID_ARGUMENT", ProviderRefused),
    4: ("DEADLINE_EXCEEDED", ProviderTimeout),
    5: ("NOT_FOUND", ProviderError),
    6: ("ALREADY_EXISTS", ProviderError),
    7: ("PERMISSION_DENIED", ProviderKeyRejected),
    8: ("RESOURCE_EXHAUSTED", ProviderBusy),
    9: ("FAILED_PRECONDITION", ProviderError),
    10: ("ABORTED", ProviderDown),
    11: ("OUT_OF_RANGE", ProviderRefused),
    12: ("UNIMPLEMENTED", ProviderError),
    13: ("INTERNAL", ProviderDown),
    14: ("UNAVAILABLE", ProviderBusy),
    15: ("DATA_LOSS", ProviderDown),
    16: ("UNAUTHENTICATED", ProviderKeyRejected),
}
_REASONS: Mapping[type[HeadworksError], str] = {
    ProviderKeyRejected: """
        ACCESS_TOKEN_EXPIRED ACCESS_TOKEN_SCOPE_INSUFFICIENT ACCESS_TOKEN_TYPE_UNSUPPORTED ACCOUNT_STATE_INVALID
        API_KEY_ANDROID_APP_BLOCKED API_KEY_HTTP_REFERRER_BLOCKED API_KEY_INVALID API_KEY_IOS_APP_BLOCKED
        API_KEY_IP_ADDRESS_BLOCKED API_KEY_SERVICE_BLOCKED BILLING_DISABLED CONSUMER_INVALID CONSUMER_SUSPENDED
        CREDENTIALS_MISSING IAM_PERMISSION_DENIED SERVICE_DISABLED USER_PROJECT_DENIED
        accessNotConfigured authError forbidden keyExpired keyInvalid required
    """,
    ProviderBusy: """
        RATE_LIMIT_EXCEEDED RESOURCE_QUOTA_EXCEEDED RESOURCE_USAGE_RESTRICTION_VIOLATED
        dailyLimitExceeded quotaExceeded rateLimitExceeded userRateLimitExceeded
    """,
    ContextTooLong: "uploadTooLarge",
    ProviderDown: "backendError internalError",
}
BY_REASON: Mapping[str, type[HeadworksError]] = {
    name: kind for kind, names in _REASONS.items() for name in names.split()
}
BY_NAME: Mapping[str, type[HeadworksError]] = dict(CODES.values())
BY_STATUS: Mapping[int, type[HeadworksError]] = {
    401: ProviderKeyRejected,
    403: ProviderKeyRejected,
    404: ProviderError,
    408: ProviderTimeout,
    413: ContextTooLong,
    429: ProviderBusy,
    503: ProviderBusy,
    504: ProviderTimeout,
}


class _Detail(Struct, frozen=True):
    reason: str = ""
    retry_delay: str = field(default="", name="retryDelay")


class Status(Struct, frozen=True):
    """A google.rpc.Status, or the older error of Translation v2."""

    code: int = 0
    status: str = ""
    message: str = ""
    details: list[_Detail] = []
    errors: list[_Detail] = []


class _Body(Struct, frozen=True):
    error: Status = Status()


_decode = msgspec.json.Decoder(_Body).decode


def failure(response: HttpResponse) -> HeadworksError:
    """What a response outside 2xx means."""
    try:
        told = _decode(response.body).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        told = Status()
    details = [*told.details, *told.errors]
    reason = next((one.reason for one in details if one.reason in BY_REASON), "")
    otherwise = ProviderDown if response.status >= 500 else ProviderRefused
    kind = BY_REASON.get(reason) or BY_NAME.get(told.status) or BY_STATUS.get(response.status, otherwise)
    wait_s = retry_after_s(response.headers) or _delay_s(details)
    text = "" if kind is ProviderKeyRejected else told.message[:200]
    return kind(reason=f"{response.status} {told.status[:80]} {reason}: {text}", retry_after_s=wait_s)


def inside(told: Status) -> HeadworksError:
    """What an error inside a successful response means: one item of a batch failed."""
    name, kind = CODES.get(told.code, ("", ProviderDown))
    return kind(reason=f"{told.code} {name}: {told.message[:200]}")


def _delay_s(details: list[_Detail]) -> float | None:
    """The first `retryDelay`, such as `3.5s`."""
    delays = (said_s(one.retry_delay.removesuffix("s")) for one in details if one.retry_delay.endswith("s"))
    return next((delay for delay in delays if delay is not None), None)
