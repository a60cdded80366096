"""`headworks usage`: what services outside were used for and what that cost, with or without a service running."""

import argparse
from functools import partial

import msgspec

from headworks.cli.output import Output, table
from headworks.cli.where import add_home, add_home_config, home_config_of, home_of
from headworks.dialects.native.table import table_of
from headworks.errors import ConfigurationRefused
from headworks.owner import settle
from headworks.records.using import EVERY, FIRST_DAY, LAST_DAY, Asked, used
from headworks.units import is_day

SHOWN = ("calls", "failed", "input_tokens", "output_tokens", "characters", "images", "cost", "unpriced")


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("usage", help="what services outside were used for, and what that cost")
    words.add_argument("--by", default=",".join(EVERY), help="day, caller, endpoint, target; several with commas")
    words.add_argument("--since", default=FIRST_DAY, help="the first day, such as 2026-11-01 (UTC)")
    words.add_argument("--until", default=LAST_DAY, help="the last day")
    words.add_argument("--csv", action="store_true", help="comma-separated values")
    add_home(words)
    add_home_config(words)
    words.set_defaults(run=run)


def run(asked: argparse.Namespace, output: Output) -> int:
    """Show the sums."""
    which = asked_of(asked.by, asked.since, asked.until)
    home = home_of(asked)
    settle(home, partial(home_config_of, asked))
    rows = used(home, which)
    if asked.csv and not output.is_json:
        columns = tuple(rows[0]) if rows else which.by
        print(table_of(msgspec.json.encode(rows), columns, is_array=True).decode(), end="")
        return 0
    columns = (*which.by, *SHOWN)
    output.show(rows, lambda: table([name.upper() for name in columns], [[row[c] for c in columns] for row in rows]))
    return 0


def asked_of(by: str, since: str, until: str) -> Asked:
    """What the words ask for.

    Raises: ConfigurationRefused, naming the word.
    """
    names = tuple(each for each in EVERY if each in by.split(","))
    if not names or len(names) != len(set(by.split(","))):
        raise ConfigurationRefused(f"--by {by!r}: name some of {', '.join(EVERY)}, with commas.")
    for word, day in (("--since", since), ("--until", until)):
        if not is_day(day):
            raise ConfigurationRefused(f"{word} {day!r} is no day; write 2026-11-27.")
    return Asked(names, since, until)
