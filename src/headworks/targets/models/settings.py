"""What the configuration says of one model: where it comes from, how many workers, and every bound on them."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from headworks.targets.models.runner import Source


class BatchSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How calls are put together: never more rows than `max_size`; no waiting for company unless told."""

    max_size: Annotated[int, Meta(ge=1, le=4096)] = 32
    max_wait_s: Annotated[float, Meta(ge=0, le=10)] = 0.0


class QueueSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How much may wait for a worker; one caller gets at most `caller_share` of each bound."""

    max_calls: Annotated[int, Meta(ge=1, le=1_000_000)] = 2048
    max_rows: Annotated[int, Meta(ge=1, le=10_000_000)] = 65_536
    max_bytes: Annotated[int, Meta(ge=1024)] = 256 * 2**20
    caller_share: Annotated[float, Meta(gt=0, le=1)] = 0.75


class ModelSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One model and its workers.

    `hard_timeout_s` ends a worker that is still busy so long after a batch began. `concurrency` bounds what one
    worker of an asynchronous or streaming model runs at once. `retry` False says that predict must not see a row
    twice. `env` is added to the workers' environment and wins over our one-thread default for numeric libraries.
    Contents above `attach_above_bytes` travel in an anonymous file instead of the socket.
    """

    name: str
    source: Source
    replicas: Annotated[int, Meta(ge=1, le=256)] = 1
    batch: BatchSettings = BatchSettings()
    queue: QueueSettings = QueueSettings()
    hard_timeout_s: Annotated[float, Meta(gt=0, le=86_400)] = 10.0
    start_timeout_s: Annotated[float, Meta(gt=0, le=86_400)] = 600.0
    max_requests: Annotated[int, Meta(ge=1)] | None = None
    max_rss_bytes: Annotated[int, Meta(ge=2**20)] | None = None
    env: Mapping[str, str] = {}
    retry: bool = True
    concurrency: Annotated[int, Meta(ge=1, le=4096)] = 64
    attach_above_bytes: Annotated[int, Meta(ge=4096)] = 2**20
