"""What Cohere's models serve, task by task."""

from __future__ import annotations

from msgspec import Struct

from headworks.targets.providers.cohere.chat import CohereChat
from headworks.targets.providers.cohere.embeddings import CohereEmbeddings, InputType
from headworks.targets.providers.cohere.rerank import CohereRerank
from headworks.targets.providers.offers import Offer
from headworks.targets.providers.options import options_of
from headworks.targets.providers.wire import Operation, ProviderSettings


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """What texts are embedded for where a caller does not say."""

    input_type: InputType = "search_document"


def _embeddings(model: str, settings: ProviderSettings) -> Operation:
    return CohereEmbeddings(model=model, input_type=options_of(settings, Options).input_type)


OFFERS = (
    Offer(
        "",
        "chat",
        "POST /v2/chat",
        "messages, tools, pictures and JSON schemas translated both ways; thinking as `reasoning_content`",
        lambda model, settings: CohereChat(model),
        own="MODEL",
    ),
    Offer(
        "", "embeddings", "POST /v2/embed", "one vector a text; numbers or base64 made here", _embeddings, own="MODEL"
    ),
    Offer(
        "",
        "rerank",
        "POST /v2/rerank",
        "`relevance_score` as `score`, best first",
        lambda model, settings: CohereRerank(model=model),
        own="MODEL",
    ),
)
