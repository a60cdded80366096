"""What types cannot say of a configuration: references, units, dates, and reasons that must be given."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import get_type_hints

import msgspec

from headworks.contract.tasks.keeping import KEPT
from headworks.settings import types
from headworks.settings.futile import futile
from headworks.settings.problem import Problem
from headworks.settings.providers import ProviderConfig
from headworks.units import parse_duration_s, parse_money_micros, parse_rate, parse_size_bytes

NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?")
VERSION = re.compile(r"v[1-9][0-9]{0,5}")
_SENT = re.compile(r"[!-~]+")
_PROXY = re.compile(
    r"http://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
    r"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/?"
)
RESERVED = frozenset({"jobs"})
COMPARED, VECTORS = ("chat", "generate"), "embeddings"
_PARSERS: dict[str, Callable[[str], object]] = {
    "duration": parse_duration_s,
    "size": parse_size_bytes,
    "rate": parse_rate,
    "money": parse_money_micros,
}


def problems(config: types.Config) -> list[Problem]:
    """Every mistake that the types let through; empty for a good configuration."""
    found = [*_units(config, ()), *futile(config)]
    for name, model in config.models.items():
        found += _model_problems(name, model)
    for name, provider in config.providers.items():
        found += _provider_problems(name, provider)
    for name, versions in config.endpoints.items():
        if not NAME.fullmatch(name):
            found.append(Problem(("endpoints", name), "endpoint names are lower case letters, digits, - and _"))
        if name in RESERVED:
            found.append(Problem(("endpoints", name), f"/api/{name} is a path of its own; choose another name"))
        if not versions:
            found.append(Problem(("endpoints", name), "has no version; add v1 with its targets"))
        for version, entry in versions.items():
            found += _version_problems(config, name, version, entry)
        if sum(entry.default for entry in versions.values()) > 1:
            found.append(Problem(("endpoints", name), "several versions say default: true; keep one"))
    found += _keeping_problems(config)
    return found


def _units(value: msgspec.Struct, path: tuple[str, ...]) -> Iterator[Problem]:
    """Every duration, size and rate that cannot be read, found by the unit in the field's type."""
    hints = get_type_hints(type(value), include_extras=True)
    for field in value.__struct_fields__:
        content = getattr(value, field)
        if isinstance(content, msgspec.Struct):
            yield from _units(content, (*path, field))
        elif isinstance(content, dict):
            yield from _units_in(content, (*path, field))
        elif isinstance(content, str) and (unit := _unit_of(hints[field])):
            try:
                _PARSERS[unit](content)
            except ValueError as error:
                yield Problem((*path, field), str(error))


def _units_in(mapping: dict[str, object], path: tuple[str, ...]) -> Iterator[Problem]:
    for key, entry in mapping.items():
        if isinstance(entry, msgspec.Struct):
            yield from _units(entry, (*path, str(key)))
        elif isinstance(entry, dict):
            yield from _units_in(entry, (*path, str(key)))


def _unit_of(hint: object) -> str | None:
    """The unit marked on a type, also inside `X | None`."""
    for candidate in (hint, *getattr(hint, "__args__", ())):
        for meta in getattr(candidate, "__metadata__", ()):
            if isinstance(meta, msgspec.Meta) and meta.extra:
                return str(meta.extra.get("unit"))
    return None


def _provider_problems(name: str, provider: ProviderConfig) -> Iterator[Problem]:
    if not NAME.fullmatch(name):
        yield Problem(("providers", name), "provider names are lower case letters, digits, - and _")
    if not all(_SENT.fullmatch(key.reveal()) for key in provider.keys):
        yield Problem(
            ("providers", name),
            "a key holds a character that no header can carry, such as a line's end; look at api_key and api_keys",
        )
    if provider.proxy is not None and not _PROXY.fullmatch(provider.proxy):
        yield Problem(
            ("providers", name, "proxy"),
            "must be an HTTP proxy's address and no more, such as http://proxy.example:3128; no user and no password",
        )


