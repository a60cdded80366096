"""The services outside: one HTTP client, what is known of each origin's health, and every configured operation as a target.

Imported when a configuration names a provider, so that a service without one loads no client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct, structs

from headworks.assembly.line_models import LineModels
from headworks.assembly.parts import provider_settings
from headworks.contract import tasks
from headworks.errors import ConfigurationRefused, FieldError
from headworks.money.prices import PriceTable
from headworks.offload import ThreadOffload
from headworks.ports import Money
from headworks.publishing.published import every_service
from headworks.settings import Config
from headworks.settings.providers import ProviderConfig
from headworks.targets.providers.attempt import Tools
from headworks.targets.providers.batches import Batches, Books
from headworks.targets.providers.breaker import BreakerSettings
from headworks.targets.providers.client import Client, Proxy, Timeouts, Tls, Upstream, is_same
from headworks.targets.providers.guarded import NAME_THINGS, Guarded
from headworks.targets.providers.health import Health
from headworks.targets.providers.hedge import HedgePolicy, Hedging
from headworks.targets.providers.hedged import Hedged
from headworks.targets.providers.hold import HoldPolicy
from headworks.targets.providers.http.pool import Pool
from headworks.targets.providers.keeping import kept_by
from headworks.targets.providers.key_news import Tell, untold
from headworks.targets.providers.noted import RESPONSE, RESPONSES, Noted
from headworks.targets.providers.owned import Owned, Ownership
from headworks.targets.providers.registry import Key, Providers
from headworks.targets.providers.retry import RetryPolicy
from headworks.targets.providers.target import CHAT_TIMEOUTS, TASK_TIMEOUTS, ProviderState, ProviderTarget, TargetPolicy
from headworks.targets.providers.wire import Bound, Origin
from headworks.units import Clock, parse_duration_s, random_share
from headworks.values import Target

ERRANDS = 4
"""How many credentials can be renewed at once: their issuers may be slow, and nothing else may wait for them."""


class Prepared(Struct, frozen=True):
    """What a configuration names outside, made but not asked yet: connections, targets, and these as they are found."""

    pools: Mapping[Origin, Pool]
    own: Mapping[Key, ProviderTarget]
    targets: Mapping[Key, Target]


class Outside:
    """Every configured operation of a provider, ready to be asked.

    Safe under: one thread, the event loop's.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        offload: ThreadOffload,
        money: Money,
        ownership: Ownership,
        tell: Tell = untold,
    ) -> None:
        self._client = Client(loop, clock)
        self._health = Health(BreakerSettings(), tell=tell)
        self._offload = offload
        self._errands = offload.beside(ERRANDS)
        self._tools = Tools(self._client, clock, loop, self._errands, random_share, money)
        self._ownership = ownership
        self._register = ownership.register
        self._targets: Mapping[Key, ProviderTarget] = {}
        self.providers = Providers()

    def prepared(self, config: Config, folder: Path, prices: PriceTable) -> Prepared:
        """The targets that a configuration names, ready for `use`; nobody asks them before.

        Raises: ConfigurationRefused.
        """
        bound = every_service(config)
        pools = self._client.pools(_upstreams(bound, config, folder))
        own = {key: self._target(key, each, config, prices) for key, each in bound.items()}
        books = self._books(bound, config, prices)
        found = {key: self._found(target, bound[key], config, books) for key, target in own.items()}
        is_keeping = any(kept_by(each.operation) for each in bound.values()) or not self._register.belongings.is_empty
        if is_keeping:
            storing = {key[0].partition("/")[0] for key, each in bound.items() if _stores(each)}
            found = {key: self._guarded(target, bound[key], storing) for key, target in found.items()}
        return Prepared(pools, own, found)

    def use(self, prepared: Prepared) -> None:
        """Ask these targets from now on. An origin's health outlives that; a refused key is tried again."""
        self._client.use(prepared.pools)
        self._health.keep_only(prepared.pools)
        self._health.renew_keys()
        self._targets = prepared.own
        self.providers.replace(prepared.targets)

    def _books(self, bound: Mapping[Key, Bound], config: Config, prices: PriceTable) -> Books:
        """What batches are judged and booked by."""
        ownership, tools = self._ownership, self._tools

        def service(place: str, model: str) -> str:
            return service_of(f"{place}/{model}", model, config, prices)

        models = LineModels(ownership.endpoints, bound, tools.clock)
        return Books(ownership.owing, ownership.purse, tools.money, models, service)

    def _found(self, target: ProviderTarget, bound: Bound, config: Config, books: Books) -> Target:
        """The target as calls find it: what keeps things for callers with their owners, others hedged where that is said."""
        kept, place = kept_by(bound.operation), target.name.partition("/")[0]
        if kept is not None:
            batches = Batches(place, self._register.belongings, books)
            return Owned(target, kept, self._register, batches, self._offload)
        share = config.providers[place].hedge
        if share is None:
            return target
        return Hedged(target, target, Hedging(HedgePolicy(share=share)), self._tools.clock, self._tools.timers)

    def _guarded(self, target: Target, bound: Bound, storing: Collection[str]) -> Target:
        """What names things is held to the caller's own ones; answers that `storing` providers store are noted."""
        task = bound.operation.task
        if task == RESPONSES and target.name.partition("/")[0] in storing:
            target = Noted(target, self._register, self._tools.clock)
        return Guarded(target, self._register) if task in NAME_THINGS else target

    def states(self) -> Iterable[ProviderState]:
        """How every target outside fares."""
        return [target.state() for target in self._targets.values()]

    def close(self) -> None:
        """End every connection; what is under way fails."""
        self._client.close()
        self._errands.close(patience_s=0.1)

    def _target(self, key: Key, bound: Bound, config: Config, prices: PriceTable) -> ProviderTarget:
        name = key[0]
        provider = config.providers[name.partition("/")[0]]
        is_long = bound.operation.can_stream or kept_by(bound.operation) is not None
        policy = policy_of(provider, is_long=is_long)
        service = service_of(name, bound.operation.model, config, prices)
        return ProviderTarget(
            name, service, bound, tasks.reply(bound.operation.task), self._health, self._tools, policy
        )


