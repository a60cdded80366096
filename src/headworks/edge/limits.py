"""Every bound of an edge, as one frozen value, and what it listens on."""

from typing import Annotated

from msgspec import Meta, Struct, convert, structs

Seconds = Annotated[float, Meta(gt=0, le=3600)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Bytes = Annotated[int, Meta(ge=64, le=2**34)]


class EdgeLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """What a connection may cost: bytes, counts and times. Values outside their range are refused when made."""

    max_request_line_bytes: Bytes = 8 * 2**10
    max_head_bytes: Bytes = 32 * 2**10
    max_fields: Count = 100
    max_body_bytes: Bytes = 16 * 2**20
    max_inflate_ratio: Count = 20
    inflate_ratio_from_bytes: Bytes = 2**20
    max_buffered_bytes: Bytes = 256 * 2**20
    max_read_ahead_bytes: Bytes = 64 * 2**10
    max_connections: Count = 4096
    max_connections_per_peer: Count = 1024
    head_timeout_s: Seconds = 10.0
    request_timeout_s: Seconds = 30.0
    idle_timeout_s: Seconds = 75.0
    write_timeout_s: Seconds = 30.0
    linger_timeout_s: Seconds = 2.0
    sweep_interval_s: Seconds = 1.0
    min_body_bytes_per_s: Annotated[int, Meta(ge=0, le=2**30)] = 1024
    min_rate_from_s: Seconds = 5.0
    ws_max_message_bytes: Bytes = 2**20
    ws_max_calls: Count = 32
    ws_first_message_timeout_s: Seconds = 10.0
    ws_idle_timeout_s: Seconds = 300.0

    def __post_init__(self) -> None:
        """Hold every value against its range.

        Raises: msgspec.ValidationError, naming the field and its range.
        """
        for field in structs.fields(self):
            value = getattr(self, field.name)
            try:
                convert(value, field.type)
            except ValueError as error:
                raise ValueError(f"{field.name} = {value!r}: {error}") from None


class TlsFiles(Struct, frozen=True):
    """Paths of a PEM certificate chain and of its private key."""

    cert: str
    key: str


class Bind(Struct, frozen=True):
    """Where an edge listens and whom it believes.

    Shapes: `hosts` are names without a port that a Host header may say, `*` for any; empty means loopback names and
    the bind address. `proxies` are networks whose forwarding headers are believed. `origins` are the web origins a
    browser's WebSocket may come from. Port 0 takes a free one.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    tls: TlsFiles | None = None
