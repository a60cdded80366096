"""Words that several commands share: which configuration, which home."""

import argparse
import os
from pathlib import Path

from headworks.assembly.deployment import read_of_home
from headworks.errors import ConfigurationRefused
from headworks.home import HOME_NAME, HOME_VARIABLE, home_folder
from headworks.settings import Config

CONFIG_NAME = "headworks.yaml"


def add_home(words: argparse.ArgumentParser) -> None:
    """Add `--home DIR` and `--json`."""
    words.add_argument(
        "--home", type=Path, help=f"where records and keys are kept (default: {HOME_NAME} or ${HOME_VARIABLE})"
    )
    add_json(words)


def add_json(words: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    words.add_argument("--json", action="store_true", help="print one JSON document")


def add_config(words: argparse.ArgumentParser) -> None:
    """Add the configuration as a word of its own."""
    words.add_argument(
        "config", nargs="?", type=Path, help=f"headworks.yaml, or a Python file of models (default: {CONFIG_NAME})"
    )


def add_home_config(words: argparse.ArgumentParser) -> None:
    """Add `--config FILE`, for commands that also work on a home on which no service runs."""
    words.add_argument(
        "--config",
        type=Path,
        dest="home_config",
        metavar="FILE",
        help=f"whose keys: and records: count while no service runs (default: {CONFIG_NAME} in the working folder, if there is one)",
    )


def home_config_of(asked: argparse.Namespace) -> Config:
    """What the configuration asked for says of the home; what holds without one where there is none.

    Raises: ConfigurationRefused.
    """
    path: Path = asked.home_config or Path(CONFIG_NAME)
    if asked.home_config is None and not path.is_file():
        return Config()
    return read_of_home(config_at(path))


def home_of(asked: argparse.Namespace) -> Path:
    """The home directory asked for."""
    return home_folder(asked.home, os.environ)


def config_of(asked: argparse.Namespace) -> Path:
    """The configuration or model file asked for.

    Raises: ConfigurationRefused when there is none.
    """
    return config_at(asked.config or Path(CONFIG_NAME))


def config_at(path: Path) -> Path:
    """The file of a configuration, or of the one in a folder.

    Raises: ConfigurationRefused when there is none.
    """
    if path.is_dir():
        path /= CONFIG_NAME
    if not path.is_file():
        text = (
            f"{path} does not exist. Name a configuration or a Python file of models, or write one: headworks init DIR"
        )
        raise ConfigurationRefused(text)
    return path.absolute()
