"""The pipelines translation and summarization. Source: Hugging Face task specifications of these names."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.contract.tasks import summarization, translation
from headworks.costs import Usage
from headworks.targets.providers.asked import asked
from headworks.targets.providers.huggingface.pipeline import Pipeline, only
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

_encode = msgspec.json.Encoder().encode
_summary = msgspec.json.Decoder(summarization.Request).decode


class _Translated(Struct, frozen=True):
    translation_text: str


class _Summarized(Struct, frozen=True):
    summary_text: str


_TRANSLATED = msgspec.json.Decoder(list[_Translated] | _Translated)
_SUMMARIZED = msgspec.json.Decoder(list[_Summarized] | _Summarized)


class Translation(Pipeline, frozen=True, kw_only=True):
    """A text in another language; a model of one pair needs no languages named, of several its own codes."""

    task: str = "translation"

    def request(self, ask: Ask) -> HttpRequest:
        """One text."""
        row = asked(ask)
        return self.posted(row.inputs, {"src_lang": row.wanted.src_lang, "tgt_lang": row.wanted.tgt_lang})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The translated text."""
        told = decoded(_TRANSLATED, response.body)
        text = (only(told) if isinstance(told, list) else told).translation_text
        return Answer(_encode(translation.Reply(text)), Usage(characters=len(asked(ask).inputs)), self.model)


class Summary(Pipeline, frozen=True, kw_only=True):
    """A text in fewer words."""

    task: str = "summarization"

    def request(self, ask: Ask) -> HttpRequest:
        """One text; bounds on its words are handed on as the model's bounds on tokens."""
        row = _summary(ask.document)
        bounds = row.parameters
        told = {"max_length": bounds and bounds.max_length, "min_length": bounds and bounds.min_length}
        kept = {name: value for name, value in told.items() if value is not None}
        return self.posted(row.inputs, {"generate_parameters": kept or None})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The summary."""
        told = decoded(_SUMMARIZED, response.body)
        text = (only(told) if isinstance(told, list) else told).summary_text
        return Answer(
            _encode(summarization.Reply(text)), Usage(characters=len(_summary(ask.document).inputs)), self.model
        )
