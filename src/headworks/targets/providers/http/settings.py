"""Every bound of the HTTP client, as frozen values."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, convert, structs

from headworks.secret import Secret

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Bytes = Annotated[int, Meta(ge=64, le=2**40)]


class Timeouts(Struct, frozen=True, forbid_unknown_fields=True):
    """How long one attempt may take: to connect, to the first byte of the answer, between two bytes, and in all."""

    connect_s: Seconds = 5.0
    first_byte_s: Seconds = 30.0
    idle_s: Seconds = 30.0
    total_s: Seconds = 120.0


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom we trust and who we are, as paths of PEM files; without `ca_file` the system's trusted authorities."""

    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None


class Proxy(Struct, frozen=True, forbid_unknown_fields=True):
    """An HTTP proxy: asked to CONNECT for https, given the whole URL for http.

    `authorization` is the value of Proxy-Authorization.
    """

    host: str
    port: int
    authorization: Secret | None = None


class Upstream(Struct, frozen=True, forbid_unknown_fields=True):
    """How one origin is connected to, and what it may cost here."""

    max_connections: Count = 256
    max_waiting: Count = 1024
    queue_wait_s: Seconds = 5.0
    keep_alive_s: Seconds = 30.0
    tls: Tls = Tls()
    proxy: Proxy | None = None


class ClientSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What an answer may cost, and how origins are connected to that say nothing else.

    `max_body_bytes` bounds a whole answer as it comes off the wire, `max_unpacked_bytes` with its coding undone, and
    `max_stream_bytes` a streamed one in either form. A stream's consumer may lag `stream_buffer_bytes` behind before
    reading is paused. Values outside their range are refused when made.
    """

    upstream: Upstream = Upstream()
    max_head_bytes: Bytes = 32 * 2**10
    max_fields: Count = 200
    max_body_bytes: Bytes = 64 * 2**20
    max_unpacked_bytes: Bytes = 64 * 2**20
    max_stream_bytes: Bytes = 2**32
    stream_buffer_bytes: Bytes = 64 * 2**10

    def __post_init__(self) -> None:
        """Hold every number against its range, which msgspec does only for what it decodes.

        Raises: ValueError, naming the field and its range.
        """
        for part in (self, self.upstream):
            _held_to_ranges(part)


def _held_to_ranges(part: Struct) -> None:
    for field in structs.fields(part):
        value = getattr(part, field.name)
        if not isinstance(value, int | float):
            continue
        try:
            convert(value, field.type)
        except ValueError as error:
            raise ValueError(f"{field.name} = {value!r}: {error}") from None
