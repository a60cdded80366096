"""Translation by a prompt."""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

from headworks.contract.tasks.translation import Reply
from headworks.errors import FieldError, ProviderRefused
from headworks.targets.providers.asked import asked
from headworks.targets.providers.prompts.wording import Instructed, Wording, Written, obj, read, sentences, unfit
from headworks.targets.providers.translating import target_language
from headworks.targets.providers.wire import Ask

SAMPLE = b'{"inputs":"a","parameters":{"tgt_lang":"de"}}'
READS = frozenset({"language", "about"})
MAPPING = "into `tgt_lang`, else the configured `language`; from `src_lang` where said; both told as language tags"
_TAG = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,6}")


class _Answer(Struct, frozen=True, forbid_unknown_fields=True):
    translation: str


_answer = msgspec.json.Decoder(_Answer)
_encode = msgspec.json.Encoder().encode


class Translate(Struct, frozen=True):
    """One text into one language."""

    wording: Wording

    def instructed(self, ask: Ask) -> Instructed:
        """The languages and the text.

        Raises: ProviderRefused without a language to translate into, and for one that is no language tag.
        """
        row = asked(ask)
        target = _tag(target_language(row, self.wording.language), "tgt_lang")
        source = f" from the language {_tag(row.wanted.src_lang, 'src_lang')}" if row.wanted.src_lang else ""
        system = sentences(
            f"Translate the text{source} into the language {target} (a BCP 47 tag). Keep its meaning, tone, line breaks and names; "
            "add nothing and leave nothing out.",
            self.wording.about,
        )
        return Instructed(system, [row.inputs], obj(translation={"type": "string"}))

    def document(self, ask: Ask, written: Written) -> bytes:
        """The translated text.

        Raises: ContractViolation when it is empty.
        """
        text = read(_answer, written).translation
        if not text:
            raise unfit("an empty translation")
        return _encode(Reply(text))


BUILD = Translate


def _tag(language: str, field: str) -> str:
    """The language, when it is a tag: nothing else that a caller writes stands among the instructions."""
    if _TAG.fullmatch(language) is None:
        raise ProviderRefused(
            errors=(FieldError(f"/parameters/{field}", "must be a language tag, such as de or pt-BR"),)
        )
    return language
