"""Translation: one text in, the same text in another language out.

Source: Hugging Face task specification `translation` (input.json, output.json).
"""

from typing import Annotated

from msgspec import Meta, Struct

NAME = "translation"

Language = Annotated[str, Meta(min_length=2, max_length=35)]


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The two languages, as BCP 47 tags, where a model knows more than one pair."""

    src_lang: Language | None = None
    tgt_lang: Language | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One text."""

    inputs: Annotated[str, Meta(min_length=1, max_length=100_000)]
    parameters: Parameters | None = None


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """The translated text."""

    translation_text: str
