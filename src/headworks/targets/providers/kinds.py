"""The kinds of providers there are: ours, and those that other packages register in group `headworks.providers`.

A kind's module is imported when a configuration names it, so that no vendor's library loads unasked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec import structs

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.prompts import PROMPTS, prompted
from headworks.targets.providers.wire import Bound, Kind, ProviderSettings

if TYPE_CHECKING:
    from headworks.targets.providers.prompts.wording import Wording

GROUP = "headworks.providers"
BUILT_IN: Mapping[str, str] = {
    name: f"headworks.targets.providers.{module}"
    for name, module in {
        "anthropic": "anthropic",
        "aws": "aws",
        "azure": "azure",
        "cohere": "cohere",
        "gemini": "gemini",
        "google": "google",
        "http": "http_json",
        "huggingface": "huggingface",
        "oip": "oip",
        "openai": "openai",
    }.items()
}


def kind_of(name: str) -> Kind:
    """The kind of this name.

    Raises: ConfigurationRefused, naming the kinds there are.
    """
    module = BUILT_IN.get(name)
    if module is not None:
        kind: Kind = import_module(module).KIND
        return kind
    entry_points = import_module("importlib.metadata").entry_points  # takes 2 MB, which our own kinds do not need
    for entry in entry_points(group=GROUP, name=name):
        registered: Kind = entry.load()
        return registered
    known = sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})
    raise ConfigurationRefused(f"there is no kind of provider {name!r}; say `kind`, one of {', '.join(known)}")


_WITHOUT_OFFERS = frozenset({"http", "oip"})
"""Kinds whose references say nothing of tasks."""
PROMPT = "prompt:"
"""Before a reference: its chat serves the task by a prompt, even where the kind has an operation of its own for any name."""


def kinds_serving(task: str) -> tuple[str, ...]:
    """Our kinds with operations of their own for a task; `http` has whatever is declared.

    Cost: imports what every kind offers, which no vendor's library comes with.
    """
    described = [name for name in BUILT_IN if name not in _WITHOUT_OFFERS]
    offers = {name: import_module(f"{BUILT_IN[name]}.offers").OFFERS for name in described}
    return (*(name for name, rows in offers.items() if any(row.task == task for row in rows)), "http")


def bound(settings: Mapping[str, ProviderSettings], target: str, task: str, wording: Wording | None = None) -> Bound:
    """What answers a task at `provider/reference`: an operation of its kind, else its chat by a prompt, worded by the endpoint.

    Raises: ConfigurationRefused: an unknown setting, what is missing, or which tasks and operations there are instead.
    """
    name, _, reference = target.partition("/")
    provider = settings[name]
    kind = kind_of(provider.kind)
    refuse_unknown(provider, kind.options)
    plain = reference.removeprefix(PROMPT)
    served = kind.tasks(plain)
    if plain == reference and (task in served or task not in PROMPTS or "chat" not in served):
        return kind.bind(provider, reference, task)
    if task not in PROMPTS:
        text = f"there is no prompt for {task!r}; there are: {', '.join(PROMPTS)}"
        raise ConfigurationRefused(text, errors=(FieldError(f"/providers/{name}", text),))
    chat = kind.bind(provider, plain, "chat")
    operation = prompted(chat.operation, task, wording)
    return structs.replace(chat, operation=operation, added_tokens=operation.added_tokens)


def refuse_unknown(provider: ProviderSettings, known: Iterable[str]) -> None:
    """Refuse settings that a kind does not know.

    Raises: ConfigurationRefused, naming each and the nearest known one.
    """
    from difflib import get_close_matches  # only mistakes need it

    wrong = []
    for key in provider.options:
        if key in known:
            continue
        near = get_close_matches(key, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"kind {provider.kind} knows: {', '.join(known) or 'none'}"
        wrong.append(FieldError(f"/providers/{provider.name}/{key}", f"unknown key {key!r}; {hint}"))
    if wrong:
        raise ConfigurationRefused("; ".join(error.message for error in wrong), errors=tuple(wrong))
