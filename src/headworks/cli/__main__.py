"""`headworks`: words in, calls out. Exit codes: 0 done, 1 refused or not whole, 2 wrong words, 3 unreachable."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from headworks.cli.output import Output
from headworks.errors import HeadworksError, HomeUnavailable

VERSION = "0.1.0"
COMMANDS = ("serve", "check", "init", "lock", "keys", "models", "targets", "records", "usage", "backup")


def parser(named: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The command line with these commands; a command's module is imported for it, so that one costs no other's."""
    words = argparse.ArgumentParser(prog="headworks", description="The API layer for AI.")
    words.add_argument("--version", action="version", version=f"headworks {VERSION}")
    commands = words.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in named:
        import_module(f"headworks.cli.{name}").add_words(commands)
    return words


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line; gives the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    named = given[:1] if given and given[0] in COMMANDS else COMMANDS
    asked = parser(named).parse_args(given)
    output = Output(bool(getattr(asked, "json", False)))
    try:
        return int(asked.run(asked, output))
    except HeadworksError as error:
        output.refuse(error)
        return 3 if isinstance(error, HomeUnavailable) else 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1


if __name__ == "__main__":
    sys.exit(main())
