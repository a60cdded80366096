"""The record's metadata over /admin; its content is read on the machine only, by `headworks records`."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from headworks.contract.schema import CSV
from headworks.dialects.native.table import table_of
from headworks.errors import RecordUnavailable
from headworks.identity.actions import read_form
from headworks.operations.service import Operation, query_words
from headworks.ports import Action, Answer, Ask, Offload
from headworks.records.ledger import Ledger
from headworks.records.reading import Filter, Records
from headworks.records.using import EVERY, FIRST_DAY, LAST_DAY, Asked, used

_json = msgspec.json.Encoder().encode
_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_NO_STORE = (("Cache-Control", "no-store"),)


class ListRecords(Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls to list, newest first; `below` is the lowest number of the page before."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    endpoint: str | None = None
    caller: str | None = None
    outcome: str | None = None
    below: Annotated[int, Meta(ge=0)] | None = None


class ListUsage(Struct, frozen=True, forbid_unknown_fields=True):
    """Which use of services outside to sum, by what (some of day, caller, endpoint, target), in which form."""

    by: Annotated[str, Meta(pattern="^(day|caller|endpoint|target)(,(day|caller|endpoint|target)){0,3}$")] = ",".join(
        EVERY
    )
    since: Annotated[str, Meta(pattern=_DAY)] = FIRST_DAY
    until: Annotated[str, Meta(pattern=_DAY)] = LAST_DAY
    format: Literal["json", "csv"] = "json"


def record_operations(home: Path, key_file: Path | None, ledger: Ledger, offload: Offload) -> dict[str, Action]:
    """List calls without content, and tell what the record takes on disk; both are recorded."""

    async def settled() -> None:
        """What was promised shows, too; while the store fails, what there is."""
        with suppress(RecordUnavailable):
            await ledger.settled()

    async def listed(ask: Ask) -> Answer:
        asked = read_form(ListRecords, query_words(ask.raw.query))
        await settled()

        def read() -> bytes:
            with Records(home, key_file) as records:
                which = Filter(endpoint=asked.endpoint, caller=asked.caller, outcome=asked.outcome)
                return _json(records.newest(which, asked.limit, asked.below))

        return Answer(await offload(read), headers=_NO_STORE)

    async def usage(ask: Ask) -> Answer:
        return Answer(_json(ledger.usage()), headers=_NO_STORE)

    async def spent(ask: Ask) -> Answer:
        asked = read_form(ListUsage, query_words(ask.raw.query))
        which = Asked(tuple(each for each in EVERY if each in asked.by.split(",")) or EVERY, asked.since, asked.until)
        await settled()
        rows = await offload(lambda: used(home, which))
        if asked.format == "csv":
            return Answer(
                table_of(_json(rows), tuple(rows[0]) if rows else which.by, is_array=True), CSV, headers=_NO_STORE
            )
        return Answer(_json(rows), headers=_NO_STORE)

    return {
        "usage.list": Operation(spent, is_recorded=True),
        "records.list": Operation(listed, is_recorded=True),
        "records.usage": Operation(usage, is_recorded=True),
    }
