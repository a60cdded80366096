"""`headworks targets list`: how the services outside fare, and which of several equals are asked last."""

import argparse
from collections.abc import Iterator
from typing import Any

from headworks.cli.output import Output, table
from headworks.cli.where import add_home, home_of
from headworks.owner import carry_out


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("targets", help="how the services outside and the equals of an endpoint fare")
    actions = words.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every target outside with its breakers, every equal with its standing")
    add_home(listing)
    listing.set_defaults(run=run_list)


def run_list(asked: argparse.Namespace, output: Output) -> int:
    """List the targets."""
    found = carry_out(home_of(asked), "targets.list", {})
    output.show(found, lambda: "\n\n".join(_tables(found)))
    return 0


def _tables(found: dict[str, Any]) -> Iterator[str]:
    outside = (
        (
            each["name"],
            each["origin"],
            each["model"],
            ",".join(each["keys"]),
            each["running"],
            each["sent"],
            _failed(each),
        )
        for each in found["outside"]
    )
    yield table(("TARGET", "ORIGIN", "MODEL", "KEYS", "RUNNING", "SENT", "FAILED"), outside)
    columns = ("endpoint", "target", "standing", "ejections", "calls", "failed")
    equals = ([each[column] for column in columns] for each in found["equals"])
    yield table(("ENDPOINT", "TARGET", "STANDING", "EJECTIONS", "CALLS", "FAILED"), equals)


def _failed(state: dict[str, Any]) -> str:
    return ", ".join(f"{code} {count}" for code, count in sorted(state["failed"].items())) or "0"
