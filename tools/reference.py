"""Writes docs/reference from the code: settings, errors, routes, commands. `make docs`; a test compares."""

import argparse
import sys
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
from tools.providers_page import providers

from headworks import errors
from headworks.cli.__main__ import parser
from headworks.contract import tasks
from headworks.routes import table
from headworks.settings import types
from headworks.settings.providers import ProviderConfig

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Written by `make docs` from the code. Do not edit. -->\n\n"
PARTS = (
    ("(top level)", types.Config),
    ("models.NAME", types.ModelConfig),
    ("models.NAME.batch", types.BatchConfig),
    ("providers.NAME", ProviderConfig),
    ("endpoints.NAME.vN", types.EndpointVersion),
    ("endpoints.NAME.vN.targets[]", types.WeightedTarget),
    ("endpoints.NAME.vN.cache", types.CacheConfig),
    ("endpoints.NAME.vN.cache.semantic", types.SemanticConfig),
    ("endpoints.NAME.vN.outliers", types.OutlierConfig),
    ("endpoints.NAME.vN.fallback", types.FallbackConfig),
    ("endpoints.NAME.vN.prompt", types.PromptConfig),
    ("server", types.ServerConfig),
    ("tls", types.TlsConfig),
    ("cors", types.CorsConfig),
    ("keys", types.KeysConfig),
    ("records", types.RecordsConfig),
    ("logs", types.LogsConfig),
)


def pages() -> dict[str, str]:
    """Every generated page by its file's name."""
    return {
        "settings.md": settings(),
        "errors.md": all_errors(),
        "routes.md": routes(),
        "commands.md": commands(),
        "providers.md": providers(),
    }


def settings() -> str:
    """Every setting: type, bound, default."""
    lines = [
        "# Settings",
        "",
        "Every key of `headworks.yaml`. An unknown key is refused. Durations: `800ms`, `10s`, `5m`, `1h`, `30d`; sizes: `64KiB`, `16MiB`; rates: `50/s`, `1000/m`.",
        "",
        f"Tasks: {', '.join(f'`{name}`' for name in tasks.names())}.",
    ]
    for place, kind in PARTS:
        lines += ["", f"## {place}", "", (kind.__doc__ or "").strip(), "", "| key | type | default |", "|---|---|---|"]
        hints = get_type_hints(kind, include_extras=True)
        for field in msgspec.structs.fields(kind):
            lines.append(f"| `{field.name}` | {said(hints[field.name])} | {default(field)} |")
    return "\n".join(lines) + "\n"


def said(hint: Any) -> str:
    """A type in words, with its bounds."""
    schema = msgspec.json.schema(hint)
    found = schema.get("anyOf", [schema])
    return " or ".join(one(each) for each in found).replace("|", "\\|")


def one(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return "a section" if "Weighted" not in schema["$ref"] else "target and weight"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    words = [
        schema.get("description", "").split(":")[0].lower() or schema.get("format") or schema.get("type", "anything")
    ]
    words += [f"from {schema['minimum']}"] if "minimum" in schema else []
    words += [f"to {schema['maximum']}"] if "maximum" in schema else []
    words += [f"like `{schema['pattern']}`"] if "pattern" in schema else []
    return " ".join(words)


def default(field: Any) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return (
        "none"
        if value is None
        else "see below"
        if isinstance(value, msgspec.Struct)
        else f"`{msgspec.json.encode(value).decode()}`"
    )


def all_errors() -> str:
    """Every error a caller or operator can meet."""
    kinds = sorted(below(errors.HeadworksError), key=lambda kind: (kind.status, kind.code))
    lines = [
        "# Errors",
        "",
        "Every error is a problem document (RFC 9457) with `code`, `detail`, `request_id`, a text `error` and, for fields, `errors[].pointer`.",
        "",
        "| status | code | retryable | meaning |",
        "|---|---|---|---|",
    ]
    seen = set()
    for kind in kinds:
        if kind.code not in seen:
            lines.append(
                f"| {kind.status} | `{kind.code}` | {'yes' if kind.retryable else 'no'} | {(kind.__doc__ or '').strip().splitlines()[0]} |"
            )
        seen.add(kind.code)
    return "\n".join(lines) + "\n"


def below(kind: type[errors.HeadworksError]) -> list[type[errors.HeadworksError]]:
    return [kind, *(inner for each in kind.__subclasses__() for inner in below(each))]


def routes() -> str:
    """Every path and who may use it."""
    who = {
        "public": "anybody",
        "key": "a key",
        "statistics": "a key of scope `statistics`, or an administrator's",
        "admin": "an administrator's key",
        "local": "this machine (an administrator's key where the bind is not loopback)",
    }
    lines = [
        "# Routes",
        "",
        "A path that is not here does not exist. `WS /api/{endpoint}/v{version}/ws` is upgraded by the edge; each of its messages is a `POST`.",
        "",
        "| method | path | who |",
        "|---|---|---|",
    ]
    for route in table(16 * 2**20, is_loopback=True):
        note = " (answers 501 in this version)" if route.operation == "not-built" else ""
        lines.append(f"| {route.method} | `{route.template}` | {who[route.auth.value]}{note} |")
    return "\n".join(lines) + "\n"


def commands() -> str:
    """Every command and its words."""
    lines = [
        "# Commands",
        "",
        "Every command has `--json`. Exit codes: 0 done; 1 refused, or not whole; 2 wrong words; 3 the home cannot be used.",
    ]
    for name, words in subcommands(parser()):
        lines += ["", f"## headworks {name}", "", words.description or "", "| word | meaning |", "|---|---|"]
        for action in words._actions:
            if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
                continue
            shown = ", ".join(action.option_strings) or action.metavar or action.dest
            lines.append(f"| `{shown}` | {action.help or ''} |")
    return "\n".join(lines) + "\n"


def subcommands(words: argparse.ArgumentParser, before: str = "") -> list[tuple[str, argparse.ArgumentParser]]:
    found = []
    for action in words._actions:
        if isinstance(action, argparse._SubParsersAction):
            about = {choice.dest: choice.help for choice in action._choices_actions}
            for name, inner in action.choices.items():
                inner.description = inner.description or f"{about.get(name, '')}.\n"
                deeper = subcommands(inner, f"{before}{name} ")
                found += deeper or [(before + name, inner)]
    return found


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(NOTE + text)
    sys.stdout.write(f"{len(pages())} pages written to {FOLDER}\n")
