"""What the record may use and must keep: one frozen, bounded value."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

DAY_S = 86400.0
HOME_KEY = "kek"


class RecordSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where and how calls are recorded.

    Shapes: `kek_file` None means `HOME/kek`; elsewhere is better, so that a copy of the home alone opens nothing.
    `retention_s` None keeps records until the disk bound is reached; an entry's own retention wins.
    `when_full` says what the disk bound does: `prune` the oldest records, or `refuse` new ones with 503.
    Units: seconds and bytes; `durable` `process` survives kill -9, `power` a power cut too.
    """

    home: Path
    kek_file: Path | None = None
    durable: Literal["process", "power"] = "process"
    retention_s: Annotated[float, Meta(gt=0)] | None = 183 * DAY_S
    max_disk_bytes: Annotated[int, Meta(ge=2**20)] = 50 * 2**30
    when_full: Literal["prune", "refuse"] = "prune"
    inline_bytes: Annotated[int, Meta(ge=0, le=2**20)] = 65536
    data_keys_cached: Annotated[int, Meta(ge=512, le=2**20)] = 4096
    replay_age_s: Annotated[float, Meta(gt=0)] = DAY_S
    replay_count: Annotated[int, Meta(ge=1)] = 100_000
    replay_bytes: Annotated[int, Meta(ge=1)] = 256 * 2**20
    replay_answer_bytes: Annotated[int, Meta(ge=0)] = 2**20
    refusal_keys_per_second: Annotated[int, Meta(ge=1, le=65536)] = 1024
    refusal_rows_per_minute: Annotated[int, Meta(ge=1, le=6000)] = 120
    refusal_retention_s: Annotated[float, Meta(gt=0)] = 7 * DAY_S

    @property
    def kek_path(self) -> Path:
        """Where the key-encryption key lies."""
        return self.kek_file or self.home / HOME_KEY
