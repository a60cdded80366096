"""The answer of whoever counts tokens."""

from __future__ import annotations

import msgspec

from headworks.contract.tasks.token_count import Reply
from headworks.errors import ProviderBroken
from headworks.targets.providers.wire import Answer

_encode = msgspec.json.Encoder().encode


def counted(tokens: int | None, model: str) -> Answer:
    """The count.

    Raises: ProviderBroken for none, and for one below 0.
    """
    if tokens is None or tokens < 0:
        raise ProviderBroken(reason="no count of tokens")
    return Answer(_encode(Reply(tokens)), None, model)
