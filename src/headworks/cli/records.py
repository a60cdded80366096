"""`headworks records list|show|export|readings|verify|prove|checkpoint|erase|rekey`: a home's record, with or without a service."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from headworks.cli.output import Output, counted, table
from headworks.cli.where import add_home, add_home_config, home_config_of, home_of
from headworks.errors import ConfigurationRefused
from headworks.owner import carry_out, settle
from headworks.records.reading import Filter, Records, own_verifier
from headworks.records.readings import readings
from headworks.records.verify import verify
from headworks.settings import Config
from headworks.units import SECOND_NS, SystemClock, parse_duration_s


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("records", help="read and prove the record of every call")
    actions = words.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="calls, newest first, without content")
    listing.add_argument("--limit", type=_count, default=50, help="how many (default: 50)")
    _add_filter(listing)
    _add_place(listing, run_list)

    show = actions.add_parser("show", help="one call with its content; the reading is recorded")
    show.add_argument("request_id")
    _add_place(show, run_show)

    export = actions.add_parser("export", help="every call with its content, as JSON lines; the reading is recorded")
    export.add_argument("--out", type=Path, help="a file (default: standard output)")
    _add_filter(export)
    _add_place(export, run_export)

    readers = actions.add_parser("readings", help="who read content, newest first")
    readers.add_argument("--limit", type=_count, default=50, help="how many (default: 50)")
    readers.add_argument("--since", help="how far back, for example 30d")
    _add_place(readers, run_readings)

    check = actions.add_parser("verify", help="prove that every record is whole, present and in order")
    check.add_argument("--since", type=Path, help="a checkpoint kept elsewhere: finds a record that was rolled back")
    check.add_argument("--verifier", help="the log's public key, kept elsewhere")
    _add_place(check, run_verify)

    prove = actions.add_parser("prove", help="the proof that one call is in the signed record")
    prove.add_argument("request_id")
    _add_place(prove, run_prove)

    checkpoint = actions.add_parser("checkpoint", help="the newest signed checkpoint, to be kept elsewhere")
    _add_place(checkpoint, run_checkpoint)

    erase = actions.add_parser("erase", help="make all content of a person unreadable for ever; recorded itself")
    erase.add_argument("subject", help="the person, as X-Subject named them")
    _add_place(erase, run_erase)

    change = actions.add_parser(
        "rekey", help="change the key-encryption key, with the service stopped; recorded itself"
    )
    _add_place(change, run_rekey)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return count


def run_list(asked: argparse.Namespace, output: Output) -> int:
    """List calls."""
    with Records(_settled(asked), asked.key_file) as records:
        calls = records.newest(_filter(asked), asked.limit)
    header = ("TIME", "REQUEST", "CALLER", "ENDPOINT", "STATUS", "OUTCOME", "MS")
    output.show(calls, lambda: table(header, map(_row, calls)))
    return 0


def run_show(asked: argparse.Namespace, output: Output) -> int:
    """Show one call."""
    with Records(_settled(asked), _key_file(asked)) as records:
        call = records.show(asked.request_id, _access(asked))
    output.show(call, lambda: msgspec.json.format(msgspec.json.encode(call), indent=2).decode())
    return 0


def run_export(asked: argparse.Namespace, output: Output) -> int:
    """Export calls as JSON lines."""
    count = 0
    with Records(_settled(asked), _key_file(asked)) as records:
        target = sys.stdout.buffer if asked.out is None else asked.out.open("xb")
        try:
            for line in records.export(_access(asked), _filter(asked)):
                target.write(line)
                count += 1
        finally:
            target.flush()
            if asked.out is not None:
                target.close()
    if asked.out is not None:
        told = {"file": str(asked.out), "calls": count}
        output.show(told, lambda: f"{counted(count, 'call')} written to {asked.out}")
    return 0


def run_readings(asked: argparse.Namespace, output: Output) -> int:
    """List who read content."""
    found = readings(_settled(asked), asked.limit, _since_ns(asked.since))

    def row(each: dict[str, Any]) -> tuple[object, ...]:
        what = each["what"]
        kept = {name: value for name, value in (what.get("filter") or {}).items() if value is not None}
        return each["at"], each["by"], what.get("read", "-"), what.get("request_id") or kept or "all"

    output.show(found, lambda: table(("TIME", "BY", "READ", "WHAT"), map(row, found)))
    return 0


def run_verify(asked: argparse.Namespace, output: Output) -> int:
    """Verify the record; 0 only when all of it is whole."""
    home = _settled(asked)
    since = asked.since.read_text(encoding="utf-8") if asked.since else None
    try:
        verdict = verify(home, since=since, verifier=asked.verifier or own_verifier(home, _key_file(asked)))
    except ValueError as error:
        raise ConfigurationRefused(f"--since or --verifier: {error}") from error
    told = {"whole": verdict.is_whole, "first_bad": verdict.first_bad, **msgspec.to_builtins(verdict)}

    def as_text() -> str:
        lines = [f"{counted(verdict.records, 'record')}, {verdict.signed} of them signed for, {verdict.pruned} pruned."]
        if verdict.is_whole:
            return "\n".join([*lines, f"Whole. Root {verdict.root}"])
        return "\n".join(
            [*lines, *(f"  record {each.seq} {each.request_id}: {each.what}" for each in verdict.findings)]
        )

    output.show(told, as_text)
    return 0 if verdict.is_whole else 1


def run_prove(asked: argparse.Namespace, output: Output) -> int:
    """Print the inclusion proofs of one call."""
    with Records(_settled(asked), asked.key_file) as records:
        proofs = [records.prove(seq) for seq in records.seqs_of(asked.request_id)]
    output.show(
        proofs, lambda: "\n".join(msgspec.json.format(msgspec.json.encode(p), indent=2).decode() for p in proofs)
    )
    return 0


def run_checkpoint(asked: argparse.Namespace, output: Output) -> int:
    """Print the newest signed checkpoint and the key that checks it."""
    with Records(_settled(asked), asked.key_file) as records:
        told = {"checkpoint": records.checkpoint(), "verifier": records.verifier().text()}
    output.show(told, lambda: told["checkpoint"])
    return 0


def run_erase(asked: argparse.Namespace, output: Output) -> int:
    """Destroy every data key of a person; their rows stay, and the record still verifies."""
    erased = carry_out(home_of(asked), "records.erase", {"subject": asked.subject}, lambda: _config(asked))

    def as_text() -> str:
        left = [f"Still at a provider, to be deleted there: {thing}" for thing in erased["at_providers"]]
        if not erased["data_keys"]:
            told = f"Nothing is kept of {asked.subject}. Record {erased['record']} says that it was asked for."
        else:
            gone = counted(erased["data_keys"], "data key")
            told = f"Erased: {gone} destroyed. Record {erased['record']} says so."
        return "\n".join([told, *left])

    output.show(erased, as_text)
    return 0


def run_rekey(asked: argparse.Namespace, output: Output) -> int:
    """Make a new key-encryption key and wrap every key anew; finishes a change that was cut off."""
    done = carry_out(home_of(asked), "records.rekey", {}, lambda: _config(asked))

    def as_text() -> str:
        began = "The change that was begun is finished" if done["was_begun"] else "The key-encryption key is changed"
        told = f"{began}: {done['keys']} keys were wrapped anew. Back up the key file; older backups need the old one."
        if not done["unreadable"]:
            return told
        return (
            f"{told}\n{done['unreadable']} data keys could be opened with no key, before as after: keys.db was altered."
        )

    output.show(done, as_text)
    return 0


def _add_filter(words: argparse.ArgumentParser) -> None:
    words.add_argument("--endpoint")
    words.add_argument("--caller", help="a key's id")
    words.add_argument("--outcome", help="ok, or an error's code")
    words.add_argument("--since", help="how far back, for example 1h")


def _add_place(words: argparse.ArgumentParser, run: Callable[[argparse.Namespace, Output], int]) -> None:
    add_home(words)
    add_home_config(words)
    words.add_argument(
        "--key-file", type=Path, help="the key-encryption key, when neither home nor configuration says where"
    )
    words.set_defaults(run=run)


def _filter(asked: argparse.Namespace) -> Filter:
    since_ns = _since_ns(asked.since)
    return Filter(endpoint=asked.endpoint, caller=asked.caller, outcome=asked.outcome, since_ns=since_ns)


def _since_ns(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return SystemClock().wall_ns() - int(parse_duration_s(text) * SECOND_NS)
    except ValueError as error:
        raise ConfigurationRefused(f"--since: {error}") from error


def _config(asked: argparse.Namespace) -> Config:
    """What the configuration says of the home, and where the words say that its key lies."""
    config = home_config_of(asked)
    if asked.key_file is None:
        return config
    return structs.replace(config, records=structs.replace(config.records, key_file=str(asked.key_file)))


def _settled(asked: argparse.Namespace) -> Path:
    """The home, to be read."""
    home = home_of(asked)
    settle(home, partial(_config, asked))
    return home


def _key_file(asked: argparse.Namespace) -> Path | None:
    named = _config(asked).records.key_file
    return None if named is None else Path(named)


def _access(asked: argparse.Namespace) -> Callable[[dict[str, Any]], None]:
    """What makes the reading itself a record, by the running service or here."""

    def accessed(what: dict[str, Any]) -> None:
        carry_out(home_of(asked), "records.accessed", what, lambda: _config(asked))

    return accessed


def _row(call: dict[str, Any]) -> tuple[object, ...]:
    total_us = call.get("total_us") or 0
    endpoint = f"{call['endpoint']}/v{call['version']}" if call.get("endpoint") else call.get("route", "-")
    return (
        call["at"], call["request_id"], call.get("caller_id") or "-", endpoint, call["status"], call["outcome"], f"{total_us / 1000:.1f}",
    )  # fmt: skip
