"""Generate by a prompt: the model is asked to go on with the text; what it writes is the answer, no JSON around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from headworks.contract.tasks.generate import Parameters, Reply, Request
from headworks.targets.providers.chat_in import cannot
from headworks.targets.providers.prompts.wording import Instructed, Wording, Written, sentences
from headworks.targets.providers.wire import Ask

SAMPLE = b'{"inputs":"a"}'
READS = frozenset({"about"})
MAPPING = (
    "`max_new_tokens` as the chat's cap, `temperature` up to 2, `top_p`, `stop` up to four, `seed`; `top_k` is refused; "
    "`finish_reason` is left out where a stop may have ended it"
)
MOST_TEMPERATURE, MOST_STOPS = 2, 4
_NONE = Parameters()
_request = msgspec.json.Decoder(Request).decode
_encode = msgspec.json.Encoder().encode


class Continue(Struct, frozen=True):
    """One text goes on."""

    wording: Wording

    def instructed(self, ask: Ask) -> Instructed:
        """The beginning, and how to go on.

        Raises: ProviderRefused for what a chat has no word for.
        """
        row = _request(ask.document)
        system = sentences(
            "Go on with the text from where it breaks off, in its language, form and voice. Write only what comes next: do not repeat the "
            "text, do not comment on it, and write no marks.",
            self.wording.about,
        )
        return Instructed(system, [row.inputs], fields=_fields(row.parameters or _NONE))

    def document(self, ask: Ask, written: Written) -> bytes:
        """What follows, with the beginning where that was asked."""
        row = _request(ask.document)
        wanted = row.parameters or _NONE
        before = row.inputs if wanted.return_full_text else ""
        return _encode(Reply(before + written.text, _finish(written.finish, wanted)))


BUILD = Continue


def _fields(wanted: Parameters) -> Mapping[str, Any]:
    if wanted.top_k is not None:
        raise cannot("/parameters/top_k")
    if wanted.temperature is not None and wanted.temperature > MOST_TEMPERATURE:
        raise cannot("/parameters/temperature")
    if len(wanted.stop or ()) > MOST_STOPS:
        raise cannot("/parameters/stop")
    said = {
        "max_tokens": wanted.max_new_tokens,
        "temperature": wanted.temperature,
        "top_p": wanted.top_p,
        "stop": wanted.stop or None,
        "seed": wanted.seed,
    }
    return {name: value for name, value in said.items() if value is not None}


def _finish(finish: str, wanted: Parameters) -> Literal["length", "eos_token"] | None:
    if finish == "length":
        return "length"
    return None if wanted.stop or finish != "stop" else "eos_token"
