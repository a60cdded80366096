"""Moderation in the task's shape, for services that give categories with scores: what to judge, and the verdicts."""

from __future__ import annotations

from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterable, Mapping

import msgspec

from headworks.contract.tasks.chat import ImagePart, TextPart
from headworks.contract.tasks.moderation import Reply, Request, Verdict
from headworks.targets.providers.chat_in import cannot, inline_of
from headworks.targets.providers.wire import Ask

FLAGGED_FROM = 0.5
"""The score from which on a category counts as found."""

_decode = msgspec.json.Decoder(Request).decode
_encode = msgspec.json.Encoder().encode


def texts_to_judge(ask: Ask, most: int) -> list[str]:
    """The texts, one verdict each; parts of one input are one text.

    Raises: ProviderUnable for a picture, or for more texts than the service takes at once.
    """
    given = _decode(ask.document).input
    if isinstance(given, str):
        return [given]
    if any(isinstance(part, ImagePart) for part in given) or len(given) > most:
        raise cannot("/input")
    texts = [part for part in given if isinstance(part, str)]
    parts = [part.text for part in given if isinstance(part, TextPart)]
    return texts if len(texts) == len(given) else ["\n".join((*texts, *parts))]


def picture_to_judge(ask: Ask) -> bytes:
    """The one picture.

    Raises: ProviderUnable for anything else.
    """
    given = _decode(ask.document).input
    if isinstance(given, str) or len(given) != 1 or not isinstance(given[0], ImagePart):
        raise cannot("/input")
    try:
        return a2b_base64(inline_of(given[0], "/input/0").data, strict_mode=True)
    except NotBase64:
        raise cannot("/input/0") from None


def verdict(scores: Mapping[str, float], harmless: Iterable[str] = (), flagged_from: float = FLAGGED_FROM) -> Verdict:
    """What was found in one input; categories in `harmless` are told but flag nothing."""
    found = {name: score >= flagged_from for name, score in scores.items()}
    topics = frozenset(harmless)
    return Verdict(any(is_found for name, is_found in found.items() if name not in topics), found, dict(scores))


def judged(verdicts: list[Verdict], model: str) -> bytes:
    """The reply."""
    return _encode(Reply("", model, verdicts))
