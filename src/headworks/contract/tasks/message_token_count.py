"""Message token count: Anthropic's form of a chat in, how many tokens its model would read out; nothing is answered.

Source: Anthropic API, `POST /v1/messages/count_tokens`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from headworks.contract.tasks import token_count
from headworks.contract.tasks.messages import Beta, Block, Turn

NAME = "message-token-count"

Reply = token_count.Reply


class Request(Struct, frozen=True):
    """The conversation so far; open, as that of `messages` is."""

    messages: Annotated[list[Turn], Meta(min_length=1, max_length=10_000)]
    system: str | list[Block] | None = None
    tools: Annotated[list[Block], Meta(max_length=1000)] | None = None
    anthropic_beta: Annotated[list[Beta], Meta(max_length=64)] | None = None
