"""`headworks keys create|list|rotate|revoke`: API keys of a home, with or without a running service."""

import argparse
from typing import Any

from headworks.cli.output import Output, table
from headworks.cli.where import add_home, add_home_config, home_config_of, home_of
from headworks.errors import ConfigurationRefused
from headworks.owner import carry_out

ID_HELP = "the key's id, as `headworks keys list` shows it"
ID_LENGTH = 8


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("keys", help="create, list, rotate and revoke API keys")
    actions = words.add_subparsers(dest="action", metavar="ACTION", required=True)

    create = actions.add_parser("create", help="make a key; it is shown once")
    create.add_argument("name", help="who or what uses it")
    create.add_argument(
        "--scope",
        action="append",
        help="call:ENDPOINT, catalogue, statistics or admin; repeat (default: call:* and catalogue)",
    )
    create.add_argument("--rate", help="for example 10/s or 1000/h")
    create.add_argument("--concurrency", type=int, help="calls at once")
    create.add_argument("--tokens", help="tokens at services outside, for example 10000/m")
    create.add_argument("--tenant", help="the customer or department it belongs to")
    create.add_argument("--expires", help="for example 30d, or never")
    create.add_argument("--network", action="append", help="CIDR it may come from; repeat")
    add_home(create)
    add_home_config(create)
    create.set_defaults(run=run_create)

    listing = actions.add_parser("list", help="every key, without secrets")
    add_home(listing)
    listing.set_defaults(run=run_list)

    rotate = actions.add_parser("rotate", help="make a successor; both are valid for the overlap")
    rotate.add_argument("id", help=ID_HELP)
    rotate.add_argument("--overlap", default="24h", help="how long the old key stays valid (default: 24h)")
    add_home(rotate)
    add_home_config(rotate)
    rotate.set_defaults(run=run_rotate)

    revoke = actions.add_parser("revoke", help="end a key now")
    revoke.add_argument("id", help=ID_HELP)
    add_home(revoke)
    revoke.set_defaults(run=run_revoke)


def run_create(asked: argparse.Namespace, output: Output) -> int:
    """Create a key and show it, once."""
    named = {name: getattr(asked, name) for name in ("rate", "concurrency", "expires", "tokens", "tenant")}
    arguments: dict[str, Any] = {"name": asked.name, **{k: v for k, v in named.items() if v is not None}}
    if asked.scope:
        arguments["scopes"] = asked.scope
    if asked.network:
        arguments["networks"] = asked.network
    home = home_of(asked)
    is_new = not home.exists()
    made = carry_out(home, "keys.create", arguments, lambda: home_config_of(asked))
    note = ""
    if is_new:
        note = f" {home} is a new home: no service has run on it yet. The configuration that counts is the one here, or --config."
    output.show(made, lambda: f"{made['key']}\n\nKey {made['id']} for {asked.name}. It is not shown again.{note}")
    return 0


def run_list(asked: argparse.Namespace, output: Output) -> int:
    """List the keys."""
    keys = carry_out(home_of(asked), "keys.list", {})
    header = ("ID", "NAME", "SCOPES", "STATUS", "EXPIRES", "LAST USED")
    columns = ("id", "name", "scopes", "status", "expires", "last_used")

    def as_text() -> str:
        return table(header, ([_cell(key.get(column)) for column in columns] for key in keys))

    output.show(keys, as_text)
    return 0


def run_rotate(asked: argparse.Namespace, output: Output) -> int:
    """Make a successor of a key."""
    made = carry_out(
        home_of(asked), "keys.rotate", {"id": _id(asked), "overlap": asked.overlap}, lambda: home_config_of(asked)
    )
    output.show(
        made, lambda: f"{made['key']}\n\nKey {made['id']} succeeds {asked.id}, which stays valid for {asked.overlap}."
    )
    return 0


def run_revoke(asked: argparse.Namespace, output: Output) -> int:
    """Revoke a key."""
    done = carry_out(home_of(asked), "keys.revoke", {"id": _id(asked)})
    output.show(done, lambda: f"Key {asked.id} is revoked.")
    return 0


def _id(asked: argparse.Namespace) -> str:
    """The id asked for; a whole key in its place is not repeated.

    Raises: ConfigurationRefused.
    """
    key_id: str = asked.id
    if len(key_id) == ID_LENGTH and key_id.isalnum():
        return key_id
    raise ConfigurationRefused("Name the key by its id, the eight characters that `headworks keys list` shows first.")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