def check_services(config: Config, folder: Path) -> None:
    """See that every operation of a provider that is named serves its version and can be connected to.

    Raises: ConfigurationRefused, naming what cannot.
    """
    _upstreams(every_service(config), config, folder)


def _stores(bound: Bound) -> bool:
    """Whether answers can be asked for again there."""
    kept = kept_by(bound.operation)
    return kept is not None and kept.kind == RESPONSE


def _upstreams(bound: Mapping[Key, Bound], config: Config, folder: Path) -> Mapping[Origin, Upstream]:
    """How each origin is connected to.

    Raises: ConfigurationRefused, where two providers say different things of one.
    """
    found: dict[Origin, Upstream] = {}
    for (name, _), each in bound.items():
        provider = name.partition("/")[0]
        upstream = upstream_of(provider, config.providers[provider], folder)
        if not is_same(found.setdefault(each.origin, upstream), upstream):
            text = "names an origin that another provider connects to in another way"
            raise ConfigurationRefused(errors=(FieldError(f"/providers/{provider}", text),))
    return found


def service_of(name: str, model: str, config: Config, prices: PriceTable) -> str:
    """What the prices of a target are looked up by: the provider's own name where its prices are configured or it is not the vendor itself, else the kind."""
    provider = name.partition("/")[0]
    settings = provider_settings(config)[provider]
    own = f"{provider}/{model}"
    return own if settings.base_url is not None or prices.find(own) is not None else f"{settings.kind}/{model}"


def policy_of(provider: ProviderConfig, *, is_long: bool) -> TargetPolicy:
    """How a provider's targets are asked."""
    timeouts = timeouts_of(provider, is_long=is_long)
    hold = HoldPolicy(hold_s=parse_duration_s(provider.hold), first_content_s=timeouts.first_byte_s)
    return TargetPolicy(timeouts, RetryPolicy(attempts=provider.attempts, resends_unsure=provider.resend), hold)


def timeouts_of(provider: ProviderConfig, *, is_long: bool) -> Timeouts:
    """How long one attempt may take, by what the provider's configuration says and else by its kind of work."""
    usual = CHAT_TIMEOUTS if is_long else TASK_TIMEOUTS
    said = {
        "connect_s": provider.connect_timeout,
        "first_byte_s": provider.first_byte_timeout,
        "idle_s": provider.idle_timeout,
        "total_s": provider.total_timeout,
    }
    return structs.replace(usual, **{key: parse_duration_s(text) for key, text in said.items() if text is not None})


def upstream_of(name: str, provider: ProviderConfig, folder: Path) -> Upstream:
    """How a provider's origin is connected to; files stand beside the configuration.

    Raises: ConfigurationRefused, for a proxy's address that cannot be read.
    """
    files = [None if each is None else str(folder / each) for each in (provider.ca, provider.cert, provider.cert_key)]
    return Upstream(
        max_connections=provider.max_connections,
        max_waiting=provider.max_waiting,
        keep_alive_s=parse_duration_s(provider.idle_connection),
        tls=Tls(*files),
        proxy=None if provider.proxy is None else _proxy(name, provider.proxy),
    )


def _proxy(name: str, address: str) -> Proxy:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or 3128
    except ValueError:
        host, port = None, 0
    if not host:
        text = "must be the address of an HTTP proxy, such as http://proxy.example:3128"
        raise ConfigurationRefused(text, errors=(FieldError(f"/providers/{name}/proxy", text),))
    return Proxy(host, port)
