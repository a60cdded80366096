"""From the configuration's words to the settings of the parts. Nothing is started here."""

import os
from collections.abc import Mapping
from datetime import date, datetime, time, timezone
from pathlib import Path

from headworks.contract.schema import Contract
from headworks.errors import ConfigurationRefused
from headworks.settings import Config, EndpointVersion, ModelConfig, read_config
from headworks.settings.types import WeightedTarget
from headworks.targets.models.runner import Source
from headworks.targets.models.settings import BatchSettings, ModelSettings, QueueSettings
from headworks.units import parse_duration_s, parse_rate, parse_size_bytes
from headworks.values import Endpoint, RecordMode, TargetChoice

CALLS_A_WORKER_QUEUE_BYTES = 256 * 2**20


def read(path: Path) -> Config | None:
    """The configuration at `path`; None when it is a Python file of models, which needs none.

    Raises: ConfigurationRefused.
    """
    if path.suffix == ".py":
        return None
    return read_config(path, os.environ)


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
        timeout_s=parse_duration_s(entry.timeout),
        rate=parse_rate(entry.rate) if entry.rate else None,
        concurrency=entry.concurrency,
        record=RecordMode(entry.record),
        retention_s=parse_duration_s(entry.retention) if entry.retention else None,
        deprecated_wall_s=_midnight_s(entry.deprecated),
        sunset_wall_s=_midnight_s(entry.sunset),
        successor=f"/api/{name}/v{later[-1]}" if later else None,
        is_default=entry.default or len(numbers) == 1,
        max_body_bytes=parse_size_bytes(entry.max_body or config.server.max_body),
        id=f"{name}/{version}",
    )


def first_model(entry: EndpointVersion) -> str:
    """The model whose announcement is the contract when the endpoint names no task."""
    return target_name(entry.targets[0])


def target_name(target: str | WeightedTarget) -> str:
    """The name of a target, weighted or not."""
    return target.target if isinstance(target, WeightedTarget) else target


def module_file(path: Path) -> Path:
    """The Python file of a bare start.

    Raises: ConfigurationRefused when it is none.
    """
    if not path.is_file():
        raise ConfigurationRefused(f"{path} does not exist; name a Python file that defines models.")
    return path


def _choice(target: str | WeightedTarget) -> TargetChoice:
    return TargetChoice(target.target, target.weight) if isinstance(target, WeightedTarget) else TargetChoice(target)


def _midnight_s(day: date | None) -> float | None:
    return None if day is None else datetime.combine(day, time.min, timezone.utc).timestamp()
