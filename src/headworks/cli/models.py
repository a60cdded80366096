"""`headworks models list|swap|reload`: the own models of a running service."""

import argparse

from headworks.cli.output import Output, table
from headworks.cli.where import add_home, home_of
from headworks.owner import carry_out


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("models", help="list, swap and reload the models of a running service")
    actions = words.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="every model and its state")
    add_home(listing)
    listing.set_defaults(run=run_list)

    swap = actions.add_parser("swap", help="put a new version of a model in place, without losing a call")
    swap.add_argument("name")
    swap.add_argument("--to", help="the new module:Name or file (default: load the same reference anew)")
    add_home(swap)
    swap.set_defaults(run=run_swap)

    reload = actions.add_parser("reload", help="read the configuration again and swap what changed (as SIGHUP does)")
    add_home(reload)
    reload.set_defaults(run=run_reload)


def run_list(asked: argparse.Namespace, output: Output) -> int:
    """List the models."""
    models = carry_out(home_of(asked), "models.list", {})
    header = ("MODEL", "STATE", "VERSION", "WORKERS", "RESTARTS", "QUEUED", "RUNNING")
    columns = ("name", "state", "version", "workers", "restarts", "queued", "running")
    output.show(models, lambda: table(header, ([model.get(column) for column in columns] for model in models)))
    return 0


def run_swap(asked: argparse.Namespace, output: Output) -> int:
    """Swap one model."""
    arguments = {"name": asked.name, **({"to": asked.to} if asked.to else {})}
    done = carry_out(home_of(asked), "models.swap", arguments)
    output.show(done, lambda: f"{asked.name} now answers from version {done['version']} (was {done['was']}).")
    return 0


def run_reload(asked: argparse.Namespace, output: Output) -> int:
    """Reload the configuration."""
    done = carry_out(home_of(asked), "models.reload", {})

    def as_text() -> str:
        lines = ["Reloaded. Models swapped: " + (", ".join(done["swapped"]) or "none")]
        lines += [f"  changed: {each}" for each in done["changed"]]
        if done["waiting"]:
            lines.append("Waiting for a restart: " + ", ".join(done["waiting"]))
        return "\n".join(lines)

    output.show(done, as_text)
    return 0
