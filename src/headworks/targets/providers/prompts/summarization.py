"""Summarization by a prompt."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.contract.tasks.summarization import Parameters, Reply, Request
from headworks.targets.providers.prompts.wording import Instructed, Wording, Written, obj, read, sentences, unfit
from headworks.targets.providers.wire import Ask

SAMPLE = b'{"inputs":"a","parameters":{"max_length":100000,"min_length":100000}}'
READS = frozenset({"language", "about"})
MAPPING = "bounds told in words; in the text's own language unless `language` is configured"
_NONE = Parameters()


class _Answer(Struct, frozen=True, forbid_unknown_fields=True):
    summary: str


_answer = msgspec.json.Decoder(_Answer)
_request = msgspec.json.Decoder(Request).decode
_encode = msgspec.json.Encoder().encode


class Summarise(Struct, frozen=True):
    """What one text says, shorter."""

    wording: Wording

    def instructed(self, ask: Ask) -> Instructed:
        """How long, in which language, and the text."""
        row = _request(ask.document)
        wanted = row.parameters or _NONE
        language = self.wording.language
        system = sentences(
            "Summarise the text: shorter, with what matters in it, in your own plain words, and nothing that it does not say.",
            f"Write in the language {language} (a BCP 47 tag)." if language else "Write in the language of the text.",
            f"Write at most {wanted.max_length} words." if wanted.max_length else "",
            f"Write at least {wanted.min_length} words." if wanted.min_length else "",
            self.wording.about,
        )
        return Instructed(system, [row.inputs], obj(summary={"type": "string"}))

    def document(self, ask: Ask, written: Written) -> bytes:
        """The summary.

        Raises: ContractViolation when it is empty.
        """
        text = read(_answer, written).summary
        if not text:
            raise unfit("an empty summary")
        return _encode(Reply(text))


BUILD = Summarise
