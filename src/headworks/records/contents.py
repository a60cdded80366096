"""Decrypting what a record holds."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from headworks.errors import RecordUnavailable
from headworks.records.calls import call_of
from headworks.records.columns import Row, named
from headworks.records.content import ContentFiles
from headworks.records.data_keys import DataKeys, KeyDestroyed
from headworks.records.kms import Kms, home_key
from headworks.records.log_keys import open_log_keys
from headworks.records.settings import RecordSettings
from headworks.stores.sqlite import connect_to_read

_parts = msgspec.msgpack.Decoder(tuple[list[bytes], bytes]).decode


class Contents:
    """Opens the content of records with the home's keys.

    Raises: HomeUnavailable when the keys cannot be used.
    """

    def __init__(self, settings: RecordSettings, kms: Kms | None = None) -> None:
        self._keys_file = connect_to_read(settings.home / "keys.db")
        kms = kms or home_key(settings)
        self.log = open_log_keys(self._keys_file, kms, may_create=False)
        self._keys = DataKeys(kms, self.log, settings.data_keys_cached)
        self._files = ContentFiles(settings.home, settings.durable)

    def close(self) -> None:
        """Close the file of keys."""
        self._keys_file.close(True)

    def shown(self, row: Row, opened: Row | None) -> dict[str, Any]:
        """A call with its content.

        Shapes: `input` is a list of parts and `output` one: text where it is UTF-8, else {"base64": ...}; None where
        there is none. `content` says why: `kept`, `digest`, `none`, `erased`, `altered`.
        """
        call = call_of(row, opened)
        last = named(row)
        first = last if opened is None else named(opened)
        call |= {"content": call["mode"], "input": None, "output": None, "subject_name": None}
        if call["mode"] != "full" and call["subject"] is None:
            return call
        try:
            if call["subject"] is not None:
                call["subject_name"] = self._keys.name_of(self._keys_file, first["data_key"])
            if call["mode"] == "full":
                call |= self._opened(first, last)
        except KeyDestroyed:
            call |= {"content": "erased", "input": None, "output": None, "subject_name": None}
        except (ValueError, RecordUnavailable):
            call |= {"content": "altered"}
        return call

    def _opened(self, first: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
        sent, given = self._clear(first)
        if last is not first:
            _, given = self._clear(last)
        return {
            "content": "kept",
            "input": [_readable(part) for part in sent] or None,
            "output": _readable(given) if given else None,
        }

    def _clear(self, row: dict[str, Any]) -> tuple[list[bytes], bytes]:
        """What a row holds of the input's parts and of the output."""
        sealed, digest = row["content"], row["content_digest"]
        if digest is not None:
            sealed = self._files.read(row["seq"], digest)
            if sealed is None:
                raise ValueError("the content file is missing")
        if sealed is None:
            return [], b""
        # Looked up each time: a key that was destroyed meanwhile must not live on in a cache.
        key = self._keys.by_id(self._keys_file, row["data_key"])
        return _parts(key.open(sealed, key.content_place + b"%d" % row["seq"]))


def _readable(clear: bytes) -> Any:
    try:
        return clear.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(clear).decode()}
