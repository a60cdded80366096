"""The configuration: its types, and reading it from YAML with the line of every mistake."""

from collections.abc import Collection, Mapping
from pathlib import Path

from headworks.settings.types import Config, EndpointVersion, ModelConfig, RecordsConfig, ServerConfig

__all__ = ["Config", "EndpointVersion", "ModelConfig", "RecordsConfig", "ServerConfig", "read_config", "read_parts"]


def read_config(path: Path, environment: Mapping[str, str]) -> Config:
    """See reading.read_config."""
    from headworks.settings.reading import (
        read_config as read,
    )  # a YAML parser takes a megabyte; a bare model file needs none

    return read(path, environment)


def read_parts(path: Path, environment: Mapping[str, str], parts: Collection[str]) -> Config:
    """See reading.read_parts."""
    from headworks.settings.reading import read_parts as read  # as above

    return read(path, environment, parts)
