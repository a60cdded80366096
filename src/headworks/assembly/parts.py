"""From the configuration's words to the settings of the parts. Nothing is started here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.json import encode

from headworks.contract import tasks
from headworks.contract.schema import Contract
from headworks.contract.tasks.keeping import KEPT
from headworks.errors import ContentRefused, ContextTooLong
from headworks.identity.issue import KeyRules
from headworks.identity.keys import CallerDefaults
from headworks.money.budgets import Budget
from headworks.money.prices import CURRENCY, PriceTable, shipped
from headworks.policies import CachePolicy, OutlierPolicy, SemanticPolicy
from headworks.records.settings import RecordSettings
from headworks.settings import Config, EndpointVersion, ModelConfig
from headworks.settings.check import VECTORS, every_target, fallback_names, version_named
from headworks.settings.types import CacheConfig, OutlierConfig, WeightedTarget
from headworks.targets.models.runner import Source
from headworks.targets.models.settings import BatchSettings, ModelSettings, QueueSettings
from headworks.targets.providers.wire import ProviderSettings
from headworks.units import parse_duration_s, parse_money_micros, parse_rate, parse_size_bytes
from headworks.values import Endpoint, RecordMode, TargetChoice

if TYPE_CHECKING:
    from headworks.targets.providers.prompts.wording import Wording

TIMEOUT, CHAT_TIMEOUT = "10s", "120s"
"""How long a call may take where its version does not say."""

UNTIL_RESTART = ("server", "tls", "cors", "keys", "records", "logs")
"""Parts of a configuration that are read once, at the start; the files that `tls` names are read again all the same."""


def model_settings(name: str, model: ModelConfig, folder: Path) -> ModelSettings:
    """The settings of one model's pool; file references are resolved against the configuration's folder."""
    kind = model.kind
    parameters = dict(model.options)
    for key in ("sha256", "trusted"):
        if value := getattr(model, key):
            parameters[key] = value
    if model.unsafe:
        parameters["unsafe"] = True
    return ModelSettings(
        name=name,
        source=Source(kind, getattr(model, kind), str(folder), parameters),
        replicas=model.replicas,
        batch=BatchSettings(model.batch.max_size, parse_duration_s(model.batch.max_wait)),
        queue=QueueSettings(max_calls=model.queue),
        hard_timeout_s=parse_duration_s(model.hard_timeout),
        start_timeout_s=parse_duration_s(model.start_timeout),
        max_requests=model.max_requests,
        max_rss_bytes=parse_size_bytes(model.max_rss) if model.max_rss else None,
        env=model.env,
        retry=model.retry,
    )


def provider_settings(config: Config) -> dict[str, ProviderSettings]:
    """Every configured provider as its kind reads it."""
    return {
        name: ProviderSettings(name, entry.kind or name, entry.base_url, entry.keys, entry.options)
        for name, entry in config.providers.items()
    }


def wording_of(entry: EndpointVersion) -> Wording | None:
    """What a version says to models that serve its task by a prompt; None where it says nothing of its own."""
    said = entry.prompt
    if said is None:
        return None
    from headworks.targets.providers.prompts.wording import Wording  # only prompts need it

    labels = said.labels if isinstance(said.labels, dict) else dict.fromkeys(said.labels, "")
    return Wording(labels, said.language or "", said.threshold, said.about or "")


def work_of(entry: EndpointVersion) -> str | None:
    """What a version's targets outside are found by: equal tasks and wordings share a target."""
    wording = wording_of(entry)
    return entry.task if wording is None else f"{entry.task} {encode(wording).decode()}"


def budgets_of(config: Config) -> tuple[Budget, ...]:
    """Every configured budget."""
    return tuple(
        Budget(
            name,
            parse_money_micros(entry.limit),
            entry.per,
            entry.only,
            entry.period,
            None if entry.ceiling is None else parse_money_micros(entry.ceiling),
        )
        for name, entry in config.budgets.items()
    )


def prices_of(config: Config) -> PriceTable:
    """The configured prices, in front of those that come with the package, where there is something to pay for."""
    return shipped().with_own(config.prices) if config.providers else PriceTable("", CURRENCY, config.prices)


def record_settings(config: Config, home: Path) -> RecordSettings:
    """How this home's calls are recorded."""
    records = config.records
    return RecordSettings(
        home=home,
        kek_file=Path(records.key_file) if records.key_file else None,
        durable=records.durable,
        retention_s=parse_duration_s(records.retention),
        max_disk_bytes=parse_size_bytes(records.max_disk),
        replay_age_s=parse_duration_s(records.replay_for),
    )


def key_rules(config: Config) -> KeyRules:
    """How new keys look and how long they live."""
    keys = config.keys
    return KeyRules(keys.prefix, keys.environment, parse_duration_s(keys.expires))


def caller_defaults(config: Config) -> CallerDefaults:
    """The limits of a key that names none of its own."""
    keys = config.keys
    return CallerDefaults(parse_rate(keys.rate) if keys.rate else None, keys.concurrency)


def bare_config(names: Mapping[str, str], path: Path) -> Config:
    """The configuration of a Python file without one: each model published as v1 under its own name.

    Shapes: `names` maps an endpoint's name to the class or function in the file.
    """
    models = {endpoint: ModelConfig(python=f"{path.name}:{inside}") for endpoint, inside in names.items()}
    endpoints = {endpoint: {"v1": EndpointVersion(targets=(endpoint,))} for endpoint in names}
    return Config(models=models, endpoints=endpoints)


