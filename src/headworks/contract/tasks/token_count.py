"""Token count: a chat in, how many tokens a model would read out; nothing is answered.

Source: the request is that of `chat`; the reply is Anthropic's (`POST /v1/messages/count_tokens`).
"""

from typing import Annotated

from msgspec import Meta, Struct

from headworks.contract.tasks import chat

NAME = "token-count"

Request = chat.Request


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """Tokens that the conversation has for this model."""

    input_tokens: Annotated[int, Meta(ge=0)]
