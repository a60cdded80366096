"""Media types: what a body is (Content-Type) and what an answer may be (Accept)."""

import re
from functools import lru_cache

from headworks.errors import Malformed, NotAcceptable, UnsupportedMedia

MOST_RANGES = 32
LONGEST_HEADER = 1000

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"\s*({_WORD})/({_WORD})\s*")
_PARAMETER = re.compile(rf';\s*({_WORD})\s*=\s*("(?:[^"\\]|\\.)*"|{_WORD})\s*|;\s*')
_QUALITY = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")


def chosen(accept: str | None, offered: tuple[str, ...]) -> str:
    """The offered type the caller likes best; between equals, the one offered first.

    Raises: NotAcceptable (406), Malformed (400).
    Cost: a comparison for the usual headers, a look-up for those seen of late.
    Source: RFC 9110 section 12.5.1.
    """
    if accept is None or accept == "*/*" or accept == offered[0]:
        return offered[0]
    best = _best(accept, offered)
    if best is None:
        raise NotAcceptable(f"This call can be answered as {', '.join(offered)}; name one of them in Accept.")
    return best


@lru_cache(maxsize=512)
def typed(content_type: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A Content-Type's lower-case type and its parameters, names in lower case.

    Raises: UnsupportedMedia (415) when it is no media type.
    Source: RFC 9110 section 8.3.1.
    """
    read = _read(content_type)
    if read is None:
        raise UnsupportedMedia("Content-Type is not a media type; send for example application/json.")
    return read


def boundary_of(content_type: str | None) -> str:
    """What parts the parts of a form.

    Raises: UnsupportedMedia (415), for what is no form.
    """
    media, parameters = typed(content_type or "application/octet-stream")
    boundary = dict(parameters).get("boundary")
    if media != "multipart/form-data" or not boundary:
        raise UnsupportedMedia("Send multipart/form-data with its boundary.")
    return boundary


@lru_cache(maxsize=512)
def _best(accept: str, offered: tuple[str, ...]) -> str | None:
    ranges = [_range(part) for part in _parts(accept)]
    best, best_quality = None, 0.0
    for media in offered:
        fitting = [(rank, quality) for name, rank, quality in ranges if _fits(name, media)]
        quality = max(fitting)[1] if fitting else 0.0
        if quality > best_quality:
            best, best_quality = media, quality
    return best


def _parts(accept: str) -> list[str]:
    parts = [part for part in accept.split(",") if part.strip()]
    if len(accept) > LONGEST_HEADER or len(parts) > MOST_RANGES:
        raise Malformed(f"Accept holds more than {MOST_RANGES} types or {LONGEST_HEADER} characters.")
    return parts or ["*/*"]


def _range(part: str) -> tuple[str, int, float]:
    """One range of Accept: its name, how exact it is, and its quality."""
    read = _read(part)
    if read is None:
        raise Malformed("Accept is not a list of media types; send for example application/json.")
    name, parameters = read
    quality = dict(parameters).get("q", "1")
    if not _QUALITY.fullmatch(quality):
        raise Malformed("A q value in Accept is a number from 0 to 1 with at most three decimals.")
    return name, 0 if name == "*/*" else 1 if name.endswith("/*") else 2, float(quality)


def _fits(name: str, media: str) -> bool:
    return name in {"*/*", media} or (name.endswith("/*") and media.startswith(name[:-1]))


def _read(text: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    if len(text) > LONGEST_HEADER or not (found := _TYPE.match(text)):
        return None
    parameters, at = [], found.end()
    while at < len(text):
        parameter = _PARAMETER.match(text, at)
        if parameter is None:
            return None
        if parameter[1]:
            parameters.append((parameter[1].lower(), _unquoted(parameter[2])))
        at = parameter.end()
    return f"{found[1]}/{found[2]}".lower(), tuple(parameters)


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