def endpoint(config: Config, name: str, version: str, contract: Contract) -> Endpoint:
    """One published version with its policy."""
    entry = config.endpoints[name][version]
    number = int(version[1:])
    numbers = sorted(int(other[1:]) for other in config.endpoints[name])
    later = [n for n in numbers if n > number]
    return Endpoint(
        name=name,
        version=number,
        contract=contract,
        targets=tuple(_choice(target) for target in entry.targets),
        task=entry.task,
        timeout_s=parse_duration_s(entry.timeout or (CHAT_TIMEOUT if _is_long(entry.task) else TIMEOUT)),
        rate=parse_rate(entry.rate) if entry.rate else None,
        concurrency=entry.concurrency,
        record=RecordMode(entry.record),
        retention_s=parse_duration_s(entry.retention) if entry.retention else None,
        deprecated_wall_s=_midnight_s(entry.deprecated),
        sunset_wall_s=_midnight_s(entry.sunset),
        successor=f"/api/{name}/v{later[-1]}" if later else None,
        is_default=entry.default or len(numbers) == 1,
        tokens=parse_rate(entry.tokens) if entry.tokens else None,
        max_output=entry.max_output,
        max_body_bytes=parse_size_bytes(entry.max_body or config.server.max_body),
        is_outside=entry.task not in KEPT and any("/" in target for target in every_target(entry)),
        is_balanced=entry.balance == "load",
        outliers=_outlier_policy(entry),
        cache=_cache_policy(entry),
        declared=None if entry.degraded is None else encode(entry.degraded),
        elsewhere=tuple(
            (refusal.code, target)
            for refusal, target in zip((ContextTooLong, ContentRefused), fallback_names(entry), strict=True)
            if target is not None
        ),
        finishes_streams=entry.on_disconnect == "finish",
        work=None if entry.prompt is None else work_of(entry),
        id=f"{name}/{version}",
    )


def largest_body_bytes(config: Config) -> int:
    """The largest body that any endpoint takes."""
    own = [entry.max_body for versions in config.endpoints.values() for entry in versions.values() if entry.max_body]
    return max(map(parse_size_bytes, (config.server.max_body, *own)))


def waiting_for_restart(started: Config, now: Config) -> list[str]:
    """The fields of a configuration that count only from the next start on, of those that changed since this one."""
    found = []
    for part in UNTIL_RESTART:
        was, said = getattr(started, part), getattr(now, part)
        if was is None or said is None:
            found += [part] if was is not said else []
        else:
            found += [
                f"{part}.{field}" for field in was.__struct_fields__ if getattr(was, field) != getattr(said, field)
            ]
    most_bytes = largest_body_bytes(started)
    for name, versions in now.endpoints.items():
        larger = [
            each for each, entry in versions.items() if entry.max_body and parse_size_bytes(entry.max_body) > most_bytes
        ]
        found += [f"endpoints.{name}.{version}.max_body" for version in larger]
    return found


def _is_long(task: str | None) -> bool:
    return task in KEPT or tasks.shapes(task) is not None


def _cache_policy(entry: EndpointVersion) -> CachePolicy | None:
    cache = entry.cache
    if cache is None:
        return None
    return CachePolicy(parse_duration_s(cache.fresh), parse_duration_s(cache.stale), _semantic_policy(cache))


def _semantic_policy(cache: CacheConfig) -> SemanticPolicy | None:
    said = cache.semantic
    if isinstance(said, bool):
        return None
    apart = frozenset(word.casefold() for word in said.apart)
    return SemanticPolicy(said.threshold, parse_duration_s(said.timeout), said.longest, said.entries, apart)


def embedder_named(config: Config, entry: EndpointVersion) -> tuple[str | None, EndpointVersion | None]:
    """What makes a version's vectors: the id of an endpoint, or a version made for the one target that is named; neither where it needs none."""
    said = None if entry.cache is None else entry.cache.semantic
    if said is None or isinstance(said, bool):
        return None, None
    name, _, version = said.embeddings.partition("@")
    if name in config.endpoints:
        return f"{name}/{version_named(config.endpoints[name], version)}", None
    made = EndpointVersion(
        targets=(said.embeddings,),
        task=VECTORS,
        timeout=said.timeout,
        record=entry.record,
        reason=entry.reason,
        retention=entry.retention,
    )
    return None, made


def _outlier_policy(entry: EndpointVersion) -> OutlierPolicy | None:
    """None where the targets do not share the calls, so that there are no equals to compare."""
    said = OutlierConfig() if entry.outliers is True else entry.outliers
    is_shared = len(entry.targets) > 1 and (entry.balance == "load" or isinstance(entry.targets[0], WeightedTarget))
    if not is_shared or said is False:
        return None
    return OutlierPolicy(
        window_s=parse_duration_s(said.window),
        least_calls=said.least_calls,
        least_targets=said.least_targets,
        worse_by=said.worse_by,
        deviations=said.deviations,
        slower=said.slower,
        most_out=said.most_out,
        out_s=parse_duration_s(said.out_for),
        longest_out_s=parse_duration_s(said.longest),
    )


def _choice(target: str | WeightedTarget) -> TargetChoice:
    return TargetChoice(target.target, target.weight) if isinstance(target, WeightedTarget) else TargetChoice(target)


def _midnight_s(day: date | None) -> float | None:
    return None if day is None else datetime.combine(day, time.min, UTC).timestamp()
