"""Bytes into a validated Call: which endpoint, every field, answered how, by when."""

import re
from collections.abc import Mapping

from msgspec.json import Decoder

from headworks.contract.tasks.addresses import FINDERS, refuse_addresses
from headworks.errors import BodyTooLarge, Malformed
from headworks.ports import Dialect
from headworks.request.freshness import freshness
from headworks.request.identify import KEY_IN_TEXT
from headworks.units import MILLISECOND_NS, SECOND_NS
from headworks.values import Call, Endpoint, RawRequest

OFF_LOOP_BYTES = 256 * 1024
"""Above this size hint, parse on a thread."""

LONGEST_DEADLINE_MS = 86_400_000

_ASKED_APART = frozenset({"cache-control", "x-deadline-ms", "x-subject", "idempotency-key", "x-request-id"})
_DEADLINE_MS = re.compile(r"[1-9][0-9]{0,8}")
_SUBJECT = re.compile(r"[A-Za-z0-9._:@+=/|~-]{1,256}")
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
_decode = Decoder().decode
_REQUEST_ID = re.compile(r"[!-~]{1,128}")


def parse(raw: RawRequest, endpoint: Endpoint, dialect: Dialect, now_ns: int) -> Call:
    """What is asked of the endpoint, checked against its published schema; the JSON itself is handed on as it came.

    Raises: Malformed, NotJson (400), NotAcceptable (406), BodyTooLarge (413), UnsupportedMedia (415),
    SchemaViolation (422, with pointers).
    Cost: 4 µs for thirty numbers; run it on a thread when `parse_size_hint` is above OFF_LOOP_BYTES.
    Safe under: many threads.
    """
    headers = raw.headers
    if len(raw.body) > endpoint.max_body_bytes:
        raise BodyTooLarge(f"The body exceeds this endpoint's {endpoint.max_body_bytes} bytes.")
    read = dialect.read(raw, endpoint)
    if endpoint.task is not None and endpoint.task in FINDERS:
        refuse_addresses(endpoint.task, _decode(read.payload.document))
    timeout_ns = int(endpoint.timeout_s * SECOND_NS)
    if read.patience_ns is not None:
        timeout_ns = min(timeout_ns, read.patience_ns)
    if _ASKED_APART.isdisjoint(headers):
        deadline_ns = now_ns + timeout_ns - raw.ahead_ns
        return Call(endpoint, read.payload, read.reply_media, deadline_ns, None, None, None, None, read.form)
    return Call(
        endpoint,
        read.payload,
        read.reply_media,
        now_ns + _time_left_ns(headers, timeout_ns) - raw.ahead_ns,
        _named(headers, "x-subject", _SUBJECT, "1 to 256 of A-Z a-z 0-9 . _ : @ + = / | ~ -"),
        None
        if endpoint.is_http
        else _named(headers, "idempotency-key", _IDEMPOTENCY_KEY, "1 to 255 visible ASCII characters"),
        _named(headers, "x-request-id", _REQUEST_ID, "1 to 128 visible ASCII characters"),
        freshness(headers.get("cache-control")) if endpoint.cache is not None else None,
        read.form,
    )


def parse_size_hint(raw: RawRequest) -> int:
    """How many bytes `parse` will have to go through; of a raw body only the head is read."""
    content_type = raw.headers.get("content-type", "")
    if content_type.startswith(("image/", "application/octet-stream")):
        return 0
    return len(raw.body)


def _time_left_ns(headers: Mapping[str, str], timeout_ns: int) -> int:
    """What the endpoint and the body allow, or less where the head says so."""
    said = headers.get("x-deadline-ms")
    if said is None:
        return timeout_ns
    if not _DEADLINE_MS.fullmatch(said) or int(said) > LONGEST_DEADLINE_MS:
        raise Malformed(f"X-Deadline-Ms must be a whole number of milliseconds from 1 to {LONGEST_DEADLINE_MS}.")
    return min(timeout_ns, int(said) * MILLISECOND_NS)


def _named(headers: Mapping[str, str], name: str, form: re.Pattern[str], says: str) -> str | None:
    value = headers.get(name)
    if value is None:
        return None
    if not form.fullmatch(value):
        raise Malformed(f"{name.title()} must be {says}.")
    if KEY_IN_TEXT.search(value):
        raise Malformed(f"{name.title()} holds an API key, which the record would keep. Replace that key.")
    return value
