"""`headworks backup FOLDER`: a copy of a home, made while its service goes on."""

import argparse
from functools import partial
from pathlib import Path

from headworks.backup import back_up
from headworks.cli.output import Output
from headworks.cli.where import add_home, add_home_config, home_config_of, home_of
from headworks.owner import settle


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("backup", help="copy a home while its service goes on")
    words.add_argument("folder", type=Path, help="a new folder for the copy")
    add_home(words)
    add_home_config(words)
    words.set_defaults(run=run)


def run(asked: argparse.Namespace, output: Output) -> int:
    """Copy the home; what opens the copy stays behind."""
    home = home_of(asked)
    settle(home, partial(home_config_of, asked))
    done = back_up(home, asked.folder.absolute())

    def as_text() -> str:
        return (
            f"{done.folder}: {done.size_bytes:,} bytes, {done.content_files} content files. Not in it, and needed to use it: "
            f"{', '.join(done.not_copied)}.\nProve it: headworks records verify --home {asked.folder}"
        )

    output.show(done, as_text)
    return 0
