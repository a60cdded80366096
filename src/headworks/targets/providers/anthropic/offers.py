"""What Anthropic serves, task by task."""

from __future__ import annotations

from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.anthropic.counting import AnthropicMessageCount, AnthropicTokenCount
from headworks.targets.providers.anthropic.facts import OWN
from headworks.targets.providers.anthropic.messages import AnthropicMessages, allowed_betas
from headworks.targets.providers.offers import Offer

OFFERS = (
    Offer(
        "",
        "chat",
        "POST /v1/messages",
        "turns, tools and pictures translated both ways; JSON by a tool that must be called; "
        "thinking as `reasoning_content`; `reasoning_effort` as effort where the model has one; `seed` left out",
        lambda model, settings: AnthropicChat(model),
        own="MODEL",
    ),
    Offer(
        "",
        "messages",
        "POST /v1/messages",
        "the caller's JSON and the answer's pass unaltered but for the model, the way of streaming and caps; of `anthropic-beta` "
        "what is allowed",
        lambda model, settings: AnthropicMessages(model, OWN, allowed_betas(settings)),
        own="MODEL",
    ),
    Offer(
        "",
        "token-count",
        "POST /v1/messages/count_tokens",
        "the conversation as for `chat`",
        lambda model, settings: AnthropicTokenCount(model=model),
        own="MODEL",
    ),
    Offer(
        "",
        "message-token-count",
        "POST /v1/messages/count_tokens",
        "the conversation as it stands",
        lambda model, settings: AnthropicMessageCount(model=model, betas=allowed_betas(settings)),
        own="MODEL",
    ),
)
