"""Commands on a service: the same ones for the control socket, for /admin and for the command line without a service."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta, Struct

from headworks.assembly.deployment import Deployment
from headworks.errors import ModelUnavailable
from headworks.identity.actions import (
    CreateKey,
    ExchangeKey,
    KeyActions,
    ListKeys,
    RevokeKey,
    RotateKey,
    read_form,
)
from headworks.pending import Pending, Shared, driven
from headworks.publishing.publisher import Publisher
from headworks.records.ledger import Ledger
from headworks.stores.belongings import SqliteBelongings
from headworks.targets.models.pool import PoolState
from headworks.targets.models.registry import Models
from headworks.targets.models.runner import Announcement, Source
from headworks.values import Caller

OWNER = "owner"
"""Who acts when the owner of the machine does."""
Words = Mapping[str, Any] | bytes
Command = Callable[[Words, Caller | None], Coroutine[Any, Any, object]]
"""Takes the words of the command and who asks, None being the owner of the machine; gives plain data."""


def key_commands(keys: KeyActions) -> dict[str, Command]:
    """Create, list, rotate, revoke and exchange."""

    def command(form: type[Struct], act: Callable[[Any, Any], Coroutine[Any, Any, object]]) -> Command:
        async def run(words: Words, maker: Caller | None) -> object:
            return msgspec.to_builtins(await act(read_form(form, words), maker))

        return run

    return {
        "keys.create": command(CreateKey, keys.create),
        "keys.list": command(ListKeys, keys.list),
        "keys.rotate": command(RotateKey, keys.rotate),
        "keys.revoke": command(RevokeKey, keys.revoke),
        "keys.exchange": command(ExchangeKey, keys.exchange),
    }


class EraseSubject(Struct, frozen=True, forbid_unknown_fields=True):
    """The person whose content is to become unreadable, as `X-Subject` named them."""

    subject: Annotated[str, Meta(min_length=1, max_length=256)]


def record_commands(ledger: Ledger, belongings: SqliteBelongings, forget: Callable[[str], None]) -> dict[str, Command]:
    """Erase a person: from the record, from what `forget` keeps of answers, and from what callers may reach at providers."""

    async def erased(words: Words, maker: Caller | None) -> object:
        actor = OWNER if maker is None else maker.key_id
        work = forgotten(read_form(EraseSubject, words).subject, actor)
        return await Shared(driven(work)).join()  # it goes on when who asked goes away

    async def forgotten(subject: str, actor: str) -> object:
        done = await ledger.erase(subject, actor)
        forget(subject)
        at_providers = await belongings.forget_subject(ledger.pseudonym(subject))
        return {**msgspec.to_builtins(done), "at_providers": at_providers}

    return {"records.erase": erased}


class SwapModel(Struct, frozen=True, forbid_unknown_fields=True):
    """Which model, and from where; from its own reference again when `to` is not said."""

    name: str
    to: str | None = None


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No words."""


class Reloaded(Struct, frozen=True):
    """What a reload took: the models it swapped, what the configuration says otherwise, and of that what waits for a restart."""

    swapped: tuple[str, ...]
    waiting: tuple[str, ...]
    changed: tuple[str, ...]


class Reloading(Protocol):
    """Who takes part in a reload beside models and services."""

    def begun(self) -> Pending[Deployment]:
        """Read anew what lies in files: the edge's certificate, and, off the loop, the configuration.

        Raises: ConfigurationRefused, also through the pending result; the reload is then refused as a whole.
        """

    def ended(self, reloaded: Reloaded) -> None:
        """It is done."""


def model_commands(models: Models, publisher: Publisher, reloading: Reloading) -> dict[str, Command]:
    """List, swap and reload."""

    async def listed(words: Words, maker: Caller | None) -> object:
        read_form(Nothing, words)
        return [_shown(state) for state in models.states()]

    async def swapped(words: Words, maker: Caller | None) -> object:
        asked = read_form(SwapModel, words)
        was = _version(models, asked.name)
        source = None if asked.to is None else publisher.source(asked.name, asked.to)
        announcement = await _swap(models, asked.name, source)
        return {"name": asked.name, "version": announcement.model_version, "was": was}

    async def reloaded(words: Words, maker: Caller | None) -> object:
        read_form(Nothing, words)
        deployment = await reloading.begun()
        changed = publisher.changed(deployment)
        sources = publisher.take(deployment)
        try:
            for name, source in sources.items():
                await _swap(models, name, source)
            publisher.adopt()
        finally:
            publisher.revert()  # without effect once it is adopted
        done = Reloaded(tuple(sources), tuple(publisher.waiting()), tuple(changed))
        reloading.ended(done)
        return msgspec.to_builtins(done)

    return {"models.list": listed, "models.swap": swapped, "models.reload": reloaded}


def target_commands(
    outside: Callable[[], Iterable[Struct]], equals: Callable[[], Iterable[Struct]]
) -> dict[str, Command]:
    """How targets outside fare, with their breakers, and how targets that share calls do among each other."""

    async def listed(words: Words, maker: Caller | None) -> object:
        read_form(Nothing, words)
        return {"outside": msgspec.to_builtins(list(outside())), "equals": msgspec.to_builtins(list(equals()))}

    return {"targets.list": listed}


async def _swap(models: Models, name: str, source: Source | None) -> Announcement:
    """Swap a model; whoever asked is told why the new one did not start."""
    try:
        return await models.swap(name, source)
    except ModelUnavailable as error:
        text = f"The new version of {name} did not take over: {error.reason or error.detail}"
        raise ModelUnavailable(text, reason=error.reason) from error


def _version(models: Models, name: str) -> str:
    return next((state.model_version for state in models.states() if state.name == name), "")


def _shown(state: PoolState) -> dict[str, Any]:
    return {
        "name": state.name,
        "state": state.status,
        "reason": state.reason,
        "version": state.model_version,
        "workers": f"{state.ready}/{state.replicas}",
        "pids": list(state.workers),
        "restarts": state.restarts,
        "queued": state.queued_calls,
        "running": state.running_calls,
        "served": state.served,
    }
