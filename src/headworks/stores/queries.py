"""Named SQL: each statement stands in a .sql file beside its store, under `-- name: words_of_it`."""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$", re.MULTILINE)


def load_queries(package: str, file: str) -> Mapping[str, str]:
    """The statements of one file by name, comments left out."""
    folder = import_module(package).__path__[0]  # importlib.resources would cost every front a megabyte
    parts = _NAME.split((Path(folder) / file).read_text("utf-8"))
    return {name: _statement(text) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _statement(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")).strip()
