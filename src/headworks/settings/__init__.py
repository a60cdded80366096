"""The configuration: its types, and reading it from YAML with the line of every mistake."""

from headworks.settings.reading import read_config
from headworks.settings.types import Config, EndpointVersion, ModelConfig, RecordsConfig, ServerConfig

__all__ = ["Config", "EndpointVersion", "ModelConfig", "RecordsConfig", "ServerConfig", "read_config"]
