"""What is deployed: a configuration file, or a bare Python file of models, read and resolved."""

import os
from pathlib import Path

from msgspec import Struct, structs

from headworks.assembly.parts import bare_config, model_settings
from headworks.errors import ConfigurationRefused
from headworks.settings import Config, read_config, read_parts
from headworks.settings.providers import ProviderConfig
from headworks.targets.models.discover import discover, endpoint_name
from headworks.targets.models.settings import ModelSettings

LOCK_NAME = "headworks.lock"
OF_HOME = ("keys", "records")
ACCOUNT_FILE = "account_file"
"""A kind's own setting that names a file."""


class Deployment(Struct, frozen=True):
    """A configuration, where it stands, and where its published schemas are locked."""

    path: Path
    config: Config
    lock_path: Path

    def models(self) -> tuple[ModelSettings, ...]:
        """The settings of every model's pool."""
        return tuple(model_settings(name, model, self.path.parent) for name, model in self.config.models.items())


def read_deployment(path: Path, home: Path) -> Deployment:
    """What is deployed from `path`; for a bare model file the lock stays in the home.

    Raises: ConfigurationRefused.
    """
    if path.suffix != ".py":
        return Deployment(path, placed(read_config(path, os.environ), path.parent), path.with_name(LOCK_NAME))
    names = discover(str(path))
    if not names:
        text = f"{path} defines no model: subclass headworks.Model with a predict method, or mark a function with @headworks.model."
        raise ConfigurationRefused(text)
    by_endpoint: dict[str, str] = {}
    for name in names:
        other = by_endpoint.setdefault(endpoint_name(name), name)
        if other != name:
            raise ConfigurationRefused(
                f"{path}: {other} and {name} would both be endpoint {endpoint_name(name)}; rename one."
            )
    return Deployment(path, bare_config(by_endpoint, path), home / LOCK_NAME)


def read_of_home(path: Path) -> Config:
    """What the configuration at `path` says of a home while no service runs on it: how keys are made, where the record's key lies.

    Nothing else is looked at, so that no other secret need be at hand; a bare model file says nothing.
    Raises: ConfigurationRefused.
    """
    if path.suffix == ".py":
        return Config()
    return placed(read_parts(path, os.environ, OF_HOME), path.parent)


def placed(config: Config, folder: Path) -> Config:
    """The configuration with its files as they are found from its folder, wherever the command runs."""
    tls, records = config.tls, config.records
    providers = {name: _with_account(provider, folder) for name, provider in config.providers.items()}
    if tls is not None:
        tls = structs.replace(tls, cert=str(folder / tls.cert), key=str(folder / tls.key))
    if records.key_file is not None:
        records = structs.replace(records, key_file=str(folder / records.key_file))
    return structs.replace(config, tls=tls, records=records, providers=providers)


def _with_account(provider: ProviderConfig, folder: Path) -> ProviderConfig:
    named = provider.options.get(ACCOUNT_FILE)
    if not isinstance(named, str):
        return provider
    return structs.replace(provider, options={**provider.options, ACCOUNT_FILE: str(folder / named)})