def _model_problems(name: str, model: types.ModelConfig) -> Iterator[Problem]:
    path = ("models", name)
    if not NAME.fullmatch(name):
        yield Problem(path, "model names are lower case letters, digits, - and _")
    if not model.kind:
        yield Problem(path, f"must name exactly one of {', '.join(types.MODEL_KINDS)}")
    if model.sklearn is not None and not (model.sha256 and model.unsafe):
        text = "a pickle or joblib file can run any code when loaded; convert it with skops, or name its sha256 and say unsafe: true"
        yield Problem((*path, "sklearn"), text)


def _version_problems(config: types.Config, name: str, version: str, entry: types.EndpointVersion) -> Iterator[Problem]:
    path = ("endpoints", name, version)
    if not VERSION.fullmatch(version):
        yield Problem(path, "versions are v1, v2, ...")
    if not entry.targets:
        yield Problem((*path, "targets"), "names no target; name at least one model")
    if entry.task is None and any("/" in name for name in every_target(entry)):
        yield Problem((*path, "task"), "a provider's operation serves a task; say which: task: chat, for example")
    for index, target in enumerate(entry.targets):
        yield from _target_problems(config, (*path, "targets", str(index)), target)
    weighted = [target for target in entry.targets if isinstance(target, types.WeightedTarget)]
    if weighted and len(weighted) != len(entry.targets):
        yield Problem((*path, "targets"), "mixes weighted and ordered targets; give every target a weight, or none")
    if weighted and not sum(target.weight for target in weighted):
        yield Problem((*path, "targets"), "all weights are 0; give one target a weight above 0")
    if entry.record == "none" and not entry.reason:
        yield Problem((*path, "record"), "record: none needs a reason; add reason: and say why nothing is kept")
    if entry.sunset and entry.deprecated and entry.sunset <= entry.deprecated:
        yield Problem((*path, "sunset"), "must be later than deprecated")
    if weighted and entry.balance == "load":
        yield Problem((*path, "balance"), "targets are chosen by their weights or by their load; remove one of the two")
    yield from _outlier_problems(path, entry, is_shared=bool(weighted) or entry.balance == "load")
    yield from _fallback_problems(config, path, entry)
    if entry.shadow:
        yield Problem((*path, "shadow"), "shadow targets are not available in this version; remove the key")


def _outlier_problems(path: tuple[str, ...], entry: types.EndpointVersion, *, is_shared: bool) -> Iterator[Problem]:
    """What is said of targets that do worse, where there are no equals or where it can never come true."""
    said = entry.outliers
    if isinstance(said, bool):
        return
    if not is_shared:
        text = "these targets are asked in their order, so they are no equals to compare; say balance: load or weights, or remove the key"
        yield Problem((*path, "outliers"), text)
    if said.least_targets > len(entry.targets):
        text = (
            f"asks for {said.least_targets} targets and there are {len(entry.targets)}; no target would ever be judged"
        )
        yield Problem((*path, "outliers", "least_targets"), text)


def _keeping_problems(config: types.Config) -> Iterator[Problem]:
    """Endpoints of what a provider keeps: their paths name none, and a thing lies where it was made."""
    first: dict[str, str] = {}
    for name, versions in config.endpoints.items():
        for version, entry in versions.items():
            if entry.task in KEPT:
                holder = first.setdefault(entry.task, name)
                yield from _keeping_entry(("endpoints", name, version), entry, "" if holder == name else holder)


def _keeping_entry(path: tuple[str, ...], entry: types.EndpointVersion, other: str) -> Iterator[Problem]:
    if other:
        text = f"endpoint {other} has the task {entry.task} already, whose paths name no endpoint"
        yield Problem((*path, "task"), text)
    names = every_target(entry)
    if len(names) != 1 or "/" not in names[0]:
        text = f"the task {entry.task} has one target, a provider's: things lie where they were made"
        yield Problem((*path, "targets"), text)
    for key in ("cache", "degraded", "prompt"):
        if getattr(entry, key) is not None:
            yield Problem((*path, key), f"the task {entry.task} is always asked of the provider; remove the key")


