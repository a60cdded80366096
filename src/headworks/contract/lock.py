"""The published schemas, in `headworks.lock`: what callers were promised, kept beside the configuration.

Written only by `headworks lock`; deterministic, so that a change of a contract shows as a change of lines.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from headworks.contract.schema import Contract
from headworks.contract.version import Change, interface_changes
from headworks.errors import ConfigurationRefused, FieldError

FORMAT = 1
MOST_BYTES = 32 * 2**20
ABOUT = "The published schemas. Written by `headworks lock`: commit it, do not edit it."


class Versioned(Protocol):
    """An endpoint's version as far as the lock knows it."""

    @property
    def id(self) -> str:
        """`score/v1`."""

    @property
    def contract(self) -> Contract:
        """What it takes and gives."""


class Locked(Struct, frozen=True, forbid_unknown_fields=True):
    """What one version promised."""

    digest: str
    is_batch: bool
    is_stream: bool
    reply: dict[str, Any]
    request: dict[str, Any]


class Lock(Struct, frozen=True, forbid_unknown_fields=True):
    """What every published version promised, by its id such as `score/v1`."""

    versions: Mapping[str, Locked] = {}
    format: int = FORMAT
    about: str = ABOUT


class Break(Struct, frozen=True):
    """One broken promise: of which version, and how."""

    version: str
    change: Change

    def __str__(self) -> str:
        where = f" at {self.change.pointer}" if self.change.pointer else ""
        return f"{self.version}: {self.change.side}{where}: {self.change.message}"


def lock_of(endpoints: Iterable[Versioned]) -> Lock:
    """The lock that promises what these versions take and give now."""
    return Lock({each.id: _locked(each.contract) for each in sorted(endpoints, key=lambda each: each.id)})


def read_lock(path: Path) -> Lock:
    """The lock at `path`; one without promises where there is no file.

    Raises: ConfigurationRefused when it cannot be read, or was changed by hand.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Lock()
    except OSError as error:
        raise ConfigurationRefused(f"{path} cannot be read: {error.strerror}.") from error
    try:
        lock = msgspec.json.decode(content if len(content) <= MOST_BYTES else b"", type=Lock)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigurationRefused(f"{path} is not a lock: {error}. {_RESTORE}") from error
    if lock.format != FORMAT:
        raise ConfigurationRefused(f"{path} was written by another version of Headworks (format {lock.format}).")
    changed = [version for version, locked in lock.versions.items() if locked.digest != _digest(locked)]
    if changed:
        raise ConfigurationRefused(f"{path} was changed by hand at {', '.join(changed)}. {_RESTORE}")
    return lock


def lock_text(lock: Lock) -> bytes:
    """The lock as a file holds it: the same promises give the same bytes."""
    document = {"about": lock.about, "format": lock.format, "versions": msgspec.to_builtins(lock.versions)}
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def compare(lock: Lock, endpoints: Iterable[Versioned]) -> list[Break]:
    """What these versions break of what was promised; versions that were never locked promise nothing yet."""
    now = {each.id: each.contract for each in endpoints}
    found: list[Break] = []
    for version, locked in lock.versions.items():
        contract = now.get(version)
        if contract is None:
            gone = Change(
                "request", "", "version-removed", "is published and no longer there; keep it until its sunset"
            )
            found.append(Break(version, gone))
            continue
        old, new = _interface(locked), _interface(_locked(contract))
        found += [Break(version, change) for change in interface_changes(old, new)]
    return found


def refuse_breaks(lock: Lock, endpoints: Iterable[Versioned]) -> None:
    """Let nothing pass that breaks what was promised.

    Raises: ConfigurationRefused, with each broken promise and what to do.
    """
    broken = compare(lock, endpoints)
    if broken:
        lines = "\n".join(f"  {each}" for each in broken)
        raise ConfigurationRefused(
            f"Published versions would break:\n{lines}\n{_FIX}",
            errors=tuple(FieldError(f"/{each.version}{each.change.pointer}", str(each)) for each in broken),
        )


def drifted(lock: Lock, endpoints: Iterable[Versioned]) -> tuple[str, ...]:
    """The versions that are not locked as they are now: new ones, and ones that changed in a compatible way."""
    now = {each.id: _locked(each.contract).digest for each in endpoints}
    locked = {version: promise.digest for version, promise in lock.versions.items()}
    return tuple(sorted(version for version, digest in now.items() if locked.get(version) != digest))


def _locked(contract: Contract) -> Locked:
    request, reply = dict(contract.request.json), dict(contract.reply.json)
    locked = Locked("", contract.is_batch, contract.is_stream, reply, request)
    return Locked(_digest(locked), contract.is_batch, contract.is_stream, reply, request)


def _interface(locked: Locked) -> tuple[dict[str, Any], dict[str, Any], bool, bool]:
    return locked.request, locked.reply, locked.is_batch, locked.is_stream


def _digest(locked: Locked) -> str:
    text = msgspec.json.encode(_interface(locked), order="sorted")
    return "sha256:" + hashlib.sha256(text).hexdigest()


_RESTORE = "Restore it from version control, or write it anew with `headworks lock`."
_FIX = (
    "Publish the change as a new version beside the old one, or undo it; docs/reference/compatibility.md has the rules."
)
