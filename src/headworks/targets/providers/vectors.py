"""Embeddings in the task's shape, for providers of another dialect."""

from __future__ import annotations

import sys
from array import array
from base64 import b64encode

import msgspec
from msgspec import Struct

from headworks.contract.tasks.embeddings import Request
from headworks.costs import Usage
from headworks.targets.providers.chat_in import cannot
from headworks.targets.providers.wire import Answer, Ask

_decode = msgspec.json.Decoder(Request).decode
_encode = msgspec.json.Encoder().encode


class Texts(Struct, frozen=True):
    """What to embed and how to tell it."""

    texts: list[str]
    dimensions: int | None
    is_base64: bool


def texts_of(ask: Ask) -> Texts:
    """The texts that are asked about.

    Raises: ProviderUnable for tokens, which only the dialect's own models know.
    """
    request = _decode(ask.document)
    given = [request.input] if isinstance(request.input, str) else request.input
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) != len(given):
        raise cannot("/input")
    return Texts(texts, request.dimensions, request.encoding_format == "base64")


def embedded(vectors: list[list[float]], model: str, usage: Usage | None, *, is_base64: bool) -> Answer:
    """The vectors in the order asked, as numbers or as base64 of little-endian 32-bit floats."""
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if is_base64 else vector}
        for index, vector in enumerate(vectors)
    ]
    document: dict[str, object] = {"object": "list", "data": data, "model": model}
    if usage is not None and usage.input_tokens is not None:
        document["usage"] = {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens}
    return Answer(_encode(document), usage, model)


def _packed(vector: list[float]) -> str:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode()
