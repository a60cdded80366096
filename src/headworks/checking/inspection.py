"""What `headworks check` and `headworks lock` look at: the configuration, every model loaded once, every contract."""

import asyncio
import os
from pathlib import Path
from typing import Any

from headworks.assembly.deployment import Deployment, read_deployment
from headworks.assembly.outside import check_services
from headworks.checking.foresight import money_notes, money_problems, provider_problems, serving_notes
from headworks.checking.preflight import file_problems
from headworks.contract.lock import Lock, compare, drifted, lock_of, lock_text, read_lock, refuse_breaks
from headworks.errors import ConfigurationRefused, FieldError
from headworks.publishing.published import published
from headworks.settings import Config
from headworks.settings.problem import Problem
from headworks.settings.reading import refused
from headworks.targets.models.process import ProcessEngine
from headworks.targets.models.registry import Models
from headworks.units import SystemClock, random_bytes
from headworks.values import Endpoint


def inspect(path: Path, home: Path, *, is_quick: bool) -> dict[str, Any]:
    """A report on what `serve` would publish; `is_quick` reads the configuration and loads no model.

    Raises: ConfigurationRefused, for everything that `serve` would refuse.
    """
    deployment = read_deployment(path, home)
    config = deployment.config
    refuse_unready(deployment)
    names = sorted(f"{name}/{v}" for name, versions in config.endpoints.items() for v in versions)
    report: dict[str, Any] = {"config": str(path), "endpoints": names, "not_locked": None, "notes": notes(deployment)}
    if is_quick:
        return report
    try:
        endpoints = load(deployment)
    except ConfigurationRefused as error:
        raise _placed(deployment, error) from error
    lock = read_lock(deployment.lock_path)
    refuse_breaks(lock, endpoints)
    return {**report, "endpoints": [each.id for each in endpoints], "not_locked": drifted(lock, endpoints)}


def refuse_unready(deployment: Deployment) -> None:
    """Refuse what can be told to be wrong without loading a model, all at once, each with its line.

    Raises: ConfigurationRefused.
    """
    config, folder = deployment.config, deployment.path.parent
    found = [*file_problems(config, folder), *provider_problems(config)]
    try:
        check_services(config, folder)
        found += money_problems(config)
    except ConfigurationRefused as error:
        if not found:
            raise _placed(deployment, error) from error
    if found:
        raise refused(deployment.path, found)


def notes(deployment: Deployment) -> list[str]:
    """What is no mistake and may surprise, each with its line."""
    found = [*serving_notes(deployment.config), *money_notes(deployment.config)]
    return [each.message for each in refused(deployment.path, found).errors]


def _placed(deployment: Deployment, error: ConfigurationRefused) -> ConfigurationRefused:
    """The same refusal with the lines of the configuration, where all of it is about places there."""
    places = [tuple(each.pointer.split("/")[1:]) for each in error.errors]
    if not places or any(not place or place[0] not in Config.__struct_fields__ for place in places):
        return error
    found = [Problem(place, each.message) for place, each in zip(places, error.errors, strict=True)]
    return refused(deployment.path, found)


def write_lock(path: Path, home: Path, accepted: tuple[str, ...]) -> tuple[Path, list[str]]:
    """The lock's path and the versions it now promises; breaks of `accepted` versions are written all the same.

    Raises: ConfigurationRefused, for a break that was not accepted.
    """
    deployment = read_deployment(path, home)
    endpoints = load(deployment)
    try:
        old = read_lock(deployment.lock_path)
    except ConfigurationRefused:
        if "all" not in accepted:
            raise
        old = Lock()
    breaks = [each for each in compare(old, endpoints) if not {each.version, "all"} & set(accepted)]
    if breaks:
        errors = tuple(FieldError(f"/{each.version}{each.change.pointer}", str(each)) for each in breaks)
        text = "Callers rely on what these changes break:\n" + "\n".join(f"  {each}" for each in breaks)
        fix = "\nPublish a new version instead, or accept a break knowingly: --breaking ENDPOINT/vN"
        raise ConfigurationRefused(text + fix, errors=errors)
    replace_file(deployment.lock_path, lock_text(lock_of(endpoints)))
    return deployment.lock_path, [each.id for each in endpoints]


def load(deployment: Deployment) -> tuple[Endpoint, ...]:
    """Every endpoint version, from models loaded for this and ended again.

    Raises: ConfigurationRefused.
    """
    return asyncio.run(_load(deployment))


async def _load(deployment: Deployment) -> tuple[Endpoint, ...]:
    loop = asyncio.get_running_loop()
    engine = ProcessEngine(loop, os.environ, lambda model, line: None)
    models = Models(deployment.models(), engine, loop, SystemClock())
    try:
        return published(deployment.config, await models.start())
    finally:
        await models.close(0.0)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{random_bytes(8).hex()}")
    with draft.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(0o644)
    draft.replace(path)
