"""`headworks check`: is this configuration right? Exit 0 or 1; says what, where and how to fix."""

import argparse

from headworks.checking.inspection import inspect
from headworks.cli.output import Output
from headworks.cli.where import add_config, add_home, config_of, home_of


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("check", help="check a configuration, its models and its published schemas")
    add_config(words)
    words.add_argument("--quick", action="store_true", help="read the configuration only; load no model")
    add_home(words)
    words.set_defaults(run=run)


def run(asked: argparse.Namespace, output: Output) -> int:
    """Check everything that `serve` would refuse, and what its first calls would."""
    report = inspect(config_of(asked), home_of(asked), is_quick=asked.quick)

    def as_text() -> str:
        lines = ["Configuration is right.", *(f"  {name}" for name in report["endpoints"])]
        if not report["endpoints"]:
            lines.append("It publishes no endpoint yet; `headworks init DIR` writes one to start from.")
        if report["not_locked"]:
            command = " ".join(filter(None, ("headworks lock", str(asked.config or ""))))
            lines.append(f"Not locked as they are now: {', '.join(report['not_locked'])}. Write them down: {command}")
        lines += [f"Note: {note}" for note in report["notes"]]
        return "\n".join(lines)

    output.show(report, as_text)
    return 0
