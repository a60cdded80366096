"""A project of one model that says what it is told."""

from tests.running import write_config

CONFIG = """
models: {echo: {python: "echoes:echo"}}
endpoints: {echo: {v1: {targets: [echo]}}}
logs: {calls: false}
"""
LARGE = "x" * 200_000
"""Kept in a file of its own."""


def write_echo(folder, more=""):
    """The path of its configuration, beside the model; `more` are further sections."""
    (folder / "echoes.py").write_text(
        "import headworks\n\n\n@headworks.model\ndef echo(text: str) -> str:\n    return text\n"
    )
    return write_config(folder, CONFIG + more)
