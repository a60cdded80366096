"""From an entry to a row: content encrypted or digested, the leaf made over every column."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from struct import iter_unpack
from typing import Any

import msgspec

from headworks.pending import Pending
from headworks.recording import Entry, Opened
from headworks.records.columns import Row, leaf_of
from headworks.records.content import ContentFiles
from headworks.records.data_keys import SEAL_BYTES, DataKey, Wanted
from headworks.records.kms import NONCE_BYTES
from headworks.records.log_keys import LogKeys
from headworks.records.settings import RecordSettings
from headworks.stores.work import Item
from headworks.units import SECOND_NS, random_bytes
from headworks.values import RecordMode

FULL, DIGEST, NONE = RecordMode.FULL, RecordMode.DIGEST, RecordMode.NONE
NONCES_DRAWN = 256
KEPT_FOR_EVER = frozenset({"access", "erased", "pruned"})
encode = msgspec.msgpack.Encoder().encode
encode_text = msgspec.json.Encoder().encode


class Put(Item):
    """One row to write.

    Shapes: `opened` is what an `opened` row gets its number by, and the row that a `closed` one ends.
    """

    __slots__ = ("detail", "entry", "is_signed", "kind", "opened", "seq")

    def __init__(
        self,
        pending: Pending[Any],
        kind: str,
        entry: Entry,
        opened: Opened | None = None,
        detail: str | None = None,
        *,
        is_signed: bool = False,
    ) -> None:
        self.pending = pending
        self.kind = kind
        self.entry = entry
        self.opened = opened
        self.detail = detail
        self.is_signed = is_signed
        self.seq = -1
        self.promise = 0
        self.size_bytes = entry.input_bytes + entry.output_bytes


class Sealer:
    """Makes rows of one log.

    Safe under: the writer's thread.
    Cost: about 2 µs for a small call, half of it in the libraries.
    """

    def __init__(self, settings: RecordSettings, log: LogKeys, files: ContentFiles) -> None:
        self._log = log
        self._files = files
        self._most_inline_bytes = settings.inline_bytes + SEAL_BYTES
        self._kept_ns = None if settings.retention_s is None else int(settings.retention_s * SECOND_NS)
        self._month_start_ns = self._month_end_ns = 0
        self._month = ""
        self._nonces: list[bytes] = []

    def wanted(self, entry: Entry) -> Wanted | None:
        """The data key an entry needs."""
        if not self._month_start_ns <= entry.at_wall_ns < self._month_end_ns:
            self._month_start_ns, self._month_end_ns, self._month = month_of(entry.at_wall_ns)
        if entry.subject is not None:
            return entry.subject, True, self._month
        if entry.mode is NONE and entry.idempotency is None:
            return None
        return entry.caller_id, False, self._month

    def row(self, put: Put, seq: int, key: DataKey | None) -> Row:
        """The row of `put` under its number, its leaf included.

        Raises: OSError when large content cannot be stored; what msgspec raises for text that is no Unicode.
        """
        entry, kind, mode = put.entry, put.kind, put.entry.mode
        content = content_digest = input_digest = output_digest = None
        if key is not None and mode is not NONE:
            sent = () if kind == "closed" else entry.input
            given = b"" if kind == "opened" else entry.output
            if mode is DIGEST:
                input_digest = key.digest(encode(sent)) if sent else None
                output_digest = key.digest(given) if given else None
            elif sent or given:
                nonce = (self._nonces or self._drawn()).pop()
                content = key.seal(encode((sent, given)), key.content_place + b"%d" % seq, nonce)
                if len(content) > self._most_inline_bytes:
                    content_digest, content = self._filed(seq, content), None
        clear = (  # in the order of columns.py
            seq, kind, entry.request_id, put.opened.number if kind == "closed" and put.opened else None, entry.at_wall_ns, entry.route, entry.via, entry.caller_id,
            None if entry.subject is None or key is None else key.owner, entry.endpoint, entry.version, entry.target,
            entry.model_version, entry.status, entry.outcome, entry.attempts, entry.rows, entry.batch_rows,
            entry.client_request_id, entry.input_bytes, entry.output_bytes, entry.queue_us, entry.run_us,
            entry.total_us, encode_text(entry.stages_us).decode(),
            "full" if mode is FULL else "digest" if mode is DIGEST else "none", self._expires_ns(kind, entry), entry.output_media,
            None if key is None else key.id, content_digest, input_digest, output_digest,
            None if entry.usage is None else encode_text(entry.usage).decode(), entry.cost_micros,
            put.detail if entry.given is None else encode_text(entry.given).decode(),
            self._signature(seq, put) if put.is_signed else None,
        )  # fmt: skip
        return clear + (leaf_of(clear, content), content)  # noqa: RUF005  # half the time of a star

    def answer(self, slot: bytes, key: DataKey, body: bytes) -> bytes:
        """A stored answer, encrypted for its idempotency slot."""
        return key.seal(body, key.place("answer") + slot, (self._nonces or self._drawn()).pop())

    def _filed(self, seq: int, sealed: bytes) -> bytes:
        digest = sha256(sealed).digest()
        self._files.write(seq, digest, sealed)
        return digest

    def _expires_ns(self, kind: str, entry: Entry) -> int | None:
        kept_ns = self._kept_ns if entry.retention_s is None else int(entry.retention_s * SECOND_NS)
        return None if kept_ns is None or kind in KEPT_FOR_EVER else entry.at_wall_ns + kept_ns

    def _drawn(self) -> list[bytes]:
        """New nonces, for use once each."""
        block = random_bytes(NONCES_DRAWN * NONCE_BYTES)
        self._nonces = [nonce for (nonce,) in iter_unpack(f"{NONCE_BYTES}s", block)]
        return self._nonces

    def _signature(self, seq: int, put: Put) -> bytes:
        return self._log.signer.sign(signed_text(self._log.log_id, seq, put.kind, put.detail))


def month_of(wall_ns: int) -> tuple[int, int, str]:
    """The month that a moment lies in: its first nanosecond, the next month's, and its name, such as `2026-11`."""
    moment = datetime.fromtimestamp(wall_ns // SECOND_NS, UTC)
    start = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    end = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return int(start.timestamp()) * SECOND_NS, int(end.timestamp()) * SECOND_NS, start.strftime("%Y-%m")


def signed_text(log_id: str, seq: int, kind: str, detail: str | None) -> bytes:
    """What the signature of a pruning or an erasure is over."""
    return f"headworks record|{log_id}|{seq}|{kind}|{detail}".encode()
