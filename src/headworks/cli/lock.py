"""`headworks lock`: write the published schemas down, so that a version can no longer change under its callers."""

import argparse

from headworks.checking.inspection import write_lock
from headworks.cli.output import Output, counted
from headworks.cli.where import add_config, add_home, config_of, home_of


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("lock", help="write the published schemas to headworks.lock")
    add_config(words)
    words.add_argument(
        "--breaking",
        action="append",
        default=[],
        metavar="ENDPOINT/vN",
        help="accept a breaking change of this version, or all",
    )
    add_home(words)
    words.set_defaults(run=run)


def run(asked: argparse.Namespace, output: Output) -> int:
    """Load every model, read its schemas, write the lock."""
    path, written = write_lock(config_of(asked), home_of(asked), tuple(asked.breaking))
    done = {"file": str(path), "endpoints": written}
    output.show(
        done, lambda: f"{path}: {counted(len(written), 'version')}\n" + "\n".join(f"  {name}" for name in written)
    )
    return 0
