"""What every kind of model needs of a Source: the file it names, the file's digest, its own parameters."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import msgspec

from headworks.errors import ConfigurationRefused
from headworks.targets.models.runner import Source

P = TypeVar("P", bound=msgspec.Struct)

VERSION_DIGITS = 12


def file_of(source: Source) -> Path:
    """The file a source names, absolute.

    Raises: ConfigurationRefused when there is none.
    """
    path = Path(source.folder, source.reference).resolve()
    if not path.is_file():
        raise ConfigurationRefused(f"{source.kind}: there is no file {path}; the path counts from {source.folder}.")
    return path


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def version_of(path: Path) -> str:
    """The name of a file's content: the first 12 digits of its SHA-256."""
    return digest(path)[:VERSION_DIGITS]


def parameters_of(source: Source, kind: type[P]) -> P:
    """The source's parameters as the kind's own type.

    Raises: ConfigurationRefused, naming the parameter and what there is.
    """
    try:
        return msgspec.convert(dict(source.parameters), kind)
    except msgspec.ValidationError as error:
        known = ", ".join(kind.__struct_encode_fields__) or "none"
        raise ConfigurationRefused(
            f"{source.kind} {source.reference!r}: {error}. The parameters of {source.kind} are: {known}."
        ) from error
