"""What a configuration may say that would never work or never count, although every word of it can be read."""

import re
from collections.abc import Iterator
from difflib import get_close_matches

import msgspec

from headworks.contract import tasks
from headworks.settings import types
from headworks.settings.money import BudgetConfig
from headworks.settings.problem import Problem
from headworks.units import parse_duration_s, parse_money_micros

_HOST = re.compile(r"\*|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_PRICED = re.compile(r"[^/\s]+/\S+")
_NO_TIME = frozenset({
    "timeout", "connect_timeout", "first_byte_timeout", "idle_timeout", "total_timeout", "hard_timeout", "start_timeout",
    "head_timeout", "request_timeout", "retention", "replay_for", "expires", "fresh",
})  # fmt: skip
"""Durations of which none at all would leave no call alive, or nothing kept."""


def futile(config: types.Config) -> Iterator[Problem]:
    """Every such thing, with its fix."""
    yield from _no_time(config, ())
    yield from _names_of_hosts(config)
    for name, budget in config.budgets.items():
        yield from _of_budget(config, name, budget)
    for service in config.prices:
        if not _PRICED.fullmatch(service):
            yield Problem(("prices", service), "prices are of a service; write provider/model or kind/model")
    for name, provider in config.providers.items():
        if provider.cert_key is not None and provider.cert is None:
            yield Problem(("providers", name, "cert_key"), "is the key of a certificate; name that too: cert: FILE")
    for name, versions in config.endpoints.items():
        for version, entry in versions.items():
            yield from _of_task(("endpoints", name, version, "task"), entry.task)


def _no_time(value: object, path: tuple[str, ...]) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _no_time(each, (*path, str(key)))
    if not isinstance(value, msgspec.Struct):
        return
    for field in value.__struct_fields__:
        content = getattr(value, field)
        if field in _NO_TIME and isinstance(content, str) and _is_nothing(content):
            yield Problem((*path, field), "leaves no time at all; write a duration above 0")
        else:
            yield from _no_time(content, (*path, field))


def _is_nothing(duration: str) -> bool:
    try:
        return parse_duration_s(duration) == 0
    except ValueError:
        return False  # told elsewhere


def _names_of_hosts(config: types.Config) -> Iterator[Problem]:
    for index, host in enumerate(config.server.hosts):
        if not _HOST.fullmatch(host):
            text = "is no name that a Host header can have; write it without scheme, port and path, such as api.example.com"
            yield Problem(("server", "hosts", str(index)), text)
    for index, origin in enumerate(config.cors.origins):
        if not _ORIGIN.fullmatch(origin):
            text = "is no web origin; name each as browsers do, in lower case and without a path, such as https://app.example.com"
            yield Problem(("cors", "origins", str(index)), text)


def _of_budget(config: types.Config, name: str, budget: BudgetConfig) -> Iterator[Problem]:
    path = ("budgets", name)
    if budget.per == "service" and budget.only is not None:
        yield Problem(
            (*path, "only"), "keeps a budget to one key, tenant or endpoint; say which: per: endpoint, for example"
        )
    if budget.per == "endpoint" and budget.only is not None:
        known = {*config.endpoints, *(f"{name}/{version}" for name, of in config.endpoints.items() for version in of)}
        if budget.only not in known:
            yield Problem((*path, "only"), f"no endpoint is called {budget.only!r}{_near(budget.only, known)}")
    if _is_more(budget.ceiling, budget.limit):
        yield Problem((*path, "ceiling"), "is more than the limit, so no call it stands for would ever be let through")


def _is_more(amount: str | None, limit: str) -> bool:
    try:
        return amount is not None and parse_money_micros(amount) > parse_money_micros(limit)
    except ValueError:
        return False  # told elsewhere


def _of_task(path: tuple[str, ...], task: str | None) -> Iterator[Problem]:
    if task is not None and task not in tasks.names():
        yield Problem(path, f"there is no task {task!r}{_near(task, tasks.names())}")


def _near(word: str, known: "set[str] | tuple[str, ...]") -> str:
    near = get_close_matches(word, known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known)) or 'none'}"
