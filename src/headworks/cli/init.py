"""`headworks init DIR`: a commented project that runs."""

import argparse
from pathlib import Path

from headworks.cli.output import Output
from headworks.cli.where import add_json
from headworks.errors import ConfigurationRefused

FILES = ("headworks.yaml", "models.py", "README.md")


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("init", help="write a commented project that runs")
    words.add_argument("folder", type=Path, help="where to write it; made if there is none")
    add_json(words)
    words.set_defaults(run=run)


def run(asked: argparse.Namespace, output: Output) -> int:
    """Write the project; existing files are never overwritten."""
    folder: Path = asked.folder
    taken = [name for name in FILES if (folder / name).exists()]
    if taken:
        raise ConfigurationRefused(f"{folder} already has {', '.join(taken)}; name an empty directory.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (folder / name).write_bytes((Path(__file__).parent / "project" / f"{name}.txt").read_bytes())
    except OSError as error:
        raise ConfigurationRefused(f"{folder} cannot be written: {error.strerror}.") from error
    written = [str(folder / name) for name in FILES]
    output.show({"written": written}, lambda: "\n".join([*written, f"\nNext: cd {folder} && headworks serve"]))
    return 0
