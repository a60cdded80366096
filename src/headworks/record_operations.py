"""The record's metadata over /admin; its content is read on the machine only, by `headworks records`."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from headworks.identity.actions import read_form
from headworks.operations import Operation, query_words
from headworks.ports import Action, Answer, Ask, Offload
from headworks.records.ledger import Ledger
from headworks.records.reading import Filter, Records

_json = msgspec.json.Encoder().encode
_NO_STORE = (("Cache-Control", "no-store"),)


class ListRecords(Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls to list, newest first; `below` is the lowest number of the page before."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    endpoint: str | None = None
    caller: str | None = None
    outcome: str | None = None
    below: Annotated[int, Meta(ge=0)] | None = None


def record_operations(home: Path, key_file: Path | None, ledger: Ledger, offload: Offload) -> dict[str, Action]:
    """List calls without content, and tell what the record takes on disk; both are recorded."""

    async def listed(ask: Ask) -> Answer:
        asked = read_form(ListRecords, query_words(ask.raw.query))

        def read() -> bytes:
            with Records(home, key_file) as records:
                which = Filter(endpoint=asked.endpoint, caller=asked.caller, outcome=asked.outcome)
                return _json(records.newest(which, asked.limit, asked.below))

        return Answer(await offload(read), headers=_NO_STORE)

    async def usage(ask: Ask) -> Answer:
        return Answer(_json(ledger.usage()), headers=_NO_STORE)

    return {
        "records.list": Operation(listed, is_recorded=True),
        "records.usage": Operation(usage, is_recorded=True),
    }