def _fallback_problems(config: types.Config, path: tuple[str, ...], entry: types.EndpointVersion) -> Iterator[Problem]:
    """What is said of kept answers and of targets for what others refuse."""
    for field, named in zip(("context_length", "content_policy"), fallback_names(entry), strict=True):
        if named is not None:
            yield from _target_problems(config, (*path, "fallback", field), named)
    if entry.cache is not None and entry.cache.semantic is not False:
        yield from _semantic_problems(config, (*path, "cache", "semantic"), entry, entry.cache.semantic)


def _semantic_problems(
    config: types.Config, path: tuple[str, ...], entry: types.EndpointVersion, said: types.SemanticConfig | bool
) -> Iterator[Problem]:
    """What is said of answers to similar questions: of which there must be a last one, and vectors that somebody makes."""
    if entry.task not in COMPARED:
        text = f"only {' and '.join(COMPARED)} end with a question that can be compared; remove the key"
        yield Problem(path, text)
    if entry.risk == "high":
        text = "risk: high, and an answer to one question may be given to another that only looks alike; remove one of the two"
        yield Problem(path, text)
    if isinstance(said, bool):
        yield Problem(path, "say what makes the vectors: semantic: {embeddings: an endpoint, a model or a target}")
        return
    place = (*path, "embeddings")
    name, _, version = said.embeddings.partition("@")
    versions = config.endpoints.get(name)
    if versions is None:
        if not version and (name in config.models or "/" in name):
            yield from _target_problems(config, place, name)
        else:
            makers = ", ".join(each for each in sorted(config.endpoints) if _makes_vectors(config, each)) or "none"
            text = f"no endpoint, model or provider's target is called {said.embeddings!r}; endpoints of embeddings: {makers}"
            yield Problem(place, text)
        return
    named = version_named(versions, version)
    if named is None:
        yield Problem(place, f"{name} has {', '.join(versions)}; name one, such as {name}@{next(iter(versions), 'v1')}")
    elif versions[named].task != VECTORS:
        yield Problem(place, f"{name} {named} serves {versions[named].task or 'its own types'}, not {VECTORS}")


def version_named(versions: Mapping[str, types.EndpointVersion], version: str) -> str | None:
    """Which version of an endpoint is meant: the one that is named, else the only or default one."""
    if version:
        return version if version in versions else None
    default = [each for each, entry in versions.items() if entry.default or len(versions) == 1]
    return default[0] if default else None


def _makes_vectors(config: types.Config, name: str) -> bool:
    return any(entry.task == VECTORS for entry in config.endpoints[name].values())


def fallback_names(entry: types.EndpointVersion) -> tuple[str | None, str | None]:
    """The target for what is too long, and for what is against a content policy."""
    return entry.fallback.context_length, entry.fallback.content_policy


def every_target(entry: types.EndpointVersion) -> list[str]:
    """The names of all targets that may answer a version, the preferred ones first."""
    return [*map(target_name, entry.targets), *(name for name in fallback_names(entry) if name is not None)]


def target_name(target: str | types.WeightedTarget) -> str:
    """The name of a target, weighted or not."""
    return target.target if isinstance(target, types.WeightedTarget) else target


def _target_problems(
    config: types.Config, path: tuple[str, ...], target: str | types.WeightedTarget
) -> Iterator[Problem]:
    named = target_name(target)
    provider, is_operation, _ = named.partition("/")
    if is_operation and provider not in config.providers:
        known = ", ".join(sorted(config.providers)) or "none"
        yield Problem(path, f"no provider is called {provider!r}; known providers: {known}")
    elif not is_operation and named not in config.models:
        known = ", ".join(sorted(config.models)) or "none"
        yield Problem(path, f"no model is called {named!r}; known models: {known}")
