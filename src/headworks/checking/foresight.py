"""What only a call would find out of a configuration that can be served: kinds and settings of unused providers, missing prices."""

from collections.abc import Iterator

from headworks.assembly.outside import service_of
from headworks.assembly.parts import provider_settings
from headworks.contract.tasks.keeping import KEPT
from headworks.errors import ConfigurationRefused
from headworks.money.prices import PriceTable, shipped
from headworks.publishing.published import services
from headworks.settings import Config, EndpointVersion
from headworks.settings.check import fallback_names, target_name
from headworks.settings.money import BudgetConfig, Price
from headworks.settings.problem import Problem
from headworks.targets.providers.keeping import kept_by
from headworks.targets.providers.kinds import kind_of, refuse_unknown

Place = tuple[str, ...]
Paid = tuple[str, Place, str, str, Price | None]
"""A budget without a ceiling, and a target that it applies to: its place, its name, what its price is found by, and that."""


def provider_problems(config: Config) -> Iterator[Problem]:
    """Kinds of providers that there are not, and settings that a kind does not know, also where no endpoint uses them."""
    for name, settings in provider_settings(config).items():
        try:
            refuse_unknown(settings, kind_of(settings.kind).options)
        except ConfigurationRefused as error:
            for each in error.errors:
                yield Problem(tuple(each.pointer.split("/")[1:]), each.message)
            if not error.errors:
                yield Problem(("providers", name, "kind"), error.detail)


def money_problems(config: Config) -> Iterator[Problem]:
    """Targets that a budget applies to and whose price is not known: their first call would be refused with 402."""
    for budget, place, target, service, price in _paid(config):
        if price is None:
            said = "call: ..." if config.endpoints[place[1]][place[2]].task in KEPT else "input: ..., output: ..."
            text = (
                f"budget {budget} applies and the price of {target} is not known, so its calls would be refused with 402"
                f' price_unknown; add prices: {{"{service}": {{{said}}}}}, or give the budget a ceiling'
            )
            yield Problem(place, text)


def money_notes(config: Config) -> Iterator[Problem]:
    """Targets of which a budget refuses the calls that set no bound on their answer."""
    for budget, place, target, _, price in _paid(config):
        most = config.endpoints[place[1]][place[2]].max_output
        if price is not None and price.output and price.most_output is None and most is None:
            text = (
                f"budget {budget} applies and nothing bounds the answers of {target}, so calls that set no maximum of their own"
                " are refused with 402 price_unknown; say max_output"
            )
            yield Problem(place, text)


def serving_notes(config: Config) -> Iterator[Problem]:
    """What `serve` asks to be told beside the configuration."""
    from ipaddress import ip_address

    host = config.server.host
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if config.tls is None and not is_loopback:
        text = f"plain HTTP on {host} is refused by serve unless --behind-proxy CIDR or --insecure-http is said; or configure tls"
        yield Problem(("server", "host"), text)


def _paid(config: Config) -> Iterator[Paid]:
    prices = shipped().with_own(config.prices)
    budgets = {name: budget for name, budget in config.budgets.items() if budget.ceiling is None}
    for name, versions in config.endpoints.items():
        for version, entry in versions.items():
            applying = next((each for each, budget in budgets.items() if _may_apply(budget, name, version)), None)
            if applying is not None:
                yield from _paid_by(config, ("endpoints", name, version), entry, applying, prices)


def _paid_by(config: Config, place: Place, entry: EndpointVersion, budget: str, prices: PriceTable) -> Iterator[Paid]:
    bound = {target: each for (target, _), each in services(config, entry).items()}
    for where, target in _places(place, entry):
        kept = kept_by(bound[target].operation) if target in bound else None
        if target in bound and (kept is None or kept.is_sold_whole):
            service = service_of(target, bound[target].operation.model, config, prices)
            own = f"{target.partition('/')[0]}/{bound[target].operation.model}"
            yield budget, where, target, own, prices.find(service)


def _may_apply(budget: BudgetConfig, name: str, version: str) -> bool:
    return budget.per != "endpoint" or budget.only in {None, name, f"{name}/{version}"}


def _places(place: Place, entry: EndpointVersion) -> Iterator[tuple[Place, str]]:
    for index, target in enumerate(entry.targets):
        yield (*place, "targets", str(index)), target_name(target)
    for field, named in zip(("context_length", "content_policy"), fallback_names(entry), strict=True):
        if named is not None:
            yield (*place, "fallback", field), named
