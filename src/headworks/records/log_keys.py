"""The log's own secrets: its name, the key that signs its checkpoints and the pepper of its pseudonyms."""

import apsw
from msgspec import Struct

from headworks.errors import HomeUnavailable, RecordUnavailable
from headworks.records.kms import KEY_BYTES, Kms, WrappedElsewhere, not_asked
from headworks.records.note import Signer
from headworks.stores.queries import load_queries
from headworks.units import random_bytes


class LogKeys(Struct, frozen=True):
    """What a log signs and hides with."""

    log_id: str
    signer: Signer
    pepper: bytes

    def __repr__(self) -> str:
        """Name the log only."""
        return f"LogKeys({self.log_id!r})"


def has_secrets(connection: apsw.Connection) -> bool:
    """Whether the file of keys holds anything that a key-encryption key wrapped."""
    sql = load_queries(__package__, "keys.sql")
    connection.execute(sql["create"])
    return connection.execute(sql["secrets"]).fetchone() is not None


def was_used(connection: apsw.Connection) -> bool:
    """Whether a record was ever written with this file of keys."""
    sql = load_queries(__package__, "keys.sql")
    return connection.execute(sql["any_data_key"]).fetchone() is not None


def open_log_keys(connection: apsw.Connection, kms: Kms, *, may_create: bool) -> LogKeys:
    """The log's secrets from the file of keys; made on the first start.

    Raises: HomeUnavailable when they are missing, another key-encryption key wrapped them, or it cannot be asked now.
    """
    sql = load_queries(__package__, "keys.sql")
    wrapped = dict(connection.execute(sql["secrets"]))
    if not wrapped and may_create:
        secrets = {"log": random_bytes(8), "signing": random_bytes(KEY_BYTES), "pepper": random_bytes(KEY_BYTES)}
        with connection:
            for name, secret in secrets.items():
                connection.execute(sql["insert_secret"], (name, kms.wrap(secret, secret_context(name))))
    elif wrapped.keys() != {"log", "signing", "pepper"}:
        raise HomeUnavailable("keys.db does not belong to these records: restore the one they were written with.")
    else:
        secrets = _unwrapped(kms, wrapped)
    log_id = secrets["log"].hex()
    return LogKeys(log_id, Signer(f"headworks.local/{log_id}", secrets["signing"]), secrets["pepper"])


def _unwrapped(kms: Kms, wrapped: dict[str, bytes]) -> dict[str, bytes]:
    try:
        return {name: kms.unwrap(secret, secret_context(name)) for name, secret in wrapped.items()}
    except WrappedElsewhere as error:
        raise HomeUnavailable("The key file is not the one that keys.db was written with: restore it.") from error
    except RecordUnavailable as error:
        raise not_asked(error) from error


def secret_context(name: str) -> bytes:
    """What a wrapped secret of the log is bound to."""
    return b"headworks secret|" + name.encode()
