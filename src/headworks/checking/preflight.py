"""The files that a configuration names, looked at before anything starts: there, readable, private, and what they should be.

Without this a wrong one is found by whoever needs it first: the edge, a connection, a token, the record.
"""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import decode

from headworks.assembly.deployment import ACCOUNT_FILE, Deployment
from headworks.errors import HomeUnavailable
from headworks.records.kms import KeyFile
from headworks.settings import Config, ModelConfig
from headworks.settings.problem import Problem
from headworks.settings.providers import ProviderConfig

Place = tuple[str, ...]
_FILES_OF_MODELS = ("onnx", "skops", "sklearn", "xgboost", "lightgbm")


class _Account(Struct, frozen=True):
    """What a service account's key file must have."""

    client_email: str
    private_key: str
    token_uri: str


def refuse_wrong_files(deployment: Deployment) -> None:
    """Refuse what `serve` could not use, each with its line.

    Raises: ConfigurationRefused.
    """
    found = list(file_problems(deployment.config, deployment.path.parent))
    if found:
        from headworks.settings.reading import refused  # a YAML parser, which only mistakes need again

        raise refused(deployment.path, found)


def file_problems(config: Config, folder: Path) -> Iterator[Problem]:
    """Every file that is named and cannot be used; paths count from the configuration's folder."""
    if config.tls is not None:
        yield from _pair(("tls",), ("cert", "key"), folder / config.tls.cert, folder / config.tls.key)
    if config.records.key_file is not None:
        yield from _key_file(("records", "key_file"), folder / config.records.key_file)
    for name, provider in config.providers.items():
        yield from _files_of_provider(("providers", name), provider, folder)
    for name, model in config.models.items():
        yield from _files_of_model(("models", name), model, folder)


def _pair(place: Place, field: tuple[str, str], certificate: Path, key: Path | None) -> Iterator[Problem]:
    """A certificate and its key, as PEM, the key without a pass phrase; `field` are their names."""
    missing = [
        Problem((*place, name), why)
        for name, path in zip(field, (certificate, key), strict=True)
        if path is not None and (why := _unreadable(path))
    ]
    if missing:
        yield from missing
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError):
        where = (*place, field[0])
        text = (
            f"{certificate} and {key or certificate} must be a PEM certificate and its own key, without a pass phrase"
        )
        yield Problem(where, text)


def _no_password() -> str:
    raise ValueError("the key has a pass phrase")


def _files_of_provider(place: Place, provider: ProviderConfig, folder: Path) -> Iterator[Problem]:
    if provider.ca is not None:
        yield from _authorities((*place, "ca"), folder / provider.ca)
    if provider.cert is not None:
        key = None if provider.cert_key is None else folder / provider.cert_key
        yield from _pair(place, ("cert", "cert_key"), folder / provider.cert, key)
    account = provider.options.get(ACCOUNT_FILE)
    if isinstance(account, str):
        yield from _account((*place, ACCOUNT_FILE), folder / account)


def _authorities(place: Place, path: Path) -> Iterator[Problem]:
    if why := _unreadable(path):
        yield Problem(place, why)
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        yield Problem(place, f"{path} holds no certificate of an authority; give it as PEM")


def _account(place: Place, path: Path) -> Iterator[Problem]:
    if why := _unreadable(path):
        yield Problem(place, why)
        return
    try:
        decode(path.read_bytes(), type=_Account)
    except (DecodeError, ValidationError):
        yield Problem(place, f"{path} is no key file of a service account; download one as JSON")


def _key_file(place: Place, path: Path) -> Iterator[Problem]:
    """The key-encryption key: private and whole where it is there, else there must be a folder that it can be written in."""
    if path.exists() or path.is_symlink():
        try:
            KeyFile.open(path, may_create=False)
        except HomeUnavailable as error:
            yield Problem(place, error.detail)
        return
    folder = next(each for each in path.parents if each.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield Problem(place, f"{path} is not there and cannot be made: {folder} cannot be written in")


def _files_of_model(place: Place, model: ModelConfig, folder: Path) -> Iterator[Problem]:
    for kind in _FILES_OF_MODELS:
        named = getattr(model, kind)
        if named is not None and (why := _unreadable(folder / named)):
            yield Problem((*place, kind), why)


def _unreadable(path: Path) -> str:
    """Why a file cannot be read, and where it was looked for; empty when it can."""
    if not path.exists():
        return f"there is no file {path}; paths count from the configuration's folder"
    if not path.is_file():
        return f"{path} is no regular file"
    return "" if os.access(path, os.R_OK) else f"{path} cannot be read by this user; look at its owner and permissions"
