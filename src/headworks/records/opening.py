"""What is checked before anything is appended: the edge of the tree fits the rows and the newest signed checkpoint."""

from __future__ import annotations

from pathlib import Path

import apsw

from headworks.errors import HomeUnavailable
from headworks.records.nodes import StoredTree
from headworks.records.note import Verifier
from headworks.records.tree import Frontier, range_root
from headworks.stores.queries import load_queries
from headworks.stores.sqlite import connect_to_read

_ADVICE = "Run `headworks records verify`, and restore records.db from a copy that verifies."


def check_edge(records: apsw.Connection, verifier: Verifier, tree: tuple[int, bytes, bytes]) -> Frontier:
    """The edge to go on from.

    Raises: HomeUnavailable when appending would hide that the record was altered.
    Cost: milliseconds, whatever the size.
    """
    size, packed, root = tree
    sql = load_queries(__package__, "records.sql")
    try:
        edge = Frontier.unpack(size, packed)
        last: int | None = records.execute(sql["last_seq"]).get
        if edge.root() != root or (-1 if last is None else last) != size - 1:
            raise ValueError("the tree does not end where the rows do")
        _check_checkpoint(records, verifier, edge)
    except (ValueError, LookupError) as error:
        raise HomeUnavailable(f"records.db was altered: {error}. {_ADVICE}") from error
    return edge


def open_to_read(home: Path) -> apsw.Connection:
    """The record of a home, to be read.

    Raises: HomeUnavailable when there is none, or none that can be read.
    """
    connection = connect_to_read(home / "records.db")
    sql = load_queries(__package__, "records.sql")
    try:
        is_record = connection.execute(sql["is_record"]).fetchone() is not None
    except apsw.Error as error:
        raise HomeUnavailable(f"records.db cannot be read: {error}.") from error
    if not is_record:
        connection.close(True)
        raise HomeUnavailable(f"Nothing was recorded in {home} yet: no service has run on it.")
    return connection


def foreign() -> HomeUnavailable:
    """The refusal when keys and record belong to different logs."""
    return HomeUnavailable("keys.db does not belong to records.db: restore the two from the same home.")


def lost() -> HomeUnavailable:
    """The refusal to begin a record anew under keys that have served one."""
    text = "records.db is missing or empty, but keys.db was used with one: restore it, or begin anew in another home."
    return HomeUnavailable(text)


def _check_checkpoint(records: apsw.Connection, verifier: Verifier, edge: Frontier) -> None:
    sql = load_queries(__package__, "records.sql")
    row = records.execute(sql["last_checkpoint"]).fetchone()
    if row is None:
        return
    signed = verifier.open(row[1])
    if signed.size > edge.size:
        raise ValueError(f"{signed.size} records were signed for, {edge.size} are there")
    whole = signed.size == edge.size
    root = edge.root() if whole else range_root(0, signed.size, StoredTree(records).root_of)
    if root != signed.root:
        raise ValueError(f"the first {signed.size} records are not the ones signed for")
