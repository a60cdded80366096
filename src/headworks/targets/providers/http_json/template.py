"""Paths with holes: fixed parts, and expressions whose values can neither end their part of the path nor climb out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from headworks.errors import ConfigurationRefused, FieldError, ProviderBroken
from headworks.targets.providers.http_json.expressions import Context, Expression

_HOLE = re.compile(r"\{([^{}]+)\}")
_PLAIN = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*")


def pieces_of(path: str, where: str) -> Iterator[str | Expression]:
    """A path's fixed parts and holes, in turn.

    Raises: ConfigurationRefused for what is not percent-encoded, or no expression.
    """
    for index, piece in enumerate(_HOLE.split(path)):
        if index % 2:
            yield Expression(piece, where)
        elif _PLAIN.fullmatch(piece):
            yield piece
        else:
            raise ConfigurationRefused(errors=(FieldError(where, "must be percent-encoded outside its {expressions}"),))


def in_path(hole: Expression, context: Context) -> str:
    """A value of the row as one part of a path.

    Raises: ProviderBroken when there is none, or it is one that servers understand as a step.
    """
    value = hole.of(context.row, context)
    if not isinstance(value, str | int | float) or isinstance(value, bool) or value in {"", ".", ".."}:
        raise ProviderBroken(reason="a part of the path is not in the row")
    return quote(str(value), safe="")
