"""`headworks check`: is this configuration right? Exit 0 or 1; says what, where and how to fix."""

import argparse

from headworks.cli.output import Output
from headworks.cli.where import add_config, add_json, config_of
from headworks.inspection import inspect


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("check", help="check a configuration, its models and its published schemas")
    add_config(words)
    words.add_argument("--quick", action="store_true", help="read the configuration only; load no model")
    add_json(words)
    words.set_defaults(run=run)


def run(asked: argparse.Namespace, output: Output) -> int:
    """Check everything that `serve` would refuse."""
    report = inspect(config_of(asked), is_quick=asked.quick)
    output.show(report, lambda: "\n".join(["Configuration is right.", *(f"  {line}" for line in report["endpoints"])]))
    return 0
